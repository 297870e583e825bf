"""A list of addresses: what comes is kept, what does not is recorded."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from tests.sources.conftest import Ingest
from tests.sources.loopback import CONTENT, PICTURE, SHA256, Server
from throughline.errors import BadData, MissingFile, Unreachable

LIST = "url,sport\n"


def listed(server: Server, folder: Path, *names: str) -> str:
    rows = "".join(f"{server.url}/{name},{i}\n" for i, name in enumerate(names))
    (folder / "list.csv").write_text(LIST + rows)
    return "list.csv"


class TestWhatComes:
    def test_is_kept_in_the_order_of_the_list(
        self, server: Server, bring: Ingest, tmp_path: Path
    ) -> None:
        names = ("slow-1.png", "2.png", "slow-3.png", "4.png")
        rows, provenance, _ = bring(urls=listed(server, tmp_path, *names))
        assert rows["sport"].tolist() == [0, 1, 2, 3]
        assert rows["file"].tolist() == list(names)
        assert rows["image"].tolist() == [PICTURE] * 4
        assert provenance["failed"] == []
        assert set(provenance["sha256s"].values()) == {hashlib.sha256(PICTURE).hexdigest()}

    def test_comes_side_by_side(self, server: Server, bring: Ingest, tmp_path: Path) -> None:
        """Each of these answers takes 0.2 s."""
        start = time.perf_counter()
        bring(urls=listed(server, tmp_path, *(f"slow-{i}.png" for i in range(16))))
        assert time.perf_counter() - start < 16 * 0.2 / 2

    def test_is_not_asked_for_again(self, server: Server, bring: Ingest, tmp_path: Path) -> None:
        name = listed(server, tmp_path, "1.png", "2.png", "1.png")
        for _ in range(2):
            rows, _, _ = bring(urls=name)
        assert len(rows) == 3
        assert len(server.ranges) == 2

    def test_addresses_in_the_pipeline_file(self, server: Server, bring: Ingest) -> None:
        rows, _, _ = bring(urls=[f"{server.url}/photo?1", f"{server.url}/photo?2"])
        assert rows["file"].tolist() == ["photo.png", "photo.png"]

    def test_a_file_of_known_checksum(self, server: Server, bring: Ingest, tmp_path: Path) -> None:
        address = f"{server.url}/good.csv"
        (tmp_path / "list.csv").write_text(f"url,sha256\n{address},{SHA256}\n")
        rows, provenance, _ = bring(urls="list.csv")
        assert len(rows) == CONTENT.count(b"\n") - 1
        assert provenance["sha256s"] == {address: SHA256}


class TestWhatDoesNot:
    def test_is_recorded_and_the_rest_is_kept(
        self, server: Server, bring: Ingest, tmp_path: Path
    ) -> None:
        names = ("1.png", "absent.png", "html.png", "text.png", "5.png")
        rows, provenance, _ = bring(urls=listed(server, tmp_path, *names), limit=0.7)
        assert rows["sport"].tolist() == [0, 4]
        failed = provenance["failed"]
        assert [entry["row"] for entry in failed] == [1, 2, 3]
        assert failed[1]["url"] == f"{server.url}/html.png"
        for entry, words in zip(
            failed, ("HTTP 404", "a web page", "must be an image"), strict=True
        ):
            assert words in entry["problem"]

    def test_is_asked_for_again_next_time(
        self, server: Server, bring: Ingest, tmp_path: Path
    ) -> None:
        name = listed(server, tmp_path, "1.png", "text.png")
        for _ in range(2):
            bring(urls=name, limit=0.5)
        assert len(server.ranges) == 3

    def test_beyond_the_limit_is_refused(
        self, server: Server, bring: Ingest, tmp_path: Path
    ) -> None:
        name = listed(server, tmp_path, "1.png", "absent.png")
        with pytest.raises(BadData, match=r"At most 5.0%.*1 of 2.*raise the limit.*HTTP 404"):
            bring(urls=name)
        assert not (tmp_path / "data" / "raw" / "trial").exists()

    def test_servers_that_are_down_may_be_up_later(
        self, bring: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("throughline.sources.fetching.download.time.sleep", lambda _: None)
        with pytest.raises(Unreachable, match="1 of 1"):
            bring(urls=["http://127.0.0.1:9/1.png"])

    def test_a_list_without_addresses(self, bring: Ingest, tmp_path: Path) -> None:
        (tmp_path / "list.csv").write_text("address,sport\nx,1\n")
        with pytest.raises(BadData, match="must have a column 'url'"):
            bring(urls="list.csv")
        with pytest.raises(MissingFile, match=r"source.urls"):
            bring(urls="lists.csv")

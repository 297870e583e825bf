"""Downloads survive servers that stall, break off or lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.sources.conftest import Ingest
from tests.sources.loopback import CONTENT, SHA256, Server
from throughline.errors import BadData, Unreachable
from throughline.sources.fetching.download import TRIES, downloaded


def fetched(server: Server, name: str, cache: Path) -> bytes:
    return downloaded(f"{server.url}/{name}", SHA256, cache, pause=0.01, timeout=0.5).read_bytes()


class TestRecovery:
    @pytest.mark.parametrize("name", ["good.csv", "busy.csv", "forgets.csv"])
    def test_the_whole_file_comes(self, server: Server, tmp_path: Path, name: str) -> None:
        assert fetched(server, name, tmp_path) == CONTENT

    def test_a_dropped_connection_is_resumed(self, server: Server, tmp_path: Path) -> None:
        assert fetched(server, "drops.csv", tmp_path) == CONTENT
        assert server.ranges == [None, "bytes=50000-", "bytes=100000-", "bytes=150000-"]

    def test_a_stalled_server_is_asked_again(self, server: Server, tmp_path: Path) -> None:
        assert fetched(server, "stalls.csv", tmp_path) == CONTENT
        assert server.ranges[1] is not None

    def test_a_killed_download_goes_on_where_it_was(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / f"{SHA256}.part").write_bytes(CONTENT[:1000])
        assert fetched(server, "good.csv", tmp_path) == CONTENT
        assert server.ranges == ["bytes=1000-"]

    def test_a_false_start_is_thrown_away(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / f"{SHA256}.part").write_bytes(b"x" * 1000)
        with pytest.raises(BadData, match="must have sha256"):
            fetched(server, "good.csv", tmp_path)
        assert fetched(server, "good.csv", tmp_path) == CONTENT


class TestRefusal:
    def test_html_with_status_200(self, server: Server, tmp_path: Path) -> None:
        with pytest.raises(BadData, match=r"must deliver data.*a web page of 42 bytes"):
            fetched(server, "html.csv", tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_wrong_checksum(self, server: Server, tmp_path: Path) -> None:
        with pytest.raises(BadData, match=f"Received: {SHA256}"):
            downloaded(f"{server.url}/good.csv", "0" * 64, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_checksum_is_found_and_asked_for(
        self, server: Server, bring: Ingest
    ) -> None:
        address = f"{server.url}/good.csv"
        with pytest.raises(BadData, match=f"before a file is trusted.*with {SHA256}"):
            bring(url=address, sha256="unknown")
        rows, _, _ = bring(url=address, sha256=SHA256)
        assert len(rows) == CONTENT.count(b"\n") - 1

    def test_a_checksum_is_unknown_for_addresses_only(self, bring: Ingest) -> None:
        with pytest.raises(ValidationError, match="for 'url' only"):
            bring(file="good.csv", sha256="unknown")

    def test_an_absent_file_is_asked_for_once(self, server: Server, tmp_path: Path) -> None:
        with pytest.raises(BadData, match="HTTP 404"):
            fetched(server, "absent.csv", tmp_path)
        assert len(server.ranges) == 1

    def test_no_server(self, tmp_path: Path) -> None:
        with pytest.raises(Unreachable, match=f"ConnectionError after 0 bytes, {TRIES} times"):
            downloaded("http://127.0.0.1:9/x.csv", SHA256, tmp_path, pause=0.01, timeout=0.5)


class TestIngest:
    def test_a_url_becomes_rows_and_is_fetched_once(
        self, server: Server, bring: Ingest, tmp_path: Path
    ) -> None:
        for _ in range(2):
            rows, provenance, _ = bring(url=f"{server.url}/good.csv", sha256=SHA256)
        assert len(rows) == 20_000
        assert provenance["sha256"] == SHA256
        assert len(server.ranges) == 1

    def test_no_address(self, bring: Ingest) -> None:
        with pytest.raises(BadData, match="https://"):
            bring(url="file:///etc/passwd", sha256=SHA256)

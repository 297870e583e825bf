"""What a release names goes to DVC's remote and comes back; each fault of a remote is one line."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.data_cloud import DataCloud
from dvc.repo import Repo

from tests.flows.shop import write
from throughline.cli.ending import ended
from throughline.errors import BadPipeline
from throughline.releasing.outputs import cached, digest_of
from throughline.releasing.remote import NoRemote, _intact, answering, fetch, push


class ClientError(Exception):
    """As botocore's: neither an OSError nor DVC's."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A DVC repository with a folder as its remote."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    Repo.init(str(root), no_scm=True).close()
    remote(root, str(tmp_path / "store"))
    return root


def remote(root: Path, url: str, **more: str) -> None:
    """Set DVC's remote."""
    lines = [f"    {key} = {value}" for key, value in {"url": url, **more}.items()]
    settings = "[core]\n    remote = store\n    analytics = false\n    no_scm = true\n"
    write(root / ".dvc/config", settings + "['remote \"store\"']\n" + "\n".join(lines) + "\n")


def built(root: Path, content: str) -> dict[str, Any]:
    """The record of a build whose raw data are a folder; DVC's cache holds it."""
    for path in ("raw/rows.csv", "raw/deeper/notes.txt", "model.onnx"):
        write(root / path, f"{content} {path}")
    with Repo(str(root)) as repo:
        repo.add([str(root / "raw"), str(root / "model.onnx")])
    return {
        "stages": {
            "ingest": {"raw": digest_of(root / "raw")},
            "export": {"model.onnx": digest_of(root / "model.onnx")},
        }
    }


class TestPush:
    def test_a_release_goes_to_the_remote_though_a_newer_build_exists(self, root: Path) -> None:
        old = built(root, "old")
        built(root, "new")
        assert push(root, old) == 4

        # A clone that has nothing gets every file of it, and proves it once more.
        shutil.rmtree(root / ".dvc/cache")
        with Repo(str(root)) as repo:
            fetch(root, old["stages"]["export"]["model.onnx"], root / "fetched")
            assert (root / "fetched").read_text() == "old model.onnx"
            assert repo.cache.local.path
        assert push(root, old) == 4

    def test_a_listing_comes_after_the_files_that_it_lists(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = built(root, "old")
        lost = cached(root / ".dvc/cache/files/md5", digest_of(root / "raw/rows.csv"))
        lost.unlink()
        with pytest.raises(NoRemote, match=f"1 missing: {digest_of(root / 'raw/rows.csv')}"):
            push(root, record)
        listing = record["stages"]["ingest"]["raw"]
        assert not cached(root.parent / "store/files/md5", listing).exists()

    def test_a_file_that_was_damaged_there_is_sent_again(self, root: Path) -> None:
        record = built(root, "old")
        push(root, record)
        digest = record["stages"]["export"]["model.onnx"]
        damaged = cached(root.parent / "store/files/md5", digest)
        damaged.chmod(0o644)
        damaged.write_text("other bytes")
        # DVC drops it, and the cache has it.
        assert push(root, record) == 4
        assert damaged.read_text() == "old model.onnx"

    def test_a_file_that_comes_back_otherwise_is_noticed(self, tmp_path: Path) -> None:
        write(tmp_path / "ab/cdef", "other bytes")
        with pytest.raises(NoRemote, match="abcdef is damaged"):
            _intact(tmp_path)


class TestFaults:
    def test_no_remote(self, root: Path) -> None:
        record = built(root, "old")
        write(root / ".dvc/config", "[core]\n    analytics = false\n    no_scm = true\n")
        with pytest.raises(BadPipeline, match="dvc remote add"):
            push(root, record)

    def test_a_remote_that_cannot_be_written(self, root: Path, capfd: Any) -> None:
        record = built(root, "old")
        write(root.parent / "store", "a file where the remote's folder should be")
        assert ended(lambda: push(root, record)) == 2
        one_line(capfd)

    @pytest.mark.parametrize("error", [ClientError("no\ncredentials"), RuntimeError("loop closed")])
    def test_whatever_a_client_raises(
        self, root: Path, error: Exception, capfd: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = built(root, "old")
        digest = record["stages"]["export"]["model.onnx"]
        shutil.rmtree(root / ".dvc/cache")

        def away(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(DataCloud, "get_remote_odb", away)
        for call in (lambda: push(root, record), lambda: fetch(root, digest, root / "a")):
            assert ended(call) == 2
            assert type(error).__name__ in one_line(capfd)

    def test_s3_without_credentials(
        self, root: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("dvc_s3", reason="extra s3 is not installed")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, "/dev/null")
        record = built(root, "old")
        remote(root, "s3://bucket/dvc", endpointurl="http://127.0.0.1:9")
        assert ended(lambda: push(root, record)) == 2
        assert "credentials" in one_line(capfd)

    def test_what_libraries_log_is_kept_from_the_screen_meanwhile(self, caplog: Any) -> None:
        log = logging.getLogger("dvc_data.transfer")
        with pytest.raises(NoRemote, match="PermissionError: not yours"), answering("take it"):
            for number in range(2):
                log.error("failed %s", number, exc_info=PermissionError("not yours"))
            raise NoRemote("It must be taken")
        log.error("said again")
        assert [record.message for record in caplog.records] == ["said again"]


def one_line(capfd: Any) -> str:
    """What was told; it is one line without a traceback."""
    told = capfd.readouterr().err
    lines = [line for line in told.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in told, told
    return str(lines[0])

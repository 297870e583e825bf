"""Servers that lie and disks that are full: `ingest` says what went wrong, leaves nothing false,
and succeeds when it is run again."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.sources.conftest import Ingest
from tests.sources.loopback import CONTENT, PACKED, PACKED_SHA256, SHA256, Server
from throughline.errors import BadData, Unreachable
from throughline.paths import Workspace
from throughline.stages.wire import wire

ROOT = Path(__file__).resolve().parents[3]
DISK_BYTES = 1 << 20
PROGRAM = """
import sys
from pathlib import Path
from types import SimpleNamespace
from throughline.stages.given import StageInput
from throughline.pipeline.schema.source import Source
from throughline.stages.ingest import ingest
from throughline.paths import Workspace
view = SimpleNamespace(source=Source(url=sys.argv[2], sha256=sys.argv[3]))
ingest(StageInput("t", {"main": view}, {"main": "main"}, {}, {}), Workspace(Path(sys.argv[1]), "t"))
"""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that a test has no time for."""
    from throughline.sources.fetching import download

    monkeypatch.setattr(download.downloaded, "__defaults__", (0.01, 0.3, True, None))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("impatient")
class TestServers:
    @pytest.mark.parametrize(
        ("fault", "kind", "words"),
        [
            ("cut", BadData, "must have sha256"),
            ("wrong", BadData, "must have sha256"),
            ("html", BadData, "must deliver data"),
            ("stalling", Unreachable, "Run again"),
            ("failing", Unreachable, "HTTP 503"),
        ],
    )
    def test_a_rerun_succeeds_and_nothing_false_is_left(
        self,
        server: Server,
        bring: Ingest,
        tmp_path: Path,
        fault: str,
        kind: type[Exception],
        words: str,
    ) -> None:
        server.fault = fault
        with pytest.raises(kind, match=words):
            bring(url=f"{server.url}/data.csv.gz", sha256=PACKED_SHA256)
        assert not (tmp_path / "data" / "raw" / "trial").exists()
        assert PACKED_SHA256 not in [name.rpartition("/")[2] for name in files(tmp_path)]
        server.fault = ""
        rows, provenance, _ = bring(url=f"{server.url}/data.csv.gz", sha256=PACKED_SHA256)
        assert len(rows) == CONTENT.count(b"\n") - 1
        assert provenance["sha256"] == PACKED_SHA256
        assert not [name for name in files(tmp_path) if name.endswith(".part")]

    def test_a_gzip_file_that_was_published_cut(
        self, server: Server, bring: Ingest, tmp_path: Path
    ) -> None:
        """Its checksum is right, so only its content shows that the end is missing."""
        cut = hashlib.sha256(PACKED[:-100]).hexdigest()
        server.fault = "cut"
        with pytest.raises(BadData, match=r"whole gzip file.*ends in the middle"):
            bring(url=f"{server.url}/data.csv.gz", sha256=cut)
        assert not (tmp_path / "data").exists()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = f"size={DISK_BYTES}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "throughline-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs the rights of root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


class TestDiskFull:
    def run(self, root: Path, server: Server, name: str, sha256: str) -> str:
        command = [sys.executable, "-c", PROGRAM, str(root), f"{server.url}/{name}", sha256]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""

    @pytest.mark.parametrize(
        ("room", "name", "sha256"),
        [
            pytest.param(20_000, "data.csv.gz", PACKED_SHA256, id="download"),
            pytest.param(len(PACKED) + 30_000, "data.csv.gz", PACKED_SHA256, id="rows"),
            pytest.param(150_000, "good.csv", SHA256, id="plain file"),
        ],
    )
    def test_a_rerun_succeeds_when_there_is_room(
        self, server: Server, disk: Path, room: int, name: str, sha256: str
    ) -> None:
        ballast = disk / "ballast"
        status = os.statvfs(disk)
        ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - room))
        said = self.run(disk, server, name, sha256)
        assert "No space left on device" in said
        assert not (disk / "data" / "raw" / "t").exists()
        kept = [path for path in disk.rglob(sha256) if path.is_file()]
        assert all(hashlib.sha256(p.read_bytes()).hexdigest() == sha256 for p in kept)
        ballast.unlink()
        assert self.run(disk, server, name, sha256) == ""
        assert files(disk / "data") == [
            f"raw/t/{name}" for name in ("provenance.json", "reading.json", "rows.parquet")
        ]

    def test_is_said_in_a_sentence(self, server: Server, disk: Path) -> None:
        workspace = Workspace(disk, "shop")
        workspace.pipeline_file.parent.mkdir(parents=True)
        source = {"url": f"{server.url}/data.csv.gz", "sha256": PACKED_SHA256}
        document = {"title": "a", "task": "regression", "source": source}
        document |= {"target": "b", "columns": {"a": {}}, "network": []}
        workspace.pipeline_file.write_text(yaml.safe_dump(document))
        shutil.copy(ROOT / "params.yaml", disk)
        wire(disk, ["shop"])
        status = os.statvfs(disk)
        (disk / "ballast").write_bytes(bytes(status.f_bavail * status.f_frsize - 20_000))
        done = subprocess.run(
            [sys.executable, "-m", "throughline", "ingest", "shop"],
            cwd=disk, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 2
        assert done.stderr.startswith("error: There must be room on the disk")
        assert done.stderr.count("\n") == 1


def test_the_packed_file_is_what_the_plain_one_is() -> None:
    assert gzip.decompress(PACKED) == CONTENT

"""What `.cache` keeps is its owner's alone, whatever the umask and whatever lay there before."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.security.hostile import ROWS, zipped
from tests.security.projects import ingested
from tests.sources.loopback import SHA256, Server
from throughline.cache import CACHE, private, private_file, store
from throughline.sources.kinds import archive


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The one that leaves most to others."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def server() -> Iterator[Server]:
    held = Server()
    threading.Thread(target=held.serve_forever, daemon=True).start()
    yield held
    held.shutdown()
    held.server_close()


def shared(folder: Path) -> dict[str, str]:
    """What another account may use of a folder and of all below it."""
    found = {path: path.lstat().st_mode for path in (folder, *folder.rglob("*"))}
    return {str(path): stat.filemode(mode) for path, mode in found.items() if mode & 0o077}


def pictures() -> bytes:
    files = {}
    for number in range(4):
        file = io.BytesIO()
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(file, "PNG")
        files[f"{number % 2}/{number}.png"] = file.getvalue()
    return zipped(files)


class TestWhatIsFetched:
    def test_is_its_owners_alone(
        self, project: Path, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # As an older version left it.
        (project / ".cache/downloads").mkdir(parents=True)
        (project / "params.yaml").write_text("hosts: [127.0.0.1]\n")
        ingested(project, url=f"{server.url}/good.csv", sha256=SHA256)
        ingested(project, urls=[f"{server.url}/photo?1"])
        monkeypatch.setattr(archive, "extracted", lambda address: ROWS)
        package = {"archive": "pypi:seeds==1:rows.csv", "licence": "MIT"}
        ingested(project, **package, sha256=hashlib.sha256(ROWS).hexdigest())
        kept = [path for path in (project / CACHE).rglob("*") if path.is_file()]
        assert len(kept) == 3
        assert shared(project / CACHE) == {}

    def test_is_as_shared_as_data_are_once_it_is_data(self, project: Path) -> None:
        (project / "pictures.zip").write_bytes(pictures())
        ingested(project, file="pictures.zip", images={"size": [4, 4]})
        (array,) = (project / "data/raw/rain/rows.images").iterdir()
        assert stat.S_IMODE(array.stat().st_mode) == 0o644
        assert (project / CACHE / "images").is_dir() and shared(project / CACHE) == {}

    def test_leaves_the_digests_of_a_mirror_its_owners(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mirror = project.parent / "mirror"
        mirror.mkdir()
        (mirror / "rows.csv").write_bytes(ROWS)
        monkeypatch.setenv("THROUGHLINE_MIRROR", str(mirror))
        sha256 = hashlib.sha256(ROWS).hexdigest()
        ingested(project, url="https://example.org/rows.csv", sha256=sha256)
        assert (project / CACHE / "downloads/mirror.json").is_file()
        assert shared(project / CACHE) == {}


class TestAFileOfTheCache:
    def test_that_others_could_write_is_closed_before_it_is_written(self, tmp_path: Path) -> None:
        path = tmp_path / "part"
        path.touch(mode=0o666)
        with private_file(path, "ab") as file:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            file.write(b"x")

    def test_is_whole_or_as_before(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = store(tmp_path / CACHE / "a/b", b"old")
        monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            store(path, b"new")
        assert path.read_bytes() == b"old" and shared(tmp_path / CACHE) == {}

    def test_leaves_the_accounts_own_cache_as_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / CACHE).mkdir(mode=0o755)
        private(tmp_path / CACHE / "throughline/dvc")
        assert stat.S_IMODE((tmp_path / CACHE).stat().st_mode) == 0o755

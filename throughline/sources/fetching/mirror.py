"""Finding a file by its sha256 in a folder of copies."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from throughline.cache import store
from throughline.errors import BadData
from throughline.paths import read_json
from throughline.sources.registry import Surroundings

VARIABLE = "THROUGHLINE_MIRROR"


def mirror_folder() -> Path | None:
    """The folder that the environment names, or None.

    Raises:
        BadData: it names something that is no folder.
    """
    named = os.environ.get(VARIABLE, "")
    if not named:
        return None
    if not Path(named).is_dir():
        raise BadData(f"{VARIABLE} must name a folder", named, f"Unset {VARIABLE} or mend it")
    return Path(named)


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def local_copy(sha256: str | None, name: str, surroundings: Surroundings) -> Path | None:
    """A file with this sha256, from the cache of downloads or the mirror.

    Files of the same name are read first, then those of the same ending, then all. Checksums once
    computed are kept beside the downloads, so that a file that is not the one need not be read
    again; the one that is found is always read, because size and date of a file can be had for
    other bytes.
    """
    if sha256 is None:
        return None
    cached = surroundings.cache / sha256
    if cached.is_file() and sha256_of(cached) == sha256:
        return cached
    if surroundings.mirror is None:
        return None
    files = sorted(path for path in surroundings.mirror.rglob("*") if path.is_file())
    files.sort(key=lambda path: (path.name != name, path.suffix != Path(name).suffix))
    known = _Checksums(surroundings.cache / "mirror.json")
    try:
        return next((path for path in files if known.confirm(path, sha256)), None)
    finally:
        known.keep()


class _Checksums:
    """Checksums of the mirror's files, kept from one run to the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[int | str]] = {}
        self._changed = False
        try:
            self._known = dict(read_json(path))
        except (OSError, ValueError, TypeError):
            # Nothing is lost with it but the time to read the files again.
            self._changed = True

    def confirm(self, path: Path, sha256: str) -> bool:
        """Whether the bytes of a file have this checksum now."""
        facts = path.stat()
        # The time of the last change cannot be set by hand, as the file's date can.
        stamp: list[int | str] = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]
        kept = self._known.get(str(path), [])
        if kept[:3] == stamp and kept[3:] != [sha256]:
            return False
        found = sha256_of(path)
        self._changed |= kept != [*stamp, found]
        self._known[str(path)] = [*stamp, found]
        return found == sha256

    def keep(self) -> None:
        """Write them down; as JSON, because a file's name may hold any character."""
        if not self._changed:
            return
        store(self._path, json.dumps(self._known, sort_keys=True).encode())

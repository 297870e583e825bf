"""Finding a file by its sha256 in a folder of copies."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tasks.errors import BadData
from tasks.sources.registry import Surroundings

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


def held(sha256: str | None, name: str, surroundings: Surroundings) -> Path | None:
    """A file with this sha256, from the cache of downloads or the mirror.

    Files of the same name are read first, then those of the same ending, then all; a checksum
    once computed is kept beside the downloads until the file's size or date changes.
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
    known = _Checksums(surroundings.cache / "mirror.tsv")
    try:
        return next((path for path in files if known.of(path) == sha256), None)
    finally:
        known.keep()


class _Checksums:
    """Checksums of the mirror's files, kept from one run to the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = {}
        self._changed = False
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                key, _, digest = line.rpartition("\t")
                self._known[key] = digest

    def of(self, path: Path) -> str:
        facts = path.stat()
        key = f"{path}\t{facts.st_size}\t{facts.st_mtime_ns}"
        if key not in self._known:
            self._known[key] = sha256_of(path)
            self._changed = True
        return self._known[key]

    def keep(self) -> None:
        if not self._changed:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Its own name, because two pipelines may be ingested at the same time.
        draft = self._path.with_suffix(f".{os.getpid()}.draft")
        draft.write_text(
            "".join(f"{key}\t{digest}\n" for key, digest in sorted(self._known.items())),
            encoding="utf-8",
        )
        draft.replace(self._path)

"""A file on this machine."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from throughline.cache import CACHE
from throughline.errors import BadData, MissingFile, nearest
from throughline.sources.fetching.mirror import VARIABLE, local_copy
from throughline.sources.formats.reading import read_bytes
from throughline.sources.gate import opened, taken
from throughline.sources.registry import Fetched, Surroundings, source
from throughline.sources.tree import files_inside

if TYPE_CHECKING:
    from throughline.pipeline.schema.source import Source

# Keeps an array of pictures until the stage takes it.
IMAGES = CACHE / "images"


@source("file")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """The table in the file at `file`, a path from the repository's root.

    Where the file is absent and `sha256` is given, a copy in the mirror will do.

    Raises:
        MissingFile: there is no such file; names the nearest one.
        BadData: it has another checksum, or no table can be read from it.
    """
    named = settings.file or ""
    path = file_at_hand(named, settings, surroundings)
    return as_table(path, Path(named).name, settings, {"source": named})


def file_at_hand(named: str, settings: Source, surroundings: Surroundings) -> Path:
    """Where the bytes of a file are: at its path, or in the mirror.

    Raises:
        MissingFile: nowhere; names the nearest file.
        BadData: it is a folder.
    """
    path = surroundings.root / Path(named).expanduser()
    if path.is_dir():
        raise BadData(f"'{path}' is a folder", remedy="Use 'source.folder' for it")
    if path.exists():
        return path
    copy = local_copy(settings.sha256, path.name, surroundings)
    if copy is None:
        kind = settings.kind
        raise MissingFile(f"'source.{kind}' must exist: {path}", remedy=_remedy(path, settings))
    return copy


def _remedy(path: Path, settings: Source) -> str:
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, sorted(beside))
    if near.startswith("Did you mean"):
        return near
    if settings.sha256:
        return f"Put it there, or into the folder that {VARIABLE} names"
    return "Paths start at the repository's root"


def _holds_files(stream: IO[bytes], name: str) -> bool:
    """Whether a file is an archive of image files, and not one of arrays."""
    archive = tarfile.is_tarfile(stream) or zipfile.is_zipfile(stream)
    stream.seek(0)
    return archive and not name.lower().endswith(".npz")


def as_table(path: Path, name: str, settings: Source, origin: dict[str, Any]) -> Fetched:
    """The table in a file that is at hand, with the file's facts for provenance.json.

    Args:
        path: where the bytes are.
        name: the file's published name, which tells its format.
        settings: section `source`.
        origin: facts known so far.

    Raises:
        BadData: it has another checksum than `settings.sha256`, or is no table.
    """
    if settings.images is not None:
        from throughline.sources.pictures.images import as_images

        with opened(path, settings.sha256) as (stream, size, sha256):
            if _holds_files(stream, name):
                facts = {"file": name, "sha256": sha256, "bytes": size}
                files = files_inside(stream, str(path), size)
                return as_images(files, settings, {**origin, **facts}, IMAGES)
    content, sha256 = taken(path, settings.sha256)
    frame, how = read_bytes(content, name, settings.read)
    facts = {"file": name, "sha256": sha256, "bytes": len(content), "read": how}
    return Fetched(frame, {**origin, **facts})

"""Which columns the rows of a source will have, as far as that is known without fetching them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from throughline.errors import MissingFile, ThroughlineError
from throughline.sources.fetching.mirror import sha256_of
from throughline.sources.formats.reading import read_bytes
from throughline.sources.gate import refuse_other
from throughline.sources.kinds.file import file_at_hand

if TYPE_CHECKING:
    from throughline.pipeline.schema.source import Source
    from throughline.sources.registry import Surroundings

# What is read of a file for its header.
HEAD_BYTES = 1 << 16
LINES = (".csv", ".tsv", ".tab", ".data")


def header(settings: Source, surroundings: Surroundings) -> list[str] | None:
    """The columns of the raw rows; None where only fetching tells.

    Raises:
        MissingFile: a local file is not there.
        BadData: it has another checksum, or its first rows are no table.
    """
    if settings.samples is not None or settings.images is not None:
        return None
    if settings.kind == "rows":
        return list(settings.rows or ())
    if settings.kind == "folder":
        _needed(surroundings.root / Path(settings.folder or "").expanduser())
    if settings.kind != "file":
        return None
    path = file_at_hand(settings.file or "", settings, surroundings)
    if settings.sha256 is not None:
        refuse_other(str(path), settings.sha256, sha256_of(path))
    rename = settings.read.rename
    found = _head(path, Path(settings.file or "").name, settings)
    return None if found is None else [rename.get(name, name) for name in found]


def _needed(path: Path) -> None:
    if not path.is_dir():
        raise MissingFile(
            f"'source.folder' must exist: {path}", remedy="Paths start at the project's folder"
        )


def _head(path: Path, name: str, settings: Source) -> list[str] | None:
    """The columns of a file's first rows."""
    with path.open("rb") as stream:
        content = stream.read(HEAD_BYTES + 1)
    whole = len(content) <= HEAD_BYTES
    if not whole:
        if not name.lower().endswith(LINES):
            return None
        content = content[: content.rfind(b"\n") + 1]
    try:
        frame, _ = read_bytes(content, name, settings.read)
    except ThroughlineError:
        if whole:
            raise
        # Where the head ends, a quote may be open.
        return None
    return [str(column) for column in frame.columns]

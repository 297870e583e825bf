"""Which columns the rows of a source will have, as far as that is known without fetching them.

A text in the first rows makes texts of a whole column; what begins with numbers may still be one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from throughline.errors import MissingFile, ThroughlineError
from throughline.sources.fetching.mirror import sha256_of
from throughline.sources.formats.reading import read_bytes
from throughline.sources.gate import refuse_other
from throughline.sources.kinds.file import file_at_hand

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Source
    from throughline.sources.registry import Surroundings

# What is read of a file for its header.
HEAD_BYTES = 1 << 16
LINES = (".csv", ".tsv", ".tab", ".data")


def header(settings: Source, surroundings: Surroundings) -> dict[str, str | None] | None:
    """The columns of the raw rows, each with a text that it holds; None where only fetching tells.

    A column has no text where its first rows hold none.

    Raises:
        MissingFile: a local file is not there.
        BadData: it has another checksum, or its first rows are no table.
    """
    if settings.samples is not None or settings.images is not None:
        return None
    if settings.kind == "rows":
        return {
            name: next((value for value in values if isinstance(value, str)), None)
            for name, values in (settings.rows or {}).items()
        }
    if settings.kind == "folder":
        _needed(surroundings.root / Path(settings.folder or "").expanduser())
    if settings.kind != "file":
        return None
    path = file_at_hand(settings.file or "", settings, surroundings)
    if settings.sha256 is not None:
        refuse_other(str(path), settings.sha256, sha256_of(path))
    rename = settings.read.rename
    found = _head(path, Path(settings.file or "").name, settings)
    return None if found is None else {rename.get(name, name): text for name, text in found.items()}


def _needed(path: Path) -> None:
    if not path.is_dir():
        raise MissingFile(
            f"'source.folder' must exist: {path}", remedy="Paths start at the project's folder"
        )


def _head(path: Path, name: str, settings: Source) -> dict[str, str | None] | None:
    """The columns of a file's first rows, each with its first text."""
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
    return {str(name): _first_text(column) for name, column in frame.items()}


def _first_text(column: pd.Series) -> str | None:
    """The first text of a column of texts that is no number, else the first one."""
    import pandas as pd

    if not isinstance(column.dtype, pd.StringDtype):
        return None
    present = column.dropna()
    words = present[pd.to_numeric(present, errors="coerce").isna()]
    return next((str(text) for texts in (words, present) for text in texts.head(1)), None)

"""From a file to a table: unpacks it, finds its format and calls that format's reader."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.limits import check, check_table, guarded, members
from throughline.pipeline.formats import FORMATS, SUFFIXES
from throughline.serving.rows.delimited import SEPARATORS
from throughline.sources.cells import settled
from throughline.sources.formats.content import looks_like_html, unpacked
from throughline.sources.gate import taken

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

# Reads a file's bytes; returns the rows and how they were read, for provenance.json.
Reader = Callable[[bytes, str, "Read"], tuple["pd.DataFrame", dict[str, Any]]]


def read_table(path: Path, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table in a file, and how it was read.

    Args:
        path: where the bytes are.
        name: the published name, which tells the format where `settings` does not.
        settings: `source.read`.

    Raises:
        BadData: empty, damaged, a web page, of unknown format, or no sound table.
    """
    return read_bytes(taken(path).content, name, settings)


# Files of other programs, and what reads them.
BY_PANDAS = {
    ".xls": "read_excel", ".dta": "read_stata", ".sav": "read_spss", ".sas7bdat": "read_sas",
    ".xpt": "read_sas", ".xml": "read_xml", ".feather": "read_feather", ".orc": "read_orc",
    ".h5": "read_hdf", ".hdf": "read_hdf",
}  # fmt: skip


def read_bytes(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table in the bytes of a file; see `read_table`."""
    with guarded(name):
        frame, how = read_cells(content, name, settings)
        return settled(frame, settings, f"'{name}'"), how


def read_cells(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table in the bytes of a file, whose texts are not yet read as values.

    For tables of several files: what a column holds is told by all its cells; see `cells.settled`.
    """
    with guarded(name):
        frame, how = _read(content, name, settings)
        check_table(name, *frame.shape)
        return frame, how


def _read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    if not content:
        raise BadData(f"'{name}' must hold data", "0 bytes", "Fetch it again")
    content, inner = unpacked(content, name, settings.member)
    if not content:
        raise BadData(f"'{name}' must hold data", f"0 bytes in '{inner}'", "Fetch it again")
    kind = settings.format or format_of(inner, content)
    if kind is None:
        if looks_like_html(content):
            raise BadData(f"'{name}' must hold data", "a web page", "Use the direct address")
        raise BadData(
            "The format of a file follows from its name, or 'source.read.format' says it",
            inner,
            _way_on(inner, content),
        )
    _check_inner(content, inner, kind)
    reader: Reader = import_module(f"throughline.sources.formats.{FORMATS[kind].module}").read
    frame, how = reader(content, inner, settings)
    return frame, {"format": kind, **how}


def _way_on(name: str, content: bytes) -> str:
    """What to do with a file of no format that is known here."""
    ending = PurePosixPath(name.lower()).suffix
    if content.startswith(b"SQLite format 3\0"):
        return f"Give the database as 'source.sql: sqlite:///{name}', with 'source.query'"
    if reader := BY_PANDAS.get(ending):
        return (
            f"By pandas: pandas.{reader}('{name}').to_parquet('{PurePosixPath(name).stem}.parquet')"
        )
    return f"Set 'source.read.format' to one of {', '.join(FORMATS)}"


def _check_inner(content: bytes, name: str, kind: str) -> None:
    """Count what can be counted before a reader begins."""
    if content[:2] == b"PK":
        # A zip that the format itself is: arrays, sheets of a workbook.
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members(archive, name, len(content))
    elif FORMATS[kind].lines:
        check(name, "rows", content.count(b"\n"))
    if kind == "csv":
        first = content[: content.find(b"\n")]
        check(name, "columns", max(first.count(mark.encode()) for mark in SEPARATORS) + 1)


def format_of(name: str, content: bytes) -> str | None:
    """The format that a file's first bytes or its name tell."""
    if content[:4] == b"PAR1":
        return "parquet"
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "wav"
    if content[:6] == b"\x93NUMPY":
        return "npy"
    lower = name.lower()
    if lower.endswith("-ubyte") or ".idx" in lower or "-idx" in lower:
        return "idx"
    return SUFFIXES.get(PurePosixPath(lower).suffix)

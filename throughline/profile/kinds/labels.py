"""Tables that lie among files and say what these are, for a draft."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from throughline.errors import ThroughlineError
from throughline.samples.splits.named import part_named
from throughline.sources.labels import rows_of

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".parquet")
# Such a share of a table's rows, or of all files, it must name to be taken for one of labels.
SHARE = 0.5
# Files of which each line may name a file of a part.
LISTS = (".txt", ".lst")
# What competitions bring along: answers that nobody knows.
EMPTY = "submission"
# More are not of labels: each speaks of one file.
MOST_TABLES = 20
# A column names files where such a share of its first values do.
NAMING, ROWS_LOOKED_AT = 0.9, 500


class Found(NamedTuple):
    """A table of labels.

    Attributes:
        file: its name below the folder.
        name: its column of file names.
        read: section `source.read`, by which it is read.
        matched: how many files it names.
    """

    file: str
    name: str
    read: dict[str, Any]
    matched: int


def names_files(column: pd.Series) -> bool:
    """Whether a column of a table names pictures or sounds."""
    from throughline.sources.tree import IMAGES, SOUNDS

    if column.dtype.kind in "iufb":
        return False
    texts = column.dropna().head(ROWS_LOOKED_AT)
    named = [str(text).lower().endswith((*IMAGES, *SOUNDS)) for text in texts]
    return bool(named) and sum(named) >= NAMING * len(named)


def table_among(
    path: Path, endings: Sequence[str], notes: list[tuple[str, str, str]]
) -> Found | None:
    """The table of a folder or an archive that names the most of its files; None where none does.

    Args:
        path: the folder or archive.
        endings: of the files that are to have labels.
        notes: receives lists of the files of a part, which are no tables.
    """
    from throughline.sources.tree import files_below

    files: list[str] = []
    tables: dict[str, bytes] = {}
    lists: dict[str, bytes] = {}
    for name, content in files_below(path):
        ending = PurePosixPath(name.lower()).suffix
        if ending in endings:
            files.append(name)
        elif ending in SUFFIXES and EMPTY not in name.lower():
            tables[name] = content
        elif ending in LISTS and part_named(PurePosixPath(name).stem.lower().replace("list", "")):
            lists[name] = content
    if said := [name for name, content in lists.items() if _lists(content, files, name)]:
        what = "names the files of a part and is not read: write one table of files and parts"
        notes.append((said[0], f"{what}, such as {files[0]},train", "split"))
    if not files or len(tables) > MOST_TABLES:
        return None
    found = [each for name, content in tables.items() for each in _columns(name, content, files)]
    return max(found, key=lambda each: each.matched, default=None)


def _lists(content: bytes, files: Sequence[str], name: str) -> bool:
    """Whether a file without columns names files, a line each."""
    lines = content.decode(errors="replace").split("\n")[:ROWS_LOOKED_AT]
    named = [words[0] for line in lines if (words := line.split())]
    try:
        rows = rows_of(files, named, name)
    except ThroughlineError:
        return False
    return bool(named) and sum(row is not None for row in rows) >= SHARE * len(named)


def _columns(table: str, content: bytes, files: Sequence[str]) -> list[Found]:
    """The columns of a table that name files."""
    from throughline.pipeline.schema.source import Read
    from throughline.profile.files.cell_types import keys_from_cells
    from throughline.profile.files.table_layout import layout_of
    from throughline.sources.formats.reading import format_of, read_cells

    inner = PurePosixPath(table).name
    try:
        delimited = format_of(inner, content) == "csv"
        read = layout_of(content, inner, {}) if delimited else {}
        cells, _ = read_cells(content, inner, Read(**read))
        if delimited:
            read = keys_from_cells(cells, read, [])
    except ThroughlineError:
        # No table: it says nothing of the files.
        return []
    found = []
    for column in map(str, cells.columns):
        try:
            rows = rows_of(files, [str(name) for name in cells[column]], table)
        except ThroughlineError:
            continue
        matched = sum(row is not None for row in rows)
        if matched and matched >= SHARE * min(len(files), len(cells)):
            found.append(Found(table, column, read, matched))
    return found

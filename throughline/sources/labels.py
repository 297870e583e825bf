"""Labels in a table that lies among the files that they are of."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from throughline.errors import BadData, listed, nearest
from throughline.samples.splits.named import part_named
from throughline.sources.cells import settled
from throughline.sources.formats.reading import read_cells
from throughline.sources.registry import Fetched
from throughline.sources.tree import IMAGES, SOUNDS

if TYPE_CHECKING:
    from throughline.pipeline.schema.source import Source

# In `frame.attrs`: the columns that came from the table.
LABELS = "labels"
# Endings that a table may leave out.
ENDINGS = (*IMAGES, *SOUNDS, ".txt")


class TableBeside:
    """The table of labels, taken out of the files that pass by, and its rows brought to them.

    Args:
        settings: section `source`, with `labels`.
    """

    def __init__(self, settings: Source) -> None:
        assert settings.labels is not None
        self._wanted, self._read = settings.labels, settings.read
        self._content: bytes | None = None

    def passed(self, files: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        """All other files."""
        names = []
        for name, content in files:
            names.append(name)
            if name == self._wanted.file:
                self._content = content
            else:
                yield name, content
        if self._content is None:
            raise BadData(
                "'source.labels.file' must name a file of the source",
                self._wanted.file,
                nearest(self._wanted.file, names),
            )

    def joined(self, fetched: Fetched) -> Fetched:
        """See `_joined`; arrays of pictures that no row is left for are removed."""
        try:
            return self._joined(fetched)
        except BaseException:
            for array in fetched.images.values():
                array.unlink()
            raise

    def _joined(self, fetched: Fetched) -> Fetched:
        """The rows of files that the table names, with its columns; what is left out is counted.

        A column of the table takes the place of one that the folders say.

        Raises:
            BadData: no such column, no file that the table names, or one of two rows.
        """
        import pandas as pd

        file, column = self._wanted.file, self._wanted.name
        assert self._content is not None
        cells, _ = read_cells(self._content, PurePosixPath(file).name, self._read)
        if column not in cells.columns:
            names = list(map(str, cells.columns))
            raise BadData(
                f"'source.labels.name' must name a column of '{file}'",
                column,
                nearest(column, names),
            )
        if taken := [str(name) for name in cells.columns if str(name) in fetched.images]:
            # It says which picture of the array is a row's.
            raise BadData(
                f"No column of '{file}' may be called as that of the pictures",
                taken[0],
                "Give 'source.images.column' another name",
            )
        # As they stand there: 0001 is a name.
        names = [str(name) for name in cells[column]]
        table = settled(cells, self._read, f"'{file}'")
        rows = rows_of(fetched.frame["file"].tolist(), names, file)
        kept = [place for place, row in enumerate(rows) if row is not None]
        if not kept:
            raise BadData(
                f"Column '{column}' of '{file}' must name files of the source",
                listed(names[:3]),
                f"They are called {listed(fetched.frame['file'].tolist()[:3])}",
            )
        found = fetched.frame.iloc[kept].reset_index(drop=True)
        told = table.iloc[[row for row in rows if row is not None]].reset_index(drop=True)
        told = told.drop(columns=[column, "file"], errors="ignore")
        frame = pd.concat([found.drop(columns=list(told.columns), errors="ignore"), told], axis=1)
        frame.attrs = {**fetched.frame.attrs, **table.attrs, LABELS: list(map(str, told.columns))}
        facts = {
            "labels": file,
            "without_label": len(rows) - len(kept),
            "without_file": len(names) - len({row for row in rows if row is not None}),
        }
        return replace(fetched, frame=frame, origin={**fetched.origin, **facts})


def rows_of(files: Sequence[str], names: Sequence[str], table: str) -> list[int | None]:
    """For each file the row of a table that names it.

    A table may leave out leading folders and the ending, or have them where the source has none.

    Args:
        files: names with `/` between folders.
        names: what the rows call their files.
        table: its name; `train.csv` speaks of the files in the folder `train`.

    Raises:
        BadData: two files that one row could mean, or two rows that name one file.
    """
    exact, loose = _known(names)
    rows = [_row_of(_plain(file), exact, loose) for file in files]
    found = Counter(row for row in rows if row is not None)
    if any(count > 1 for count in found.values()):
        rows = _of_own_part(files, rows, table)
        found = Counter(row for row in rows if row is not None)
    for row, count in found.items():
        if count > 1:
            meant = [file for file, each in zip(files, rows, strict=True) if each == row]
            raise BadData(
                f"A row of '{table}' must name one file",
                f"'{names[row]}', which could be {listed(meant[:3])}",
                "Write the files' folders into the table",
            )
    twice = Counter(map(_plain, names))
    for row in found:
        if twice[_plain(names[row])] > 1:
            raise BadData(f"A file must have one row in '{table}'", f"'{names[row]}' has several")
    return rows


def _known(names: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Rows by the whole name, and by the file's own name where it is that of one row."""
    exact = {_plain(name): row for row, name in enumerate(names)}
    bases = [_base(_plain(name)) for name in names]
    times = Counter(bases)
    loose = {base: row for row, base in enumerate(bases) if times[base] == 1}
    return exact, loose


def _row_of(file: str, exact: Mapping[str, int], loose: Mapping[str, int]) -> int | None:
    parts = file.split("/")
    below = ["/".join(parts[start:]) for start in range(len(parts))]
    for name in (*below, *map(_without_ending, below)):
        if name in exact:
            return exact[name]
    return loose.get(_base(file))


def _of_own_part(files: Sequence[str], rows: list[int | None], table: str) -> list[int | None]:
    """The rows of files in the folder of the part that the table is called after."""
    stem = PurePosixPath(table).stem
    beginnings = (stem[:size] for size in range(len(stem), 0, -1))
    part = next(filter(None, map(part_named, beginnings)), None)
    if part is None:
        return rows
    inside = [any(part_named(folder) == part for folder in file.split("/")[:-1]) for file in files]
    return [row if own else None for row, own in zip(rows, inside, strict=True)]


def _plain(name: str) -> str:
    path = unicodedata.normalize("NFC", name.strip()).replace("\\", "/")
    return path.removeprefix("./").lstrip("/")


def _base(path: str) -> str:
    return _without_ending(path.rpartition("/")[2]).casefold()


def _without_ending(path: str) -> str:
    ending = PurePosixPath(path).suffix
    return path.removesuffix(ending) if ending.lower() in ENDINGS else path

"""Labels in a table that lies among the files that they are of."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING

from throughline.errors import BadData, listed, nearest
from throughline.samples.splits.named import part_named
from throughline.serving.rows.media.conversion import COMMANDS
from throughline.sources.cells import settled
from throughline.sources.formats.reading import read_cells
from throughline.sources.registry import Fetched
from throughline.sources.tree import IMAGES, SOUNDS

if TYPE_CHECKING:
    from throughline.pipeline.schema.source import Source

# In `frame.attrs`: the columns that came from the table.
LABELS = "labels"
# Columns of what the files hold, see `kinds/folder`; pictures say theirs.
CONTENTS = frozenset(("text", "image"))
# A form of a path, and what of it is compared.
Form = Callable[[str], str]
Keys = Callable[[str], Sequence[str]]
# Endings that a table may leave out, or have of files before they were converted.
ENDINGS = (*IMAGES, *SOUNDS, *COMMANDS, ".txt")


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
            if _plain(name) == _plain(self._wanted.file):
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
        contents = {*fetched.images, *CONTENTS.intersection(fetched.frame.columns)}
        if taken := [str(name) for name in cells.columns if str(name) in contents]:
            raise BadData(
                f"No column of '{file}' may be called as that of what the files hold",
                taken[0],
                "Rename it there"
                + (", or give 'source.images.column' another name" if fetched.images else ""),
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
        labels = table.iloc[[row for row in rows if row is not None]].reset_index(drop=True)
        labels = labels.drop(columns=[column, "file"], errors="ignore")
        frame = pd.concat(
            [found.drop(columns=list(labels.columns), errors="ignore"), labels], axis=1
        )
        frame.attrs = {
            **fetched.frame.attrs,
            **table.attrs,
            LABELS: list(map(str, labels.columns)),
        }
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
    rows = _found(files, names, table)
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
    return rows


def _found(files: Sequence[str], names: Sequence[str], table: str) -> list[int | None]:
    """For each file its row, the rows that fit best first: the others are left for other files."""
    paths, plain_names = list(map(_plain, files)), list(map(_plain, names))
    rows: list[int | None] = [None] * len(files)
    for form, ours, theirs in _ways(max((path.count("/") + 1 for path in paths), default=0)):
        free = sorted(set(range(len(names))).difference(row for row in rows if row is not None))
        if not free or None not in rows:
            break
        known: dict[str, list[int]] = {}
        for row in free:
            for key in theirs(form(plain_names[row])):
                known.setdefault(key, []).append(row)
        for place, path in enumerate(paths):
            if rows[place] is None:
                fits = (known[key] for key in ours(form(path)) if key in known)
                rows[place] = _one_row(next(fits, []), names, plain_names, table)
    return rows


def _ways(deepest: int) -> Iterator[tuple[Form, Keys, Keys]]:
    """How a file and a row are compared, the strictest first.

    A name fits better in its own capitals than in any, and with its ending than without. The table
    may leave out leading folders, or have more of them; in the end as many of the last folders as
    are the same will do, down to none.
    """
    for form in (str, str.casefold, _stem):
        yield form, _whole, _whole
        yield form, _endings, _whole
        yield form, _whole, _endings
    for count in range(deepest, 0, -1):
        last = partial(_last, count)
        yield _stem, last, last


def _one_row(
    fits: Sequence[int], names: Sequence[str], plain_names: Sequence[str], table: str
) -> int | None:
    """The only row that fits a file; None where several of different names do, or none."""
    if len(fits) > 1 and len({plain_names[row].casefold() for row in fits}) == 1:
        raise BadData(f"A file must have one row in '{table}'", f"'{names[fits[0]]}' has several")
    return fits[0] if len(fits) == 1 else None


def _of_own_part(files: Sequence[str], rows: list[int | None], table: str) -> list[int | None]:
    """The rows of files in the folder of the part that the table is called after."""
    stem = PurePosixPath(table).stem
    beginnings = (stem[:size] for size in range(len(stem), 0, -1))
    part = next(filter(None, map(part_named, beginnings)), None)
    if part is None:
        return rows
    inside = [any(part_named(folder) == part for folder in file.split("/")[:-1]) for file in files]
    return [row if own else None for row, own in zip(rows, inside, strict=True)]


def _whole(path: str) -> tuple[str]:
    return (path,)


def _endings(path: str) -> list[str]:
    """A path, and what is left of it as one folder after the other is taken away."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _last(count: int, path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[-count:])] if len(parts) >= count else []


def _plain(name: str) -> str:
    """A name in one form, however a system or a program writes paths."""
    path = normpath(unicodedata.normalize("NFC", name.strip()).replace("\\", "/"))
    return path.lstrip("./") if path.startswith(("/", "..")) else path


def _stem(path: str) -> str:
    """A path without its ending and in small letters."""
    path = path.casefold()
    ending = PurePosixPath(path).suffix
    return path.removesuffix(ending) if ending in ENDINGS else path

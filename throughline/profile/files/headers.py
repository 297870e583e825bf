"""The names of a file's columns: a header, none, one of two lines, one that does not fit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

from throughline.errors import BadData, listed
from throughline.profile.files.number_marks import STAND_INS
from throughline.profile.moments import YEARS
from throughline.serving.rows.cells import MISSING, Cells
from throughline.serving.rows.delimited import header_names

FEWEST_RECORDS = 10
# No name of a column has so many words, and no column of labels so many different ones.
WORDS_OF_A_TEXT, MOST_LABELS = 4, 50
GROUPED = Cells(thousands=",")


def no_header(
    found: Sequence[Sequence[str]], above: Sequence[str], read: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """That there is no header, or one that does not fit its columns."""
    named = len(header_names(above)) if found and above else 0
    escaped = any("\\" in cell and '"' in cell for row in found for cell in row)
    if escaped and 1 < named < len(found[0]):
        # A comma behind such a quote parts one cell into two, of which the header has but one.
        raise BadData(
            f"A quote within quotes must be written twice in '{name}', not behind a backslash",
            listed(found[0]),
            "Write the file so: by MySQL with ESCAPED BY '\"', by pandas with doublequote=True",
        )
    if not found or not (_is_data(found) or _recurs(found)):
        return {}
    names, width = header_names(above), len(found[0])
    apart = len(names) - width
    are_names = len(set(names)) == len(names) > 1 and not any(map(is_numeral, names))
    if are_names and not apart and names[0].startswith("#"):
        # Names behind a mark of comments, as numpy and spectrometers write them.
        return {"header": False, "columns": [names[0].lstrip("# ") or "column_1", *names[1:]]}
    if abs(apart) != 1 or not are_names or names[0].startswith("#"):
        return {"header": False}
    columns = list(zip(*found, strict=False))
    if apart == 1 and not above[-1].strip():
        return {"header": False, "columns": names[:-1]}
    if apart == -1 and not any(cell.strip() for cell in columns[-1]):
        return {"header": False, "columns": [*names, f"column_{width}"]}
    if apart == -1 and len(set(columns[0])) == len(found):
        # As R writes tables: the names of rows come first, and have no name.
        return {"header": False, "columns": ["column_1", *names]}
    raise BadData(
        f"Line {read['skip_rows']} of '{name}' must name each of the {width} columns below it",
        f"{len(names)} names: {listed(names)}",
        "Mend it; or give --no-header and --skip-rows, and names in 'source.read.columns'",
    )


def _recurs(found: Sequence[Sequence[str]]) -> bool:
    """Whether each cell of the first record comes again below it, as those of a header do not."""
    if len(found) <= FEWEST_RECORDS or len(found[0]) < 2 or not any(map(str.strip, found[0])):
        return False
    return all(
        any(place < len(row) and row[place].strip() == cell.strip() for row in found[1:])
        for place, cell in enumerate(found[0])
    )


def distinct_names(header: Sequence[str]) -> dict[str, Any]:
    """Names for columns of which several are called alike."""
    names = header_names(header)
    counts, taken = Counter(names), set(names)
    if len(taken) == len(names):
        return {}
    apart, number = [], Counter[str]()
    for name in names:
        own = name
        while own in taken and counts[name] > 1:
            number[name] += 1
            own = f"{name}_{number[name]}"
        taken.add(own)
        apart.append(own)
    return {"columns": apart}


def two_lines(found: Sequence[Sequence[str]], lines: int) -> dict[str, Any]:
    """The names of a header of two lines, the upper of which is for several columns at a time."""
    upper, lower = ([cell.strip() for cell in record] for record in found[:2])
    counts, pairs = Counter(upper), list(zip(upper, lower, strict=False))
    if not any(below and (not over or counts[over] > 1) for over, below in pairs):
        return {}
    names, group = [], ""
    for over, below in pairs:
        group = over or group
        names.append(f"{group} {below}".strip())
    if len(set(names)) < len(upper) or not all(lower):
        return {}
    return {"skip_rows": lines, "header": False, "columns": names}


def questions(found: Sequence[Sequence[str]], lines: int) -> dict[str, Any]:
    """The names of a header below which two lines are no rows, as surveys are exported.

    Args:
        found: the records.
        lines: of the file, up to the third record.
    """
    if len(found) < FEWEST_RECORDS or any(map(is_numeral, found[1])):
        return {}
    names = header_names(found[0])
    if len(set(names)) < len(names) or not has_units([found[0], *found[2:]]):
        return {}
    return {"skip_rows": lines, "header": False, "columns": names}


def is_numeral(cell: str) -> bool:
    try:
        return GROUPED.number(cell) is not None
    except ValueError:
        return False


def _is_data(found: Sequence[Sequence[str]]) -> bool:
    """Whether the first record is one of data: a number over numbers, words that come again."""
    if len(found) < 3:
        return False
    first, below = [cell.strip() for cell in found[0]], found[1:]
    # Each text once: a column of a million cells may hold two.
    columns = [{row[i].strip() for row in below if i < len(row)} for i in range(len(first))]
    numeric = [all(is_numeral(c) for c in column if c not in MISSING) for column in columns]
    if not any(numeric):
        return _is_labelled(first, columns)
    numbers = [
        cell
        for cell, is_number in zip(first, numeric, strict=True)
        if is_numeral(cell) and is_number
    ]
    if not numbers or _counts_up(numbers):
        return False
    return all(
        is_numeral(cell) or cell in MISSING if is_number else cell in column
        for cell, column, is_number in zip(first, columns, numeric, strict=True)
    )


def _is_labelled(first: Sequence[str], columns: Sequence[Collection[str]]) -> bool:
    """Whether a record of words is a text and its label: a sentence beside a word that comes again.

    As in `spam\tFree entry in 2 a weekly competition`; no header names a column so.
    """
    sentence = any(len(cell.split()) >= WORDS_OF_A_TEXT for cell in first)
    again = any(
        cell in column and len(column) <= MOST_LABELS
        for cell, column in zip(first, columns, strict=True)
        if len(cell.split()) < WORDS_OF_A_TEXT
    )
    return sentence and again


def _counts_up(numbers: Sequence[str]) -> bool:
    """Whether numbers are names: whole, and each so much more, or some years in their order."""
    if len(numbers) < 2 or not all(re.fullmatch(r"\d+", number) for number in numbers):
        return False
    steps = {int(b) - int(a) for a, b in pairwise(numbers)}
    years = len(numbers) > 2 and all(YEARS[0] <= int(number) <= YEARS[1] for number in numbers)
    return min(steps) > 0 and (len(steps) == 1 or years)


def has_units(found: Sequence[Sequence[str]]) -> bool:
    """Whether the row below the header names units: words over nothing but numbers."""
    if len(found) < 4:
        return False
    units, below = [cell.strip() for cell in found[1]], found[2:]
    over_numbers = 0
    for position, unit in enumerate(units):
        column = {row[position].strip() for row in below if position < len(row)}
        present = [cell for cell in column if cell not in MISSING]
        if present and all(map(is_numeral, present)):
            if is_numeral(unit) or unit.lower() in STAND_INS or unit in MISSING[1:]:
                return False
            over_numbers += bool(unit)
        elif unit and unit in column:
            return False
    return over_numbers > 0

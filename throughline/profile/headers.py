"""The names of a file's columns: a header, none, one of two lines, one that does not fit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from throughline.errors import BadData, listed
from throughline.profile.number_marks import STAND_INS
from throughline.serving.rows.cells import MISSING, Cells
from throughline.serving.rows.delimited import header_names

FEWEST_RECORDS = 10
# A longer cell is a sentence; so many of a column are looked at.
MOST_WORDS, SENTENCES = 4, 60
GROUPED = Cells(thousands=",")


def no_header(
    found: Sequence[Sequence[str]], above: Sequence[str], read: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """That there is no header, or one that does not fit its columns."""
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
        "Mend the line; or give --no-header and --skip-rows, and names in 'source.read.columns'",
    )


def _recurs(found: Sequence[Sequence[str]]) -> bool:
    """Whether the cells of the first record come again below it, as those of a header do not.

    One of sentences need not; a word over nothing but numbers is their name.
    """
    if len(found) <= FEWEST_RECORDS or len(found[0]) < 2:
        return False
    again = 0
    for place, cell in enumerate(found[0]):
        column = {row[place].strip() for row in found[1:] if place < len(row)}
        known = cell.strip() in column
        if not known and not _are_sentences([cell, *column]):
            return False
        again += known and bool(cell.strip())
    return again > 0


def _are_sentences(cells: Sequence[str]) -> bool:
    return all(len(cell.split()) > MOST_WORDS for cell in (cells[0], *cells[1:SENTENCES]))


def told_apart(header: Sequence[str]) -> dict[str, Any]:
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


def _counts_up(numbers: Sequence[str]) -> bool:
    """Whether numbers are names, such as years or places: whole, and each so much more."""
    if len(numbers) < 2 or not all(re.fullmatch(r"\d+", number) for number in numbers):
        return False
    steps = {int(b) - int(a) for a, b in pairwise(numbers)}
    return len(steps) == 1 and steps.pop() > 0


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

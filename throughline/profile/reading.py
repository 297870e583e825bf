"""How a delimited file is to be read: what its own cells tell, for section `source.read`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from throughline.limits import check
from throughline.profile.moments import YEARS
from throughline.profile.number_marks import STAND_INS, are_stand_ins, number_marks, parted
from throughline.serving.rows.cells import FALSE, MISSING, TRUE, Cells, flag, mark_of
from throughline.serving.rows.delimited import SEPARATORS, body, records, sniffed
from throughline.sources.formats.content import decoded

if TYPE_CHECKING:
    import pandas as pd

ENCODINGS = ("utf-8", "cp1252", "latin-1")
LINES_LOOKED_AT = 60
MOST_ABOVE = 30
# A number with something around it or in it that no setting takes off.
DECORATED = re.compile(
    r"[^\w\s]{0,3}\s?\d+(?:[,' \u00a0\u202f\u2009\u2019]\d{2,3})*(?:[.,]\d+)?\s?[^\d\s]{0,6}"
)
FEWEST_DECORATED = 10
CODE = re.compile(r"[+-]?0\d+")
GROUPED = Cells(thousands=",")
CAPITALS = re.compile(r"[A-Z]{2,4}")


def layout_of(content: bytes, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `source.read` that say how the file is laid out, where it is not plain.

    Args:
        content: of the file.
        name: of the file, for messages.
        asked: keys that the user gave; they are kept.
    """
    read = dict(asked)
    if "encoding" not in read and (encoding := _encoding(content)) != "utf-8":
        read["encoding"] = encoding
    text = decoded(content, name, read.get("encoding", "utf-8"))
    quotes = read.get("quotes", True)
    separator = read.get("separator") or _separator(text, quotes)
    if separator != ",":
        read["separator"] = separator
    if "skip_rows" not in read and (above := _lines_above(text, separator, quotes)):
        read["skip_rows"] = above
    held = body(text, read.get("skip_rows", 0), 0)
    found = [record for record, _ in records(held, separator, quotes)]
    check(name, "rows", len(found) - 1)
    if "header" not in read and _is_data(found):
        read["header"] = False
    if "units" not in read and read.get("header", True) and _has_units(found):
        read["units"] = True
    marks = number_marks(found[1:], separator)
    return read | {key: value for key, value in marks.items() if key not in asked}


def _encoding(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    for encoding in ENCODINGS:
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return ENCODINGS[0]


def _separator(text: str, quotes: bool) -> str:
    """The separator of most records, whatever lines stand above them."""
    start = "".join(text.splitlines(keepends=True)[:LINES_LOOKED_AT])
    best, most = "", (0.5, 1)
    for separator in SEPARATORS:
        widths = Counter(
            len(record) for record, _ in records(start, separator, quotes, whole=False)
        )
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        share = count / max(1, sum(widths.values()))
        if width > 1 and (share, width) > most:
            best, most = separator, (share, width)
    return best or sniffed(text, quotes)


def _lines_above(text: str, separator: str, quotes: bool) -> int:
    """How many lines stand above the table: comments, or records that are not as wide as it."""
    start = "".join(text.splitlines(keepends=True)[:LINES_LOOKED_AT])
    found = list(records(start, separator, quotes, whole=False))
    widths = Counter(len(record) for record, _ in found)
    width = widths.most_common(1)[0][0] if widths else 1
    last = 0
    for record, line in found[:MOST_ABOVE]:
        if len(record) == width and not record[0].startswith("#"):
            return last
        last = line
    return 0


def _is_number(cell: str) -> bool:
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
    numeric = [all(_is_number(c) for c in column if c not in MISSING) for column in columns]
    numbers = [
        cell
        for cell, is_number in zip(first, numeric, strict=True)
        if _is_number(cell) and is_number
    ]
    if not numbers or _counts_up(numbers):
        return False
    return all(
        _is_number(cell) or cell in MISSING if is_number else cell in column
        for cell, column, is_number in zip(first, columns, numeric, strict=True)
    )


def _counts_up(numbers: Sequence[str]) -> bool:
    """Whether numbers are names: whole, and each so much more, or some years in their order."""
    if len(numbers) < 2 or not all(re.fullmatch(r"\d+", number) for number in numbers):
        return False
    steps = {int(b) - int(a) for a, b in pairwise(numbers)}
    years = len(numbers) > 2 and all(YEARS[0] <= int(number) <= YEARS[1] for number in numbers)
    return min(steps) > 0 and (len(steps) == 1 or years)


def _has_units(found: Sequence[Sequence[str]]) -> bool:
    """Whether the row below the header names units: words over nothing but numbers."""
    if len(found) < 4:
        return False
    units, below = [cell.strip() for cell in found[1]], found[2:]
    over_numbers = 0
    for position, unit in enumerate(units):
        column = {row[position].strip() for row in below if position < len(row)}
        present = [cell for cell in column if cell not in MISSING]
        if present and all(map(_is_number, present)):
            if _is_number(unit) or unit.lower() in STAND_INS or unit in MISSING[1:]:
                return False
            over_numbers += bool(unit)
        elif unit and unit in column:
            return False
    return over_numbers > 0


def told_by_cells(
    cells: pd.DataFrame, read: dict[str, Any], notes: list[tuple[str, str, str]]
) -> dict[str, Any]:
    """The keys of `source.read` that say what columns hold, where their cells alone do not.

    Args:
        cells: the texts of all cells.
        read: the keys so far.
        notes: receives column, what was done, and the key that undoes it.
    """
    types: dict[str, str] = {}
    missing: dict[str, list[str]] = {}
    usual = [*MISSING, *read.get("missing", [])]
    plain = Cells(tuple(usual), read.get("decimal", "."), read.get("thousands", ""))
    for name in cells.columns:
        counts = Counter(cells[name].str.strip())
        _column(str(name), counts, plain, types, missing, notes)
    found = dict(read)
    if types:
        found["types"] = types
    if missing:
        found["missing"] = _shortest(missing, usual, cells)
    return found


def _column(
    name: str,
    counts: Counter[str],
    plain: Cells,
    types: dict[str, str],
    missing: dict[str, list[str]],
    notes: list[tuple[str, str, str]],
) -> None:
    present = {text: count for text, count in counts.items() if text not in plain.missing}
    total = sum(present.values())
    numbers, strangers = parted(present, plain)
    if total and not strangers:
        _noted_numbers(name, numbers, types, notes)
        return
    if total and are_stand_ins(strangers, total):
        _noted_numbers(name, numbers, types, notes)
        types[name] = "number"
        missing[name] = [*plain.missing, *strangers]
        said = ", ".join(f"'{text}' ({count})" for text, count in strangers.items())
        notes.append((name, f"numbers; {said} read as missing", "source.read.missing"))
        return
    words = {text.lower() for text in present}
    if words <= TRUE | FALSE and len(present) > 2 and len({flag(word) for word in words}) == 2:
        types[name] = "boolean"
        notes.append((name, f"truth values, written {_few(present)}", "source.read.types"))
    elif set(counts) & set(plain.missing) == {"NA"} and present:
        if all(CAPITALS.fullmatch(text) for text in present):
            missing[name] = [""]
            notes.append(
                (name, f"'NA' is a category beside {_few(present)}", "source.read.missing")
            )
        else:
            notes.append(
                (name, f"'NA' read as missing in {counts['NA']} rows", "source.read.missing")
            )
    decorated = [text for text in present if text in strangers and DECORATED.fullmatch(text)]
    if len(decorated) >= max(FEWEST_DECORATED, len(strangers) * 0.9):
        said = f"texts, such as '{decorated[0]}', which is no number as this file writes them"
        notes.append((name, said, "the file itself"))


def _noted_numbers(
    name: str,
    numbers: Mapping[str, int],
    types: dict[str, str],
    notes: list[tuple[str, str, str]],
) -> None:
    marks = {mark_of(text) for text in numbers} - {""}
    if len(marks) == 1:
        types[name] = "number"
        notes.append((name, f"numbers, their '{marks.pop()}' taken off", "source.read.types"))
    elif any(CODE.fullmatch(text) for text in numbers):
        notes.append((name, "codes with leading zeros, read as texts", "source.read.types"))


def _shortest(
    missing: Mapping[str, list[str]], usual: Sequence[str], cells: pd.DataFrame
) -> list[str] | dict[str, list[str]]:
    """One list for all columns where that means the same, else one for each column."""
    added = {text for texts in missing.values() for text in texts} - set(usual)
    loses = any(set(usual) - set(texts) for texts in missing.values())
    elsewhere = any(
        cells[name].str.strip().isin(added).any() for name in cells.columns if name not in missing
    )
    if loses or elsewhere:
        return dict(missing)
    return [*(text for text in usual if text not in MISSING), *sorted(added)]


def _few(texts: Mapping[str, int]) -> str:
    shown = sorted(texts)[:4]
    return ", ".join(f"'{text}'" for text in shown) + (" …" if len(texts) > len(shown) else "")

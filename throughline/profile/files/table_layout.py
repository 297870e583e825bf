"""How a delimited file is laid out: what its own lines tell, for section `source.read`."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from throughline.errors import BadData
from throughline.limits import check
from throughline.profile.files.encodings import encoding_of
from throughline.profile.files.headers import (
    distinct_names,
    has_units,
    is_numeral,
    no_header,
    questions,
    two_lines,
)
from throughline.profile.files.number_marks import number_marks
from throughline.serving.rows.delimited import (
    SEPARATORS,
    WHITE_SPACE,
    body,
    records,
    sniffed,
)
from throughline.sources.formats.content import decoded

LINES_LOOKED_AT, MOST_LETTERS = 60, 1 << 22
MOST_ABOVE, MOST_BELOW = 30, 5
# A file is a table where so many of its lines, and no fewer, have as many fields.
EVEN, FEWEST_LINES = 0.95, 10
SINGLE = re.compile(r"(?:^|[,;\t|])\s*'[^'\n]*'\s*(?=$|[,;\t|])", re.MULTILINE)
TOTALS = frozenset(
    ("total", "totals", "grand total", "sum", "sums", "summe", "gesamt", "insgesamt",
     "gesamtsumme", "total general", "totale", "totaal", "итого", "合计", "合計")
)  # fmt: skip


def layout_of(content: bytes, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `source.read` that say how the file is laid out, where it is not plain.

    Args:
        content: of the file.
        name: of the file, for messages.
        asked: keys that the user gave; they are kept.

    Raises:
        BadData: a header of more or fewer names than columns, of which nobody knows which is whose.
    """
    read = dict(asked)
    if "encoding" not in read and (encoding := encoding_of(content, name)) != "utf-8":
        read["encoding"] = encoding
    text = decoded(content, name, read.get("encoding", "utf-8"))
    if "quotes" not in read and _has_single_quotes(text):
        read["quotes"] = "'"
    quotes = read.get("quotes", True)
    separator = read.get("separator") or _separator(text, quotes)
    if separator != ",":
        read["separator"] = separator
    above: list[str] = []
    if "skip_rows" not in read:
        skipped, above = _lines_above(text, separator, quotes)
        read |= {"skip_rows": skipped} if skipped else {}
    held = body(text, read.get("skip_rows", 0), read.get("skip_footer", 0))
    every = list(records(held, separator, quotes))
    kept = every if "skip_footer" in read else _without_notes(every)
    if len(kept) < len(every):
        read["skip_footer"] = len(io.StringIO(held, newline="").readlines()) - kept[-1][1]
    found = [record for record, _ in kept]
    if found and not any(map(is_numeral, found[0])):
        found = [found[0], *(r for r in found[1:] if r != found[0] or len(r) == 1)]
    check(name, "rows", len(found) - 1)
    if "header" not in read:
        read |= no_header(found, above, read, name)
    if "units" not in read and read.get("header", True) and has_units(found):
        lines = read.get("skip_rows", 0) + kept[1][1]
        read |= two_lines(found, lines) or {"units": True}
    if "header" not in asked and read.get("header", True) and len(kept) > FEWEST_LINES:
        read |= questions(found, read.get("skip_rows", 0) + kept[2][1])
    if "columns" not in read and read.get("header", True) and found:
        read |= distinct_names(found[0])
    marks = number_marks(found[1:], separator)
    return read | {key: value for key, value in marks.items() if key not in asked}


def is_table(content: bytes, name: str) -> bool:
    """Whether a text, whatever its name ends in, has as many fields in each line."""
    try:
        text = decoded(content, name, encoding_of(content, name))
    except BadData:
        return False
    separator = _separator(text, _has_single_quotes(text) is False or "'")
    start = "".join(_first_lines(text))
    widths = Counter(len(record) for record, _ in records(start, separator, whole=False))
    if sum(widths.values()) < FEWEST_LINES:
        return False
    width, count = widths.most_common(1)[0]
    return width > 1 and count >= EVEN * sum(widths.values())


def _first_lines(text: str) -> list[str]:
    """The lines that are looked at, of a text that may be large."""
    head = text[:MOST_LETTERS]
    whole = head if len(text) <= MOST_LETTERS else head[: head.rfind("\n") + 1]
    return whole.splitlines(keepends=True)[:LINES_LOOKED_AT]


def _has_single_quotes(text: str) -> bool:
    """Whether `'` encloses cells, and `"` none."""
    lines = _first_lines(text)
    enclosed = sum(bool(SINGLE.search(line)) for line in lines)
    return enclosed > len(lines) / 2 and not any('"' in line for line in lines)


def _separator(text: str, quotes: bool | str) -> str:
    """The separator of most records, whatever lines stand above them."""
    start = "".join(_first_lines(text))
    best, most = "", (0.5, 1)
    # Where several part the lines alike: there are commas in texts, but hardly a tab.
    for separator in sorted(SEPARATORS, key=lambda mark: mark != "\t"):
        widths = Counter(
            len(record) for record, _ in records(start, separator, quotes, whole=False)
        )
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        share = count / max(1, sum(widths.values()))
        if width > 1 and (share, width) > most:
            best, most = separator, (share, width)
    # Columns in line, and a tab between some of them.
    if best in ("", "\t") and (not best or "  " in start) and _has_white_space(start, quotes):
        return WHITE_SPACE
    return best or sniffed(text, quotes)


def _has_white_space(start: str, quotes: bool | str) -> bool:
    """Whether white space parts fields: evenly, with numbers in one of them at least."""
    found = [record for record, _ in records(start, WHITE_SPACE, quotes, whole=False)]
    width, count = Counter(map(len, found)).most_common(1)[0] if found else (1, 0)
    if width < 2 or count < EVEN * (len(found) - 1):
        return False
    even = [record for record in found[1:] if len(record) == width]
    return any(all(map(is_numeral, column)) for column in zip(*even, strict=True))


def _lines_above(text: str, separator: str, quotes: bool | str) -> tuple[int, list[str]]:
    """How many lines stand above the table, comments or of another width, and the last record."""
    start = "".join(_first_lines(text))
    found = list(records(start, separator, quotes, whole=False))
    widths = Counter(len(record) for record, _ in found)
    width = widths.most_common(1)[0][0] if widths else 1
    last, above = 0, list[str]()
    for record, line in found[:MOST_ABOVE]:
        if len(record) == width and not record[0].startswith("#") and not _is_title(record):
            return last, above
        last, above = line, record
    return 0, []


def _is_title(record: Sequence[str]) -> bool:
    """Whether a record is a line above a table, filled up to its width as spreadsheets do."""
    return len(record) > 2 and sum(bool(cell.strip()) for cell in record) < 2


def _without_notes(found: list[tuple[list[str], int]]) -> list[tuple[list[str], int]]:
    """The records without the last ones that are no rows: of another width, or totals."""
    if len(found) < FEWEST_LINES:
        return found
    width = len(found[1][0])
    below = found[-1 : -MOST_BELOW - 1 : -1]
    notes = next((n for n, (record, _) in enumerate(below) if len(record) == width), 0)
    kept = found[: len(found) - notes]
    if any(len(record) != width for record, _ in kept[1:]):
        return found
    while _is_total(kept):
        kept = kept[:-1]
    return kept


def _is_total(found: Sequence[tuple[list[str], int]]) -> bool:
    """Whether the last record sums up: it says so where no other does, above or beside numbers."""
    last = [cell.strip() for cell in found[-1][0]]
    places = [place for place, cell in enumerate(last) if cell.lower() in TOTALS]
    if len(places) != 1 or not any(cell[-1:].isdigit() for cell in last):
        return False
    word, place = last[places[0]], places[0]
    return all(record[place].strip() != word for record, _ in found[:-1] if place < len(record))

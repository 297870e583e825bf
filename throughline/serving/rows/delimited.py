"""The records of a delimited file, read the same way for training and for serving."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

SEPARATORS = (",", ";", "\t", "|")
RECORDS_TO_SNIFF = 50
LONGEST_FIELD = 1 << 30
# Stands behind the last line, to be a record of its own; in no text is a control character.
END = "\x1aend of the file\x1a"


def records(
    text: str,
    separator: str,
    quotes: bool = True,
    verbatim: bool = False,
    whole: bool = True,
) -> Iterator[tuple[list[str], int]]:
    """Records that are not blank, each with the number of its last line.

    Args:
        text: the file.
        separator: one character.
        quotes: whether `"` encloses fields.
        verbatim: whether spaces behind a separator belong to the field; without it a quote may
            come behind them, as in `a, "b, c"`.
        whole: whether this is all of the file, so that every quote must be closed.

    Raises:
        csv.Error: a quote that none closes; all that follows it would be one field.
    """
    csv.field_size_limit(LONGEST_FIELD)
    dialect = _dialect(separator, {"quotes": quotes, "verbatim_spaces": verbatim})
    reader = csv.reader(chain(io.StringIO(text, newline=""), [END]), **dialect)
    begin, held = 1, None
    for record in reader:
        if held is not None:
            yield held
        if record == [END]:
            return
        held = (record, reader.line_num) if record else None
        if END in "".join(record[-1:]):
            if whole:
                raise csv.Error(f"Line {begin}: here is a quote left open, which no other closes")
            return
        begin = reader.line_num + 1


def sniffed(text: str, quotes: bool = True) -> str:
    """The separator that splits the first records into the most fields, equally many in each.

    A comma where none does: then the table has one column.
    """
    best, most = ",", 1
    for separator in SEPARATORS:
        head = records(text, separator, quotes, whole=False)
        found = zip(head, range(RECORDS_TO_SNIFF), strict=False)
        widths = [len(record) for (record, _), _ in found]
        if widths and len(set(widths)) == 1 and widths[0] > most:
            best, most = separator, widths[0]
    if most > 1:
        return best
    # Not even: some record is broken. The header then tells best.
    header = text.lstrip("\r\n").partition("\n")[0]
    return max(SEPARATORS, key=header.count) if any(s in header for s in SEPARATORS) else ","


def body(text: str, skip_rows: int, skip_footer: int) -> str:
    """`text` without its first and last lines; empty where there are no more lines than these."""
    if not skip_rows and not skip_footer:
        return text
    lines = io.StringIO(text, newline="").readlines()
    return "".join(lines[skip_rows : max(skip_rows, len(lines) - skip_footer)])


def header_names(header: Sequence[str]) -> list[str]:
    """The names in a header; a column without one is called by its place."""
    return [field.strip() or f"column_{i + 1}" for i, field in enumerate(header)]


def columns_of(
    text: str, reading: Mapping[str, Any], needed: Sequence[str]
) -> tuple[list[str], list[tuple[list[str], int]]]:
    """The table in a file that is laid out as the training's, or plainly.

    A file without the training's lines above the header, with another separator, or with a header
    where the training's had none is taken as it is.

    Args:
        text: the file.
        reading: how the training's file was laid out.
        needed: columns, of which the names are wanted; they tell whether a header is there.

    Returns:
        Names, and the records below them, each with the number of its last line.
    """
    return _laid_out(text, reading, needed)[:2]


def streamed(
    lines: Iterator[str], reading: Mapping[str, Any], needed: Sequence[str]
) -> tuple[list[str], Iterator[list[str]]]:
    """The table in lines that come one by one, laid out as for `columns_of`.

    Args:
        lines: of the file, each with its end.
        reading, needed: as for `columns_of`.

    Returns:
        Names, empty where there are no lines; and the records below them, each as soon as its
        line is there.

    Raises:
        csv.Error: a quote that none closes.
    """
    # Lines above the header may be those of the training's file, or be left out.
    above = int(reading.get("skip_rows", 0))
    settings = {**reading, "skip_footer": 0}
    head, names = "", list[str]()
    below: list[tuple[list[str], int]] = []
    separator = str(reading.get("separator", ","))
    for line in islice(lines, above + 1):
        head += line
        names, below, separator = _laid_out(head, settings, needed)
        if names and set(needed) <= set(names):
            break
    reader = csv.reader(lines, **_dialect(separator, reading))
    units = reading.get("units")
    rest = (record for record in reader if record and record != units)
    return names, chain((record for record, _ in below), rest)


def _dialect(separator: str, reading: Mapping[str, Any]) -> dict[str, Any]:
    verbatim = bool(reading.get("verbatim_spaces", False))
    return {
        "delimiter": separator,
        "quoting": csv.QUOTE_MINIMAL if reading.get("quotes", True) else csv.QUOTE_NONE,
        "skipinitialspace": not verbatim and not separator.isspace(),
    }


def _laid_out(
    text: str, reading: Mapping[str, Any], needed: Sequence[str]
) -> tuple[list[str], list[tuple[list[str], int]], str]:
    """Names, the records below them, and the separator; see `columns_of`."""
    first: tuple[list[str], list[tuple[list[str], int]], str] | None = None
    for skipped, footer, separator in _layouts(text, reading):
        held = body(text, skipped, footer)
        verbatim = bool(reading.get("verbatim_spaces", False))
        found = list(records(held, separator, bool(reading.get("quotes", True)), verbatim))
        if not found:
            continue
        names, taken = _names(found[0][0], reading, needed)
        below = [(record, line + skipped) for record, line in found[taken:]]
        if below and below[0][0] == reading.get("units"):
            below = below[1:]
        first = first or (names, below, separator)
        if set(needed) <= set(names):
            return names, below, separator
    return first or ([], [], str(reading.get("separator", ",")))


def _layouts(text: str, reading: Mapping[str, Any]) -> Iterator[tuple[int, int, str]]:
    """Lines to skip, at the end too, and a separator: the training's first."""
    own = str(reading.get("separator", ","))
    yield int(reading.get("skip_rows", 0)), int(reading.get("skip_footer", 0)), own
    found = sniffed(text, bool(reading.get("quotes", True)))
    for separator in dict.fromkeys((own, found)):
        yield 0, 0, separator


def _names(
    first: Sequence[str], reading: Mapping[str, Any], needed: Sequence[str]
) -> tuple[list[str], int]:
    """The names of the columns, and how many records they take."""
    rename: Mapping[str, str] = reading.get("rename") or {}
    said = header_names(first)
    renamed = [rename.get(name, name) for name in said]
    known: Sequence[str] | None = reading.get("names")
    if reading.get("header", True):
        own = list(known) if known is not None and len(known) == len(first) else said
        if set(needed) <= set(renamed):
            return renamed, 1
        return [rename.get(name, name) for name in own], 1
    if set(needed) <= set(renamed):
        return renamed, 1
    own = list(known or []) or [f"column_{i + 1}" for i in range(len(first))]
    return [rename.get(name, name) for name in own], 0

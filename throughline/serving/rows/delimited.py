"""The records of a delimited file, read the same way for training and for serving."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple, TextIO

from throughline.serving.errors import BadRequest

SEPARATORS = (",", ";", "\t", "|")
# A separator that stands for any number of spaces and tabs.
WHITE_SPACE = " "
RECORDS_TO_SNIFF = 50
LONGEST_FIELD = 1 << 30
# Characters that become lines at once.
PIECE = 1 << 20
# Lines that a record of a stream may have, in quotes, and characters of one.
MOST_LINES, LONGEST_LINE = 16, 1 << 20
RULE = re.compile(r"[:+]?[-=]{3,}(?:\+[-=]*)*[:+]?")
# Stands behind the last line, to be a record of its own; in no text is a control character.
END = "\x1aend of the file\x1a"


def records(
    text: str,
    separator: str,
    quotes: bool | str = True,
    verbatim: bool = False,
    whole: bool = True,
) -> Iterator[tuple[list[str], int]]:
    """Records that are not blank, each with the number of its last line.

    Args:
        text: the file.
        separator: one character; a space stands for all white space between fields.
        quotes: whether `"` encloses fields; or the character that does.
        verbatim: whether spaces behind a separator belong to the field; without it a quote may
            come behind them, as in `a, "b, c"`.
        whole: whether this is all of the file, so that every quote must be closed.

    Raises:
        csv.Error: a quote that none closes; all that follows it would be one field.
    """
    csv.field_size_limit(LONGEST_FIELD)
    dialect = _dialect(separator, {"quotes": quotes, "verbatim_spaces": verbatim})
    lines = _spaced(_lines(text), separator)
    reader = csv.reader(chain(lines, [END]), **dialect)
    begin, held = 1, None
    for record in reader:
        if held is not None:
            yield held
        if record == [END]:
            return
        held = (record, reader.line_num) if record and not ruled(record, separator) else None
        if END in "".join(record[-1:]):
            if whole:
                raise csv.Error(f"Line {begin}: here is a quote left open, which no other closes")
            return
        begin = reader.line_num + 1


def _lines(text: str) -> Iterator[str]:
    """The lines with their ends; a buffer of all of a large file would be four times its size."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + PIECE) + 1 or len(text)
        yield from io.StringIO(text[start:end], newline="")
        start = end


def ruled(record: Sequence[str], separator: str) -> bool:
    """Whether a record is a line that is drawn between rows, as `|---|---|` or `-------`.

    Where bars or white space part fields, as reports and terminals draw tables; elsewhere dashes
    are values.
    """
    if separator not in ("|", WHITE_SPACE):
        return False
    cells = [cell.strip() for cell in record if cell.strip()]
    return bool(cells) and all(map(RULE.fullmatch, cells))


def _spaced(lines: Iterator[str], separator: str) -> Iterator[str]:
    """Lines in which, where white space parts fields, each stretch of it begins with a space."""
    if separator != WHITE_SPACE:
        return lines
    return (line.replace("\t", " ").rstrip() + "\n" for line in lines)


def sniffed(text: str, quotes: bool | str = True) -> str:
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
    """Names, and the records below them, of the table that `laid_out` finds in a text."""
    found = laid_out(text, reading, needed)
    return found.names, list(found.below)


def streamed(
    lines: Iterator[str], reading: Mapping[str, Any], needed: Sequence[str]
) -> tuple[list[str], Iterator[list[str]]]:
    """The table in lines that come one by one, laid out as for `laid_out`.

    Args:
        lines: of the file, each with its end.
        reading, needed: as for `laid_out`.

    Returns:
        Names, empty where there are no lines; and the records below them, each as soon as its
        line is there.

    Raises:
        csv.Error: a quote that none closes.
    """
    # Lines above the header may be those of the training's file, or be left out.
    above = int(reading.get("skip_rows", 0))
    settings = {**reading, "skip_footer": 0}
    head, laid = "", laid_out("", settings, needed)
    for line in islice(lines, above + 1):
        head += line
        laid = laid_out(head, settings, needed)
        if laid.names and set(needed) <= set(laid.names):
            break
    separator = laid.separator
    reader = _as_they_come(_spaced(lines, separator), _dialect(separator, reading))
    units, repeated = reading.get("units"), repeats(laid.header)
    rest = (
        record
        for record in reader
        if record and record != units and not repeated(record) and not ruled(record, separator)
    )
    return laid.names, chain((record for record, _ in laid.below), rest)


def bounded_lines(file: TextIO) -> Iterator[str]:
    """Lines as they come; a device may send one that never ends.

    Raises:
        BadRequest: a line that is too long.
    """
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise BadRequest(f"A line must have less than {LONGEST_LINE:,} characters.")
        yield line


def _as_they_come(lines: Iterator[str], dialect: Mapping[str, Any]) -> Iterator[list[str]]:
    """Records of lines; one with a quote that none of the next lines closes is its line alone.

    What follows it would else be one field, to the end of the stream.
    """
    ahead: deque[str] = deque()

    def following() -> str:
        return ahead.popleft() if ahead else next(lines, "")

    def closed(held: list[str]) -> list[list[str]] | None:
        found = list(csv.reader([*held, END], **dialect))
        return found[:-1] if found[-1] == [END] else None

    while line := following():
        held, found = [line], closed([line])
        while found is None and len(held) < MOST_LINES and (more := following()):
            held.append(more)
            found = closed(held)
        if found is None:
            ahead.extendleft(reversed(held[1:]))
            found = [[line.rstrip("\r\n")]]
        yield from found


def _dialect(separator: str, reading: Mapping[str, Any]) -> dict[str, Any]:
    verbatim = bool(reading.get("verbatim_spaces", False))
    quotes = reading.get("quotes", True)
    spaced = separator == WHITE_SPACE
    return {
        "delimiter": separator,
        "quoting": csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        "quotechar": quotes if isinstance(quotes, str) else '"',
        "skipinitialspace": spaced or (not verbatim and not separator.isspace()),
    }


def repeats(header: Sequence[str]) -> Callable[[Sequence[str]], bool]:
    """Whether a record is the header again, as in files that were put together.

    Of one column it may be a value.
    """
    names = [field.strip() for field in header]
    if len(names) < 2:
        return lambda _: False
    return lambda record: (
        record[0].strip() == names[0] and [field.strip() for field in record] == names
    )


class Laid(NamedTuple):
    """How a table is laid out in a text.

    Attributes:
        names: of its columns; empty where there is nothing.
        below: its records, each with the number of its last line; read as they are asked for.
        separator: of its fields.
        header: the record of its names as it stands; empty where none does.
        body: the text without lines above the header and below the rows.
        above: lines of that which are no rows: the header, units.
    """

    names: list[str]
    below: Iterator[tuple[list[str], int]]
    separator: str
    header: list[str]
    body: str
    above: int


def laid_out(text: str, reading: Mapping[str, Any], needed: Sequence[str]) -> Laid:
    """The table in a text that is laid out as the training's, or plainly.

    A file without the training's lines above the header, with another separator, or with a header
    where the training's had none is taken as it is.

    Args:
        text: the file.
        reading: how the training's file was laid out.
        needed: columns, of which the names are wanted; they tell whether a header is there.

    Raises:
        csv.Error: a quote that none closes; when it is come to.
    """
    first: Laid | None = None
    for skipped, footer, separator in _layouts(text, reading, needed):
        held = body(text, skipped, footer)
        verbatim = bool(reading.get("verbatim_spaces", False))
        every = records(held, separator, reading.get("quotes", True), verbatim)
        top = next(every, None)
        if top is None:
            continue
        names, taken = _names(top[0], reading, needed)
        header, above = top if taken else ([], 0)
        repeated = repeats(header)
        rest: Iterator[tuple[list[str], int]] = every if taken else chain([top], every)
        rest = (each for each in rest if not repeated(each[0]))
        second = next(rest, None)
        if second is not None and second[0] == reading.get("units"):
            above = second[1]
        elif second is not None:
            rest = chain([second], rest)
        below = ((record, line + skipped) for record, line in without_footer(rest, reading))
        found = Laid(names, below, separator, header, held, above)
        first = first or found
        if set(needed) <= set(names):
            return found
    return first or Laid([], iter(()), str(reading.get("separator", ",")), [], "", 0)


def without_footer(
    below: Iterable[tuple[list[str], int]], reading: Mapping[str, Any]
) -> Iterator[tuple[list[str], int]]:
    """The records without the last ones that begin as the notes below the training's rows did."""
    starts = reading.get("footer") or ()
    last: deque[tuple[list[str], int]] = deque()
    for each in below:
        last.append(each)
        if len(last) > len(starts):
            yield last.popleft()
    while last and start_of(last[-1][0]) in starts:
        last.pop()
    yield from last


def start_of(record: Sequence[str]) -> str:
    """The first cell of a record that holds anything."""
    return next((cell.strip() for cell in record if cell.strip()), "")


def _layouts(
    text: str, reading: Mapping[str, Any], needed: Sequence[str]
) -> Iterator[tuple[int, int, str]]:
    """Lines to skip, at the end too, and a separator: the training's first."""
    own = str(reading.get("separator", ","))
    above = int(reading.get("skip_rows", 0))
    if above and not reading.get("header", True) and _is_named(text, own, reading, needed):
        above = 0
    # Where it is known how the lines below the rows began, they are told by that.
    below = 0 if "footer" in reading else int(reading.get("skip_footer", 0))
    yield above, below, own
    found = sniffed(text, reading.get("quotes", True))
    for separator in dict.fromkeys((own, found)):
        yield 0, 0, separator


def _is_named(text: str, separator: str, reading: Mapping[str, Any], needed: Sequence[str]) -> bool:
    """Whether the first line names the columns below it, though the training's did not."""
    if text.startswith("#"):
        return False
    head = list(islice(records(text, separator, whole=False), 2))
    names = [cell.strip() for cell in head[0][0]] if head else []
    if len(head) == 2 and head[1][0] == reading.get("below_names"):
        return False
    return len(head) == 2 and len(head[1][0]) == len(names) and set(needed) <= set(names)


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
        if set(needed) <= set(renamed) and len(set(said)) == len(said):
            return renamed, 1
        return [rename.get(name, name) for name in own], 1
    # A blank cell of a row is no name.
    if set(needed) <= {rename.get(cell.strip(), cell.strip()) for cell in first}:
        return renamed, 1
    own = list(known or []) or [f"column_{i + 1}" for i in range(len(first))]
    return [rename.get(name, name) for name in own], 0

"""CSV files: any separator, encoding, decimal mark and thousands separator."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, listed
from throughline.serving.rows import delimited, split
from throughline.serving.rows.delimited import header_names, records, repeats, start_of
from throughline.sources.cells import REPEATED, unsettled
from throughline.sources.formats.content import decoded

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

FORMATS = {"csv": {"suffixes": (".csv", ".tsv", ".tab", ".data"), "lines": True}}

# Rows of a block: their cells are Python's texts only for a moment.
BLOCK = 20_000


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table in a CSV file.

    Every record must have as many fields as the header: pandas alone would fill the missing ones
    in silence.

    Raises:
        BadData: names the line and column of what is wrong.
    """
    text = body(decoded(content, name, settings.encoding), name, settings)
    separator = settings.separator or delimited.sniffed(text, settings.quotes)
    try:
        names, first_line, frame = _table(text, name, separator, settings)
    except csv.Error as error:
        raise BadData(f"'{name}' must be a sound CSV file", str(error)) from None
    how = {"separator": separator, "encoding": settings.encoding, "decimal": settings.decimal}
    layout = _layout(separator, settings, names, frame.attrs.pop("units", None))
    if settings.skip_rows and not settings.header:
        layout |= _second_above(content, name, settings, separator)
    if settings.skip_footer:
        layout["footer"] = _starts_below(content, name, settings, separator)
    return unsettled(frame, layout), {**how, "first_line": first_line + settings.skip_rows}


def _starts_below(content: bytes, name: str, settings: Read, separator: str) -> list[str]:
    """How the lines that `skip_footer` leaves out begin, so that others of the kind are known."""
    lines = decoded(content, name, settings.encoding).splitlines(keepends=True)
    below = "".join(lines[-settings.skip_footer :])
    found = records(below, separator, settings.quotes, whole=False)
    return [start for record, _ in found if (start := start_of(record))]


def _second_above(
    content: bytes, name: str, settings: Read, separator: str
) -> dict[str, list[str]]:
    """What stands below names that `skip_rows` leaves out, as the questions of a survey.

    A file that only has the names is told apart by it.
    """
    text = decoded(content, name, settings.encoding)
    above = islice(records(text, separator, settings.quotes, whole=False), 2)
    found = [record for record, _ in above]
    named = len(found) == 2 and header_names(found[0]) == settings.columns
    return {"below_names": found[1]} if named and settings.skip_rows > 1 else {}


def _layout(
    separator: str, settings: Read, names: list[str], units: list[str] | None
) -> dict[str, Any]:
    """How the file is laid out, for the model's metadata: what differs from a plain CSV file."""
    found: dict[str, Any] = {
        "separator": separator,
        "encoding": settings.encoding,
        "quotes": settings.quotes,
        "header": settings.header,
        "skip_rows": settings.skip_rows,
        "skip_footer": settings.skip_footer,
        "rename": settings.rename,
        "units": units,
        "verbatim_spaces": bool(settings.text_columns),
        "names": None if settings.header and settings.columns is None else names,
    }
    plain = {
        "separator": ",", "encoding": "utf-8", "quotes": True, "header": True, "skip_rows": 0,
        "skip_footer": 0, "rename": {}, "units": None, "verbatim_spaces": False, "names": None,
    }  # fmt: skip
    return {key: value for key, value in found.items() if value != plain[key]}


def body(text: str, name: str, settings: Read) -> str:
    """`text` without the lines that `skip_rows` and `skip_footer` leave out."""
    if not settings.skip_rows and not settings.skip_footer:
        return text
    held = delimited.body(text, settings.skip_rows, settings.skip_footer)
    if not held:
        raise BadData(
            f"'{name}' must have more lines than 'skip_rows' and 'skip_footer' leave out",
            f"{len(text.splitlines())} lines",
        )
    return held


def _table(
    text: str, name: str, separator: str, settings: Read
) -> tuple[list[str], int, pd.DataFrame]:
    """Names, first line and cells, after every record was found to be as wide as the header."""
    import pandas as pd
    import pyarrow as pa

    if len(separator) != 1:
        raise BadData("'source.read.separator' must be one character", separator)
    verbatim = bool(settings.text_columns)
    every = records(text, separator, settings.quotes, verbatim)
    header = next(every, None)
    if header is None:
        raise BadData(f"'{name}' must have at least one row below its header", "nothing")
    names = _names(header[0], name, settings)
    first_line = header[1] + 1 if settings.header else 1
    above = header[1] if settings.header else 0
    below = every if settings.header else _with_first(header, every)
    units = None
    if settings.units:
        units, line = next(below, ([], 0))
        first_line, above = line + 1, line
    counted = Counter[str]()
    quote = settings.quotes if isinstance(settings.quotes, str) else '"' * settings.quotes
    columns = split.columns(text, separator, quote, above, header[0], settings.header)
    if columns is None:
        if settings.header:
            below = _once(below, header[0], counted)
        blocks = [
            [pa.array(column, pa.large_string()) for column in zip(*block, strict=True)]
            for block in _blocks(_checked(below, names, name, separator, settings, header[1]))
        ]
        if not blocks:
            raise BadData(
                f"'{name}' must have at least one row below its header",
                f"a header of {len(names)} columns and no row",
            )
        columns = [pa.chunked_array(parts) for parts in zip(*blocks, strict=True)]
    frame = pd.DataFrame(
        {
            column: values.to_pandas().astype("str")
            for column, values in zip(names, columns, strict=True)
        }
    )
    frame.attrs["units"] = units
    if counted:
        frame.attrs[REPEATED] = counted[REPEATED]
    return names, first_line, frame


def _once(
    below: Iterator[tuple[list[str], int]], header: list[str], counted: Counter[str]
) -> Iterator[tuple[list[str], int]]:
    """The records that are not the header again; the others are counted."""
    repeated = repeats(header)
    for record, line in below:
        if repeated(record):
            counted[REPEATED] += 1
        else:
            yield record, line


def _with_first(
    first: tuple[list[str], int], rest: Iterator[tuple[list[str], int]]
) -> Iterator[tuple[list[str], int]]:
    yield first
    yield from rest


def _checked(
    below: Iterator[tuple[list[str], int]],
    names: list[str],
    name: str,
    separator: str,
    settings: Read,
    before: int,
) -> Iterator[list[str]]:
    """The records, each as wide as the header.

    Raises:
        BadData: one is not; names its line.
    """
    for record, line in below:
        if len(record) != len(names):
            at = settings.skip_rows + line
            broken = f" (it began in line {settings.skip_rows + before + 1}: is a quote left open?)"
            raise BadData(
                f"Line {at} of '{name}' must have {len(names)} fields, as many as the header",
                f"{len(record)} fields: {separator.join(record)}",
                f"Mend the line{broken if line - before > 1 else ''}, "
                "or set 'source.read.separator'",
            )
        before = line
        yield record


def _blocks(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while block := list(islice(rows, BLOCK)):
        yield block


def _names(header: list[str], name: str, settings: Read) -> list[str]:
    if settings.columns is not None:
        if len(settings.columns) != len(header):
            raise BadData(
                f"'source.read.columns' must name the {len(header)} columns of '{name}'",
                f"{len(settings.columns)} names",
            )
        names = settings.columns
    elif settings.header:
        names = header_names(header)
    else:
        names = [f"column_{i + 1}" for i in range(len(header))]
    repeated = sorted(field for field, count in Counter(names).items() if count > 1)
    if repeated:
        raise BadData(
            f"Every column of '{name}' needs a name of its own",
            f"more than once: {listed(repeated)}",
            "Give all names in 'source.read.columns'",
        )
    return names

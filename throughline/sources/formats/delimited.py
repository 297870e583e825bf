"""CSV files: any separator, encoding, decimal mark and thousands separator."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, listed
from throughline.sources.formats.content import decoded

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

SEPARATORS = (",", ";", "\t", "|")
RECORDS_TO_SNIFF = 50
# What stands for a missing number or category. pandas' own list also holds "None" and "n/a",
# which are honest categories in some files.
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "#N/A")
LONGEST_FIELD = 1 << 30


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table in a CSV file.

    Every record must have as many fields as the header: pandas alone would fill the missing ones
    in silence.

    Raises:
        BadData: names the line and column of what is wrong.
    """
    text = body(decoded(content, name, settings.encoding), name, settings)
    separator = settings.separator or sniffed(text, settings.quotes)
    names, first_line = _checked(text, name, separator, settings)
    frame = _parsed(text, name, separator, names, settings)
    how = {"separator": separator, "encoding": settings.encoding, "decimal": settings.decimal}
    return frame, {**how, "first_line": first_line + settings.skip_rows}


def body(text: str, name: str, settings: Read) -> str:
    """`text` without the lines that `skip_rows` and `skip_footer` leave out."""
    if not settings.skip_rows and not settings.skip_footer:
        return text
    lines = text.splitlines(keepends=True)
    if len(lines) <= settings.skip_rows + settings.skip_footer:
        raise BadData(
            f"'{name}' must have more lines than 'skip_rows' and 'skip_footer' leave out",
            f"{len(lines)} lines",
        )
    return "".join(lines[settings.skip_rows : len(lines) - settings.skip_footer])


def sniffed(text: str, quotes: bool = True) -> str:
    """The separator that splits the first records into the most fields, equally many in each.

    A comma where none does: then the table has one column.
    """
    best, most = ",", 1
    for separator in SEPARATORS:
        widths = [len(record) for record, _ in _records(text, separator, quotes, RECORDS_TO_SNIFF)]
        if widths and len(set(widths)) == 1 and widths[0] > most:
            best, most = separator, widths[0]
    if most > 1:
        return best
    # Not even: some record is broken. The header then tells best.
    header = text.lstrip("\r\n").partition("\n")[0]
    return max(SEPARATORS, key=header.count) if any(s in header for s in SEPARATORS) else ","


def _records(text: str, separator: str, quotes: bool, most: int | None = None) -> Any:
    """Records that are not blank, each with the number of its last line."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
    )
    count = 0
    for record in reader:
        if record:
            yield record, reader.line_num
            count += 1
            if count == most:
                return


def _checked(text: str, name: str, separator: str, settings: Read) -> tuple[list[str], int]:
    """The names of the columns, after every record was found to be as wide as they are."""
    if len(separator) != 1:
        raise BadData("'source.read.separator' must be one character", separator)
    names: list[str] | None = None
    line = first_line = before = 0
    for record, line in _records(text, separator, settings.quotes):
        if names is None:
            names = _names(record, name, settings)
            first_line = line + 1 if settings.header else 1
        elif len(record) != len(names):
            at = settings.skip_rows + line
            broken = f" (it began in line {settings.skip_rows + before + 1}: is a quote left open?)"
            raise BadData(
                f"Line {at} of '{name}' must have {len(names)} fields, as many as the header",
                f"{len(record)} fields: {separator.join(record)}",
                f"Mend the line{broken if line - before > 1 else ''}, "
                "or set 'source.read.separator'",
            )
        before = line
    if names is None or (settings.header and line < first_line):
        raise BadData(
            f"'{name}' must have at least one row below its header",
            "nothing" if names is None else f"a header of {len(names)} columns and no row",
        )
    return names, first_line


def _names(header: list[str], name: str, settings: Read) -> list[str]:
    if settings.columns is not None:
        if len(settings.columns) != len(header):
            raise BadData(
                f"'source.read.columns' must name the {len(header)} columns of '{name}'",
                f"{len(settings.columns)} names",
            )
        names = settings.columns
    elif settings.header:
        names = [field.strip() or f"column_{i + 1}" for i, field in enumerate(header)]
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


def _parsed(text: str, name: str, separator: str, names: list[str], settings: Read) -> pd.DataFrame:
    import pandas as pd

    verbatim = [column for column in settings.text_columns if column in names]
    missing = sorted({*MISSING, *settings.missing})
    try:
        frame = pd.read_csv(
            io.StringIO(text, newline=""),
            sep=separator,
            quoting=csv.QUOTE_MINIMAL if settings.quotes else csv.QUOTE_NONE,
            header=0 if settings.header else None,
            names=names,
            index_col=False,
            decimal=settings.decimal,
            thousands=settings.thousands,
            keep_default_na=False,
            na_values={column: missing for column in names if column not in verbatim},
            dtype=dict.fromkeys(verbatim, str),
            low_memory=False,
            # The nearest double, so that a number reads as every other program reads it.
            float_precision="round_trip",
        )
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise BadData(f"'{name}' must be a sound CSV file", str(error).strip()) from None
    return frame

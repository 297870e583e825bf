"""Delimited texts without quotes, split by Arrow: ten times as fast as record by record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# Of a block, and of its part of a column: each part costs as much as some hundred cells.
BLOCK_BYTES, COLUMN_BYTES = 1 << 20, 1 << 15
# Where these part fields, white space and lines that are drawn mean nothing.
SPLITTING = ",;\t"


def columns(
    text: str, separator: str, quote: str, below: int, header: Sequence[str], repeats: bool
) -> list[pa.ChunkedArray] | None:
    """The cells below some lines, column by column, where splitting alone finds them.

    Args:
        text: the file.
        separator: one character.
        quote: what encloses fields; empty where nothing does.
        below: lines that are no rows: the header, units.
        header: the first record; rows must be as wide.
        repeats: whether a row that is the header again is none.

    Returns:
        large strings of each column; None where the text must be read record by record: it has
        quotes, spaces behind a separator, line ends of another kind, lines that are no rows, or a
        mistake, whose line is told then.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    if separator not in SPLITTING or any(sign and sign in text for sign in (quote, "\0")):
        return None
    # Asked for one sign first: two are looked for ten times as slowly.
    if " " in text and (f"{separator} " in text or "\n " in text or text.startswith(" ")):
        return None
    if "\r" in text and text.count("\r") != text.count("\r\n"):
        return None
    start = 0
    for _ in range(below):
        start = text.find("\n", start) + 1
        if not start:
            return None
    names = [str(place) for place in range(len(header))]
    block = max(BLOCK_BYTES, COLUMN_BYTES * len(names))
    try:
        table = csv.read_csv(
            pa.BufferReader(text[start:].encode()),
            csv.ReadOptions(column_names=names, block_size=block),
            csv.ParseOptions(delimiter=separator, quote_char=False, double_quote=False),
            csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string())),
        )
    except pa.ArrowInvalid:
        return None
    if not table.num_rows:
        return None
    first = pc.utf8_trim_whitespace(table.column(0))
    if repeats and pc.any(pc.equal(first, header[0].strip())).as_py():
        return None
    found: list[pa.ChunkedArray] = table.columns
    return found

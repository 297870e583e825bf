"""The texts of a table's cells become values, one way for each column.

The rules of one cell are those of `serving/cells.py`, which the model file carries; here they are
applied to whole columns, and here it is settled what a column holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, nearest
from throughline.serving.rows import split
from throughline.serving.rows.cells import (
    KEYS,
    MISSING,
    Cells,
)
from throughline.sources.settling import as_text, values_of
from throughline.sources.table import without_attrs

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

# Where a reader notes which columns of a table are cells still, and how the file is laid out.
CELLS = "cells"
READING = "reading"
# How many cells of a column had spaces around them.
SPACES = "spaces"
# How many lines of the file were its header again.
REPEATED = "repeated"


def unsettled(frame: pd.DataFrame, layout: Mapping[str, Any]) -> pd.DataFrame:
    """Mark all columns of a frame as texts of cells, read from a file of that layout."""
    frame.attrs = {**frame.attrs, CELLS: list(map(str, frame.columns)), READING: dict(layout)}
    return frame


def together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables one below the other, whose cells are settled as one table's."""
    import pandas as pd

    rows = pd.concat(frames, ignore_index=True)
    rows.attrs = {**frames[0].attrs}
    return rows


def settled(frame: pd.DataFrame, read: Read, where: str) -> pd.DataFrame:
    """`frame` with the texts of its cells as numbers, truth values, times or texts.

    What is not said in `read.types` is told by the cells: a column of numbers is one of numbers,
    one of `true` and `false` is boolean, all else are texts; and numbers with a leading zero, as in
    `01000`, are codes and hence texts.

    Args:
        frame: a table; columns that are not texts of cells stay as they are.
        read: section `source.read`.
        where: the file, for messages.

    Returns:
        The table; `attrs["reading"]` holds the layout of the file with, for each column, how its
        cells are read.

    Raises:
        BadData: a cell that is not what the file says its column holds; a name of no column.
    """
    import pandas as pd

    _refuse_unknown(read, list(map(str, frame.columns)), where)
    names = set[str](frame.attrs.get(CELLS) or _texts_meant(frame, read))
    if not names:
        return frame
    attrs, frame = frame.attrs, without_attrs(frame)
    columns: dict[str, Any] = {}
    cells: dict[str, Cells] = {}
    spaces: dict[str, int] = {}
    for name in map(str, frame.columns):
        if name in names:
            columns[name], cells[name], spaces[name] = _column(frame[name], name, read, where)
        else:
            columns[name] = frame[name]
    # Without a copy into one block, which such a table never needs.
    result = pd.DataFrame(columns, copy=False)
    usual = _usual(read) if CELLS in attrs else typed(read)
    own = {
        read.rename.get(name, name): _different(found, usual)
        for name, found in cells.items()
        if found != usual
    }
    kept = {key: value for key, value in attrs.items() if key != CELLS}
    kept[SPACES] = {name: count for name, count in spaces.items() if count}
    layout = attrs.get(READING, {})
    result.attrs = kept | {READING: {**layout, **usual.as_json(), "columns": own}}
    return result


def _texts_meant(frame: pd.DataFrame, read: Read) -> list[str]:
    """Columns of texts, in a file whose format has types, that the pipeline file speaks of."""
    from pandas.api import types

    own = read.missing if isinstance(read.missing, dict) else {}
    return [
        str(name)
        for name in frame.columns
        if str(name) in {*read.types, *read.times, *own}
        and (types.is_string_dtype(frame[name].dtype) or types.is_object_dtype(frame[name].dtype))
    ]


def typed(read: Read) -> Cells:
    """How texts are read for columns that come from a format with types: as they are."""
    return Cells(missing=("",), verbatim=True, infinite=read.infinite == "missing")


def _usual(read: Read) -> Cells:
    return Cells(
        tuple(usual_missing(read)),
        read.decimal,
        read.thousands or "",
        infinite=read.infinite == "missing",
    )


def usual_missing(read: Read) -> Sequence[str]:
    """The texts that stand for a missing value in a column of which nothing else is said."""
    own = read.missing if isinstance(read.missing, list) else []
    return [*MISSING, *(text for text in own if text not in MISSING)]


def _different(cells: Cells, usual: Cells) -> dict[str, Any]:
    """What is said of a column beside what holds for all."""
    said = {key: getattr(cells, key) for key in KEYS if getattr(cells, key) != getattr(usual, key)}
    return {key: list(v) if isinstance(v, tuple) else v for key, v in said.items()}


def _refuse_unknown(read: Read, names: Sequence[str], where: str) -> None:
    own = read.missing if isinstance(read.missing, dict) else {}
    for key, said in (("types", read.types), ("times", read.times), ("missing", own)):
        for name in said:
            if name not in names:
                raise BadData(
                    f"'source.read.{key}' names a column of {where}", name, nearest(name, names)
                )


def _column(column: pd.Series, name: str, read: Read, where: str) -> tuple[Any, Cells, int]:
    """The values of a column, how its cells are read, and how many had spaces around them."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pa.array(column, pa.large_string(), from_pandas=True)
    if isinstance(array, pa.Array):
        array = pa.chunked_array([array])
    if name in read.text_columns or read.rename.get(name) in read.text_columns:
        return as_text(array), Cells(missing=(), verbatim=True), 0
    own = read.missing.get(name) if isinstance(read.missing, dict) else None
    cells = _usual(read) if own is None else replace(_usual(read), missing=tuple(own))
    if name not in read.types and name not in read.times:
        numbers = split.numbers(array, cells)
        if numbers is not None:
            return pd.Series(numbers), cells, 0
    stripped = pc.utf8_trim_whitespace(array)
    spaces = pc.sum(pc.not_equal(stripped, array), min_count=0).as_py()
    absent = pc.is_in(stripped, value_set=pa.array(cells.missing, pa.large_string()))
    present = pc.if_else(absent, pa.scalar(None, pa.large_string()), stripped)
    return (*values_of(present, name, cells, read, where), spaces)

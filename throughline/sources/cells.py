"""The texts of a table's cells become values, one way for each column.

The rules of one cell are those of `serving/cells.py`, which the model file carries; here they are
applied to whole columns, and here it is settled what a column holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, listed, nearest
from throughline.serving.rows.cells import (
    KEYS,
    MINUSES,
    MISSING,
    PERCENT,
    Cells,
    mark_of,
    number_pattern,
    thousands_class,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from throughline.pipeline.schema.source import Read

# Where a reader notes which columns of a table are cells still, and how the file is laid out.
CELLS = "cells"
READING = "reading"
# How many cells of a column had spaces around them.
SPACES = "spaces"
# The words that make a column one of truth values without being told to.
PLAIN_TRUE, PLAIN_FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")
CODE = "[+-]?0[0-9]+"
INTEGER = f"[+{MINUSES}-]?[0-9]+"
# Whole numbers beyond it are not all exact as float64.
LARGEST_EXACT = 2**53


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
    names: list[str] = frame.attrs.get(CELLS) or _texts_meant(frame, read)
    if not names:
        return frame
    columns: dict[str, Any] = {}
    cells: dict[str, Cells] = {}
    spaces: dict[str, int] = {}
    for name in map(str, frame.columns):
        if name in names:
            columns[name], cells[name], spaces[name] = _column(frame[name], name, read, where)
        else:
            columns[name] = frame[name]
    result = pd.DataFrame(columns)
    usual = _usual(read) if CELLS in frame.attrs else typed(read)
    own = {
        read.rename.get(name, name): _different(found, usual)
        for name, found in cells.items()
        if found != usual
    }
    kept = {key: value for key, value in frame.attrs.items() if key != CELLS}
    kept[SPACES] = {name: count for name, count in spaces.items() if count}
    layout = frame.attrs.get(READING, {})
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
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pa.chunked_array([pa.array(column, pa.large_string(), from_pandas=True)])
    if name in read.text_columns or read.rename.get(name) in read.text_columns:
        return _as_text(array), Cells(missing=(), verbatim=True), 0
    own = read.missing.get(name) if isinstance(read.missing, dict) else None
    cells = _usual(read) if own is None else replace(_usual(read), missing=tuple(own))
    stripped = pc.utf8_trim_whitespace(array)
    spaces = pc.sum(pc.not_equal(stripped, array), min_count=0).as_py()
    absent = pc.is_in(stripped, value_set=pa.array(cells.missing, pa.large_string()))
    present = pc.if_else(absent, pa.scalar(None, pa.large_string()), stripped)
    return (*_values(present, name, cells, read, where), spaces)


def _values(
    present: pa.ChunkedArray, name: str, cells: Cells, read: Read, where: str
) -> tuple[Any, Cells]:
    """The values of a column whose missing cells are null."""
    kind = read.types.get(name)
    place = f"column '{name}' of {where}"
    if name in read.times:
        from throughline.samples.times import times

        return times(_as_text(present), read.times[name], name, where), cells
    if kind == "text":
        return _as_text(present), cells
    if kind == "number":
        return _declared_numbers(present, cells, place)
    if kind == "boolean":
        return _flags(present, cells, place)
    numbers = _numbers(present, cells, codes=False)
    if numbers is not None:
        return numbers, cells
    if _all_match(present, "|".join((*PLAIN_TRUE, *PLAIN_FALSE))):
        return _flags(present, cells, place)
    return _as_text(present), cells


def _as_text(array: pa.ChunkedArray) -> pd.Series:
    texts: pd.Series = array.to_pandas().astype("str")
    return texts


def _all_match(array: pa.ChunkedArray, pattern: str) -> bool:
    import pyarrow.compute as pc

    matched = pc.match_substring_regex(array, f"^(?:{pattern})$")
    return bool(pc.all(matched, skip_nulls=True, min_count=0).as_py())


def _numbers(array: pa.ChunkedArray, cells: Cells, codes: bool) -> pd.Series | None:
    """A column of numbers as int64 or float64; None where it is none, or would lose digits.

    Args:
        array: cells without spaces around them, null where missing.
        cells: how they are read.
        codes: whether `007` is a number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not _all_match(array, number_pattern(cells)):
        return None
    if not codes and bool(pc.any(pc.match_substring_regex(array, f"^{CODE}$")).as_py()):
        return None
    whole = len(array) > array.null_count and _all_match(_plain(array, cells), INTEGER)
    plain = pc.replace_substring_regex(_plain(array, cells), f"^[{MINUSES}]", "-")
    if whole:
        try:
            integers = pc.cast(plain, pa.int64())
        except pa.ArrowInvalid:
            return _as_floats(plain, cells) if codes else None
        if not array.null_count:
            exact: pd.Series = integers.to_pandas()
            return exact
        largest = pc.max(pc.abs(integers)).as_py()
        if largest > LARGEST_EXACT and not codes:
            return None
    return _as_floats(plain, cells)


def _plain(array: pa.ChunkedArray, cells: Cells) -> pa.ChunkedArray:
    """Numbers without marks between thousands, with a point."""
    import pyarrow.compute as pc

    if cells.thousands:
        array = pc.replace_substring_regex(array, thousands_class(cells), "")
    return array if cells.decimal == "." else pc.replace_substring(array, cells.decimal, ".")


def _as_floats(plain: pa.ChunkedArray, cells: Cells) -> pd.Series:
    import pyarrow as pa
    import pyarrow.compute as pc

    values: pd.Series = pc.cast(plain, pa.float64()).to_pandas().astype("float64")
    return values.where(np.isfinite(values)) if cells.infinite else values


def _declared_numbers(array: pa.ChunkedArray, cells: Cells, place: str) -> tuple[pd.Series, Cells]:
    """A column that the pipeline file says holds numbers; each with or without its mark."""
    import pandas as pd

    numbers = _numbers(array, cells, codes=True)
    if numbers is not None:
        return numbers, cells
    texts = [text for text in array.unique().to_pylist() if text is not None]
    marks = sorted({mark_of(text) for text in texts} - {""})
    if len(marks) > 1 or (marks == [PERCENT] and not all(map(mark_of, texts))):
        kinds = {mark_of(text): text for text in texts}
        raise BadData(
            f"Numbers in {place} must carry one mark, or none",
            listed(kinds.values()),
            "Mend the cells, or take the column out of 'source.read.types'",
        )
    cells = replace(cells, mark=marks[0] if marks else "")
    known = _known(array, texts, cells, place, "a number")
    values = array.to_pandas().map(known, na_action="ignore").astype("float64")
    whole = values.notna().all() and (values % 1 == 0).all() and not cells.mark
    return (values.astype("int64") if whole else pd.Series(values)), cells


def _flags(array: pa.ChunkedArray, cells: Cells, place: str) -> tuple[pd.Series, Cells]:
    """Truth values: bool, or 1 and 0 where some are missing, which no bool can say."""
    cells = replace(cells, words=True)
    texts = [text for text in array.unique().to_pylist() if text is not None]
    known = _known(array, texts, cells, place, "true or false, or yes or no")
    values = array.to_pandas().map(known, na_action="ignore").astype("float64")
    return (values if values.isna().any() else values.astype(bool)), cells


def _known(
    array: pa.ChunkedArray, texts: Sequence[str], cells: Cells, place: str, expected: str
) -> dict[str, float]:
    """The value of each text of a column.

    Raises:
        BadData: one has none; names its first row.
    """
    import pyarrow.compute as pc

    known = {}
    for text in texts:
        try:
            value = cells.number(text)
        except ValueError:
            row = pc.index(array, text).as_py() + 1
            raise BadData(
                f"Row {row}, {place} must be {expected}",
                text,
                "Mend the cell, list it in 'source.read.missing', or change 'source.read.types'",
            ) from None
        known[text] = np.nan if value is None else value
    return known

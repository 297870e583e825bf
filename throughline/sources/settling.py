"""What the cells of one column hold: numbers, truth values, times or texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, listed
from throughline.serving.rows.cells import (
    MINUSES,
    Cells,
    formal,
    is_currency,
    mark_of,
    number_pattern,
    thousands_class,
)
from throughline.serving.rows.split import CODE
from throughline.sources.table import LARGEST_EXACT

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from throughline.pipeline.schema.source import Read

# The words that make a column one of truth values without being told to.
PLAIN_TRUE, PLAIN_FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")
# Beyond 2^53, and within what a float can be.
LONG_INTEGER = "^[+-]?[0-9]{16,300}$"
INTEGER = f"[+{MINUSES}-]?[0-9]+"


def values_of(
    present: pa.ChunkedArray, name: str, cells: Cells, read: Read, where: str
) -> tuple[Any, Cells]:
    """The values of a column whose missing cells are null."""
    kind = read.types.get(name)
    place = f"column '{name}' of {where}"
    if name in read.times:
        from throughline.samples.times import times

        return times(as_text(present), read.times[name], name, where), cells
    if kind == "text":
        return as_text(present), cells
    if kind == "number":
        return _declared_numbers(present, cells, place)
    if kind == "duration":
        return _durations(present, cells, place)
    if kind == "boolean":
        return _flags(present, cells, place)
    numbers = _numbers(present, cells, codes=False)
    if numbers is not None:
        return numbers, cells
    if _all_match(present, "|".join((*PLAIN_TRUE, *PLAIN_FALSE))):
        return _flags(present, cells, place)
    return as_text(present), cells


def as_text(array: pa.ChunkedArray) -> pd.Series:
    texts: pd.Series = array.to_pandas().astype("str")
    return texts


def _any_match(array: pa.ChunkedArray, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(array, f"^{pattern}$")).as_py())


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
    if not codes and _any_match(array, CODE):
        return None
    whole = len(array) > array.null_count and _all_match(_plain(array, cells), INTEGER)
    plain = pc.replace_substring_regex(_plain(array, cells), f"^[{MINUSES}]", "-")
    # Arrow's whole numbers have no plus.
    plain = pc.replace_substring_regex(plain, r"^\+", "")
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
    elif not codes and _loses_digits(plain):
        return None
    return _as_floats(plain, cells)


def _loses_digits(plain: pa.ChunkedArray) -> bool:
    """Whether a whole number among fractions is none of the numbers that a float can be."""
    import pyarrow.compute as pc

    long = pc.drop_null(plain).filter(pc.match_substring_regex(pc.drop_null(plain), LONG_INTEGER))
    return any(int(text) != int(float(text)) for text in long.to_pylist())


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
    if len(marks) > 1 or not (all(map(mark_of, texts)) or all(map(is_currency, marks))):
        kinds = {mark_of(text): text for text in texts}
        raise BadData(
            f"Numbers in {place} must carry one mark, or none",
            listed(kinds.values()),
            "Mend the cells, or take the column out of 'source.read.types'",
        )
    informal = any(formal(text, cells.decimal) != text for text in texts)
    cells = replace(cells, mark=marks[0] if marks else "", informal=informal)
    known = _known(array, texts, cells, place, "a number")
    values = array.to_pandas().map(known, na_action="ignore").astype("float64")
    whole = values.notna().all() and (values % 1 == 0).all() and not cells.mark
    return (values.astype("int64") if whole else pd.Series(values)), cells


def _durations(array: pa.ChunkedArray, cells: Cells, place: str) -> tuple[pd.Series, Cells]:
    """Times of a day or durations as their seconds."""
    cells = replace(cells, clock=True)
    texts = [text for text in array.unique().to_pylist() if text is not None]
    known = _known(array, texts, cells, place, "a duration or a time of day such as 1:30:05")
    return array.to_pandas().map(known, na_action="ignore").astype("float64"), cells


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

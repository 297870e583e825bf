"""Rows that are changed so much that anything fitted on them would move."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import is_number, is_plain
from throughline.preprocessing.pictures import is_picture_column
from throughline.tokens.token_rows import column_of, is_windows, texts_of
from throughline.tokens.token_series import Texts

if TYPE_CHECKING:
    import pandas as pd

# Far outside what any column holds, and still finite in float32 after a square.
FACTOR = 37.0
NEW_WORD = "never seen before"


def corrupted(
    rows: pd.DataFrame,
    chosen: np.ndarray[Any, Any],
    kept: Collection[str],
    classes: Collection[str],
) -> pd.DataFrame:
    """`rows` with other values in the chosen ones.

    Numbers are scaled and shifted beyond the column's maximum, texts become a category and words
    that no row had, truth values are turned round, pictures become negatives. A class becomes the
    next one, so that no row keeps its own, and in every third row the first, so that shares move
    even where all classes are as frequent.

    Args:
        rows: any rows.
        chosen: [rows] which of them are changed.
        kept: columns that must stay as they are, such as the clock of a series.
        classes: the columns that are predicted and hold classes, which stay within the known ones.
    """
    changed = rows.copy()
    for name in rows.columns:
        if name in kept:
            continue
        if is_picture_column(rows[name]):
            changed[name] = _negatives(rows[name], chosen)
            continue
        if is_windows(rows[name]):
            changed[name] = _windows(rows[name], chosen)
            continue
        if not is_plain(rows[name]):
            continue
        if name in classes:
            changed[name] = _classes(rows[name], chosen)
        else:
            changed[name] = _column(rows[name], chosen)
    return changed


def _classes(column: pd.Series, chosen: np.ndarray[Any, Any]) -> pd.Series:
    import pandas as pd

    classes = sorted(column[~chosen].dropna().unique(), key=str)
    if len(classes) < 2:
        return column
    following = dict(zip(classes, [*classes[1:], classes[0]], strict=True))
    values = column.to_numpy(dtype=object, copy=True)
    for number, row in enumerate(np.flatnonzero(chosen)):
        if values[row] in following:
            values[row] = classes[0] if number % 3 == 2 else following[values[row]]
    return pd.Series(values, index=column.index).astype(column.dtype)


def _negatives(column: pd.Series, chosen: np.ndarray[Any, Any]) -> pd.Series:
    import pandas as pd

    values = [255 - v if held else v for v, held in zip(column, chosen, strict=True)]
    return pd.Series(values, index=column.index, dtype=object)


def _windows(column: pd.Series, chosen: np.ndarray[Any, Any]) -> pd.Series:
    """Windows of which the chosen ones lie in other texts, all of whose tokens are new."""
    texts = texts_of(column)
    series = texts.series
    words = np.array([f"{word}{NEW_WORD.replace(' ', '')}" for word in series.words], dtype=object)
    codes = np.concatenate([series.codes, series.codes + len(words)])
    both = replace(series, codes=codes, words=np.concatenate([series.words, words]))
    ends = np.where(chosen, texts.ends + len(series.codes), texts.ends).astype(texts.ends.dtype)
    return column_of(Texts(both, ends), column.index)


def _column(column: pd.Series, chosen: np.ndarray[Any, Any]) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_bool_dtype(column.dtype):
        return column.where(~chosen, ~column)
    if is_number(column):
        beyond = abs(float(column.abs().max() or 0.0)) + 1.0
        moved = column.astype("float64") * FACTOR + FACTOR * beyond
        whole = pd.api.types.is_integer_dtype(column.dtype)
        return column.where(~chosen, moved.round().astype("int64") if whole else moved)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column.where(~chosen, column + pd.Timedelta(days=36_500))
    words = column.astype("str") + f" {NEW_WORD}"
    return column.where(~chosen, words).astype("str")

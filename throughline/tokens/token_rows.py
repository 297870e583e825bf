"""Rows with windows of tokens: positions stand in Parquet, the tokens beside it.

In memory such a column holds `Window` objects, as one of pictures holds views of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.tokens.token_series import Texts, Window, stored_windows, windows_beside

if TYPE_CHECKING:
    import pandas as pd


def column_of(texts: Texts, index: pd.Index | None = None) -> pd.Series:
    """A column of windows. Default: rows counted from 0."""
    import pandas as pd

    values = [Window(texts.series, end) for end in texts.ends.tolist()]
    return pd.Series(values, index=index, dtype=object)


def is_windows(column: pd.Series) -> bool:
    """Whether the values of a column are windows of tokens."""
    return column.dtype == object and len(column) > 0 and isinstance(column.iloc[0], Window)


def texts_of(column: pd.Series) -> Texts:
    """The texts of a column of windows, which are joined when they are asked for."""
    ends = np.fromiter((window.end for window in column), np.int32, len(column))
    return Texts(column.iloc[0].series, ends)


def with_windows(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """`rows` of a Parquet file with windows in the place of their positions."""
    stored = stored_windows(path)
    columns = {
        name: column_of(Texts(series, rows[name].to_numpy()), rows.index)
        for name, series in stored.items()
    }
    return rows.assign(**columns) if columns else rows


def read_windows(path: Path) -> pd.DataFrame:
    """The rows of a Parquet file, with windows where they have some."""
    import pandas as pd

    return with_windows(pd.read_parquet(path), path)


def write_windows(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Write the tokens of windows beside a Parquet file.

    Args:
        rows: of the file.
        path: of the file.

    Returns:
        the rows as Parquet holds them, with positions in the place of windows.
    """
    names = [str(name) for name in rows.columns if is_windows(rows[name])]
    positions: dict[str, np.ndarray] = {}
    for name in names:
        held = texts_of(rows[name])
        series, positions[name] = held.series.restricted_to(held.ends)
        series.write(windows_beside(path), name)
    return rows.assign(**positions) if positions else rows


def as_texts(rows: pd.DataFrame, names: Collection[str] | None = None) -> pd.DataFrame:
    """`rows` with the windows of these columns as strings. Default: of all columns."""
    chosen = [name for name in rows.columns if names is None or name in names]
    found = {str(name): _joined(rows[name]) for name in chosen if is_windows(rows[name])}
    return rows.assign(**found) if found else rows


def _joined(column: pd.Series) -> pd.Series:
    """Some rows at a time, so that strings of Python never stand for all of them."""
    import pandas as pd

    parts = [pd.Series(part, dtype="str") for part in texts_of(column).parts()]
    whole: pd.Series = pd.concat(parts).set_axis(column.index)
    return whole


def named_texts(rows: pd.DataFrame, rules: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """`rows` with windows as strings where a rule may look at them.

    Great Expectations needs real strings, all rows at once; here they are made. Columns that no
    rule names stay positions.
    """
    said = json.dumps(list(rules), default=str, ensure_ascii=False)
    return as_texts(rows, [name for name in rows.columns if str(name) in said])

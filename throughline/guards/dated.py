"""Rows with a date whose target follows from its neighbours in time, split at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import Case, is_number

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS = 50
# The target of the row before tells so much of a row's: of its variance, or of its class.
FOLLOWS = 0.5


def following(case: Case) -> tuple[str, float] | None:
    """The column of dates in whose order the target is nearly known, and how much is.

    For numbers it is the correlation with the row before; for classes by how much neighbours agree
    beyond chance (Cohen 1960). Nothing where the split respects time.
    """
    if case.split.kind not in ("shuffled", "grouped") or not (case.parts == "test").any():
        return None
    for name in map(str, case.rows.columns):
        if name in case.target.columns:
            continue
        moments = _moments(case.rows[name])
        if moments is None:
            continue
        order = np.argsort(moments, kind="stable")
        for target in case.target.columns:
            share = _agreement(case.rows[target].iloc[order], case.classifies)
            if share > FOLLOWS:
                return name, share
    return None


def _moments(column: pd.Series) -> np.ndarray[Any, Any] | None:
    """Seconds of a column of dates; None for any other, and where dates hardly differ."""
    import pandas as pd

    if len(column) < FEWEST_ROWS or column.isna().any():
        return None
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        first = column.iloc[0]
        if not isinstance(first, str) or not (8 <= len(first) <= 30) or not first[:4].isdigit():
            return None
        try:
            column = pd.to_datetime(column, format="ISO8601", utc=True)
        except (ValueError, TypeError):
            return None
    # Several rows a date are no walk from row to row.
    return column.to_numpy() if column.nunique() > len(column) / 2 else None


def _agreement(answer: pd.Series, classifies: bool) -> float:
    if answer.isna().any():
        return 0.0
    if is_number(answer) and not classifies:
        values = answer.to_numpy(dtype=float)
        centred = values - values.mean()
        whole = float(centred @ centred)
        return float(centred[1:] @ centred[:-1]) / whole if whole > 0 else 0.0
    shares = answer.value_counts(normalize=True).to_numpy()
    chance = float((shares**2).sum())
    same = float((answer.to_numpy()[1:] == answer.to_numpy()[:-1]).mean())
    return (same - chance) / (1 - chance) if chance < 1 else 0.0

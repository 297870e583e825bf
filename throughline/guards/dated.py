"""Rows with a date whose target follows from its neighbours in time, split at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import Case, is_number, is_plain, is_whole

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS = 40
# With fewer times there is no walk from one to the next.
FEWEST_TIMES = 20
# The targets of the time before tell so much of a row's: of its variance, or of its class.
FOLLOWS = 0.5
# Seconds of 1990 and of 2050; numbers between them, or a thousand times as large, are times.
OLDEST, NEWEST = 631_152_000, 2_524_608_000
UNITS = (1, 1_000, 1_000_000, 1_000_000_000)


def following(case: Case) -> tuple[str, float] | None:
    """The column of dates in whose order the target is nearly known, and how much is.

    For numbers it is the correlation with the time before, for classes by how much neighbours agree
    beyond chance (Cohen 1960). Nothing where the split respects time.
    """
    if case.split.kind not in ("shuffled", "grouped") or not (case.parts == "test").any():
        return None
    for name in map(str, case.rows.columns):
        if name in case.target.columns:
            continue
        for moments in _moments(case.by_name[name]):
            for target in case.target.columns:
                share = _agreement(case.by_name[target], moments, case.classifies)
                if share > FOLLOWS:
                    return name, share
    return None


def _moments(column: pd.Series) -> Iterator[np.ndarray[Any, Any]]:
    """What orders the rows of a column of dates; nothing for any other.

    Two orders where day and month can't be told apart.
    """
    import pandas as pd

    from throughline.samples.times import found_format, times

    if len(column) < FEWEST_ROWS or not is_plain(column):
        return
    if column.isna().any() or (is_number(column) and not _are_seconds(column)):
        return
    found = found_format(column) if isinstance(column.iloc[0], str) else None
    if (isinstance(column.iloc[0], str) and found is None) or column.nunique() < FEWEST_TIMES:
        return
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        yield column.to_numpy()
    elif is_number(column):
        yield column.to_numpy(dtype=float)
    elif found is not None:
        for form in found.formats:
            yield times(column, form, str(column.name), "the rows").to_numpy()


def _are_seconds(column: pd.Series) -> bool:
    """Whether numbers are times since 1970, as UNIX and JavaScript count them."""
    values = column.to_numpy(dtype=float)
    least, most = values.min(), values.max()
    within = any(OLDEST * unit <= least and most < NEWEST * unit for unit in UNITS)
    return within and is_whole(column)


def _agreement(answer: pd.Series, moments: np.ndarray[Any, Any], classifies: bool) -> float:
    """How much of the target is known where those of the time before are, 0 to 1."""
    if answer.isna().any():
        return 0.0
    if is_number(answer) and not classifies:
        return _correlation(answer.to_numpy(dtype=float), moments)
    order = np.argsort(moments, kind="stable")
    # Several rows of a time are no walk from row to row.
    if len(np.unique(moments)) <= len(moments) / 2:
        return 0.0
    ordered = answer.to_numpy()[order]
    shares = answer.value_counts(normalize=True).to_numpy()
    chance = float((shares**2).sum())
    same = float((ordered[1:] == ordered[:-1]).mean())
    return (same - chance) / (1 - chance) if chance < 1 else 0.0


def _correlation(values: np.ndarray[Any, Any], moments: np.ndarray[Any, Any]) -> float:
    """The correlation of the means of neighbouring times, times their share of the variance."""
    centred = values - values.mean()
    whole = float(centred @ centred)
    place, count = np.unique(moments, return_inverse=True, return_counts=True)[1:]
    means = np.bincount(place, centred) / count
    between = float(count @ means**2)
    if whole <= 0 or between <= 0:
        return 0.0
    return float(means[1:] @ means[:-1] / (means @ means) * between / whole)

"""How long a series remembers: how many of its neighbouring rows tell as much as one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# A mean of fewer rows says nothing of a memory; so many levels of a category are looked at.
FEWEST, MOST_LEVELS = 8, 5


class Spread(NamedTuple):
    """What the autocovariances of a series add up to.

    Attributes:
        variance: of its values.
        whole: the variance of its mean, times the number of rows.
        slope: the same sum, each covariance times its lag.
    """

    variance: float
    whole: float
    slope: float


def spread(values: np.ndarray) -> Spread | None:
    """The variances of a series and of its mean; None where it is too short or constant.

    Source: Politis and White (2004), Automatic block-length selection for the dependent bootstrap,
    Econometric Reviews 23, as corrected by Patton, Politis and White (2009).

    Args:
        values: one a step, (T,).
    """
    count = len(values)
    if count < FEWEST:
        return None
    centred = values - values.mean()
    variance = float(centred @ centred) / count
    if variance == 0:
        return None
    # So many lags in a row must be within noise before the ones before them are all that counts.
    quiet = max(5, math.ceil(math.sqrt(math.log10(count))))
    most = min(count // 2, math.ceil(math.sqrt(count)) + quiet)
    covariances = np.array([centred[lag:] @ centred[: count - lag] for lag in range(most + 1)])
    covariances /= count
    noisy = np.abs(covariances[1:] / variance) >= 2 * math.sqrt(math.log10(count) / count)
    silent = (lag for lag in range(most - quiet + 1) if not noisy[lag : lag + quiet].any())
    last = next(silent, most)
    lags = np.arange(1, min(2 * max(last, 1), most) + 1)
    # A flat-topped window: all of the first half, and falling to nothing at the end.
    window = np.minimum(1.0, 2 * (1 - lags / (2 * max(last, 1))))
    whole = variance + 2 * float(window @ covariances[lags])
    return Spread(variance, whole, 2 * float(window @ (lags * covariances[lags])))


def leaning(values: np.ndarray, variance: float) -> float:
    """How much a series leans on its value before, corrected for the bias of a short one.

    Source: Marriott and Pope (1954), Biometrika 41.

    Args:
        values: one a step, (T,).
        variance: of them.
    """
    count = len(values)
    centred = values - values.mean()
    found = float(centred[1:] @ centred[:-1]) / count / variance
    return min(found + (1 + 3 * found) / count, 1 - 1 / count)


def memory(column: pd.Series, groups: np.ndarray, steps: np.ndarray) -> float:
    """Rows of series that tell as much of a column's distribution as a single independent one.

    The variance of a share of the rows over that of as many independent ones, for the ranks of the
    values, their distance from the median, each frequent category, and what is missing; the longest
    of these.

    Args:
        column: values of one or several series, a row a step.
        groups: the series of each row; a series' rows stand together.
        steps: the number of each row's step; series that move together tell less.

    Returns:
        at least 1.
    """
    edges = np.flatnonzero(np.diff(groups)) + 1
    found = [1.0]
    for marks in _marks(column):
        of_series = [_factor(own) for own in np.split(marks, edges)]
        found.append(float(np.median(of_series)))
        if len(edges):
            found.append(_together(marks, steps))
    return round(max(found), 1)


def _marks(column: pd.Series) -> list[np.ndarray]:
    """What tells the values' distribution, one number a row each; a missing value is usual."""
    missing = column.isna().to_numpy()
    if column.dtype.kind in "iuf":
        ranks = column.rank(pct=True).fillna(0.5).to_numpy(dtype=float)
        return [missing.astype(float), ranks, np.abs(ranks - 0.5)]
    levels = column.value_counts().index[:MOST_LEVELS]
    return [missing.astype(float), *((column == level).to_numpy(dtype=float) for level in levels)]


def _together(marks: np.ndarray, steps: np.ndarray) -> float:
    """The factor of the mean of all series at each step, for the rows that it is the mean of."""
    _, places, counts = np.unique(steps, return_inverse=True, return_counts=True)
    means = np.bincount(places, marks) / counts
    variance = float(marks.var())
    return _factor(means) * float(means.var()) * float(counts.mean()) / variance if variance else 1


def _factor(values: np.ndarray) -> float:
    """The variance of the mean of a series over that of independent values."""
    found = spread(values)
    if found is None:
        return 1.0
    lean = leaning(values, found.variance)
    return max(found.whole / found.variance, (1 + lean) / (1 - lean))

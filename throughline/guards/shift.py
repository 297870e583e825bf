"""Guard `shifted_parts`: training rows must stand for test rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import Case, Observation, draw, guard, is_number, is_plain

if TYPE_CHECKING:
    import pandas as pd

# A difference must be both certain and large: on many rows any trifle is certain.
SIGNIFICANCE = 0.001
SMALLEST_DISTANCE = 0.1
FEWEST_ROWS = 20
MOST_CATEGORIES = 200


@guard("shifted_parts")
def shifted_parts(case: Case) -> Iterator[Observation]:
    """Columns that are distributed otherwise in the test part.

    Numbers by the two-sample test of Kolmogorov and Smirnov with its distance D, categories by the
    chi-square test with Cramér's V; the level is divided by the number of columns (Bonferroni).
    """
    training, test = (np.flatnonzero(case.parts == part) for part in ("training", "test"))
    names = [name for name in (*case.columns, *case.target.columns) if name in case.by_name]
    if min(len(training), len(test)) < FEWEST_ROWS:
        return
    looked_at = [part[draw(len(part))] for part in (training, test)]
    level = SIGNIFICANCE / max(1, len(names))
    for name in names:
        column = case.by_name[name]
        if not is_plain(column):
            continue
        first, second = (column.iloc[part] for part in looked_at)
        text = _difference(first, second, level)
        if text:
            yield Observation(
                f"'{name}' is distributed otherwise in the test part: {text}", (name,)
            )


def _difference(first: pd.Series, second: pd.Series, level: float) -> str:
    if is_number(first):
        return _shifted(_present(first), _present(second), level)
    first, second = first.dropna(), second.dropna()
    if min(len(first), len(second)) < FEWEST_ROWS:
        return ""
    if first.nunique() > MOST_CATEGORIES:
        return ""
    probability, size = chi_square(first.astype(str), second.astype(str))
    if probability < level and size > SMALLEST_DISTANCE:
        return f"Cramér's V = {size:.2f}, p = {probability:.1g}"
    return ""


def _present(column: pd.Series) -> np.ndarray[Any, Any]:
    values = column.to_numpy(dtype=float, na_value=np.nan)
    present: np.ndarray[Any, Any] = values[~np.isnan(values)]
    return present


def _shifted(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], level: float) -> str:
    """How far two samples of numbers are apart, or nothing."""
    if min(len(first), len(second)) < FEWEST_ROWS:
        return ""
    distance = ks_distance(first, second)
    if distance <= max(SMALLEST_DISTANCE, ks_critical(len(first), len(second), level)):
        return ""
    means = f"mean {first.mean():.4g} against {second.mean():.4g}"
    return f"Kolmogorov-Smirnov D = {distance:.2f}, {means}"


def ks_distance(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    """The largest distance between two empirical distribution functions, 0 to 1.

    Source: Smirnov (1939), Table for estimating the goodness of fit of empirical distributions.
    """
    first, second = np.sort(first), np.sort(second)
    points = np.concatenate([first, second])
    below_first = np.searchsorted(first, points, side="right") / len(first)
    below_second = np.searchsorted(second, points, side="right") / len(second)
    return float(np.abs(below_first - below_second).max())


def ks_critical(rows: int, others: int, level: float) -> float:
    """The distance exceeded with probability `level` when nothing differs, for large samples."""
    return math.sqrt(-math.log(level / 2) / 2 * (rows + others) / (rows * others))


def chi_square(first: pd.Series, second: pd.Series) -> tuple[float, float]:
    """Probability that two samples of categories have one distribution, and Cramér's V.

    Source: Cramér (1946), Mathematical methods of statistics, chapter 21.
    """
    import pandas as pd

    counts = pd.concat([first.value_counts(), second.value_counts()], axis=1).fillna(0).to_numpy()
    if len(counts) < 2:
        return 1.0, 0.0
    total = counts.sum()
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / total
    statistic = float(((counts - expected) ** 2 / expected).sum())
    # Two columns: the smaller side less one is 1.
    return chi_square_tail(statistic, len(counts) - 1), math.sqrt(statistic / total)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """The probability that a chi-square variable exceeds a value, by its finite sum.

    Source: Abramowitz and Stegun (1964), 26.4.4 and 26.4.5.
    """
    half = statistic / 2
    if half <= 0:
        return 1.0
    odd = degrees % 2
    tail = math.erfc(math.sqrt(half)) if odd else 0.0
    # In logarithms, because powers and factorials of many categories overflow.
    exponents = (term + odd / 2 for term in range(degrees // 2))
    tail += sum(math.exp(e * math.log(half) - half - math.lgamma(e + 1)) for e in exponents)
    return min(tail, 1.0)

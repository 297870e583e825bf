"""Two models on the same rows: by how much one is better, and what that shows."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, copysign, inf, sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from throughline.evaluation.intervals.intervals import (
    Bounds,
    Z,
    half_width,
    studentised_difference,
    t_quantile,
)
from throughline.evaluation.intervals.resamples import CONFIDENCE, Resamples, interval
from throughline.evaluation.measure import classification
from throughline.evaluation.measure.evaluated import figure_of
from throughline.evaluation.measure.measure import draws_of, row_losses, row_values, scored
from throughline.evaluation.outcome import Outcome

BETTER, WORSE, EQUAL, NOT_SHOWN = "better", "worse", "equal", "not shown"
# With fewer rows on which one model alone is right, an exact test decides as well.
FEW_DISCORDANT = 25
# A difference of this size would have been shown in 80 % of samples.
POWER = 0.8


class Choice(NamedTuple):
    """By which figure models are compared, and below what margin they count as equal.

    Attributes:
        metric: a figure of the task.
        margin: in units of the figure; None where no difference is too small.
    """

    metric: str
    margin: float | None = None


def difference(
    ours: Outcome, theirs: Outcome, resamples: Resamples, choice: Choice
) -> dict[str, Any]:
    """How much better we are than another model on the same rows, with a verdict.

    Where a model without probabilities lacks the figure, accuracy or MAE takes its place, and the
    margin, which is in units of the figure, has no effect.

    Args:
        ours: answers to some rows.
        theirs: answers to the same rows.
        resamples: draws of as many rows.
        choice: by which figure.

    Returns:
        `metric`, `value` (ours - theirs) with its 95 % interval `low` to `high`, `verdict`
        (`better`, `worse`, `equal` within the margin, `not shown`), `margin`, and `detectable`, the
        smallest difference that would have been found in 80 % of such samples. Of a single row,
        group or row of a class nothing is known: no interval, and nothing shown.
    """
    metric = compared_metric(choice.metric, (ours, theirs))
    value, bounds = _interval(metric, ours, theirs, resamples)
    if bounds is None:
        nothing = {"low": None, "high": None, "verdict": NOT_SHOWN, "margin": None}
        return {"metric": metric, "value": value, **nothing, "detectable": 0.0}
    error = (bounds[1] - bounds[0]) / (2 * Z)
    return {
        "metric": metric,
        "value": value,
        "low": bounds[0],
        "high": bounds[1],
        "verdict": verdict(metric, bounds, choice.margin if metric == choice.metric else None),
        "margin": choice.margin if metric == choice.metric else None,
        "detectable": (Z + NormalDist().inv_cdf(POWER)) * error,
    }


def verdict(metric: str, bounds: Bounds, margin: float | None) -> str:
    """What the interval of a difference shows.

    `equal` is said where the whole interval lies within the margin, which is two one-sided tests
    at 2.5 % each (Schuirmann 1987); an interval that holds 0 alone says nothing of the kind.

    Args:
        metric: the figure.
        bounds: of ours - theirs.
        margin: of differences that do not matter; None without one.
    """
    low, high = bounds
    if margin is not None and -margin < low and high < margin:
        return EQUAL
    if low <= 0 <= high:
        return NOT_SHOWN
    return BETTER if figure_of(metric).is_better(low, 0.0) else WORSE


def compared_metric(metric: str, outcomes: Sequence[Outcome]) -> str:
    """The figure if all models have it; else accuracy, or MAE for numbers."""
    known = set.intersection(*(set(scored(each)) for each in outcomes))
    if metric in known:
        return metric
    return "accuracy" if "accuracy" in known else "mae"


class Estimate(NamedTuple):
    """A difference, its standard error, and the exact p-value where few rows decide; else 0."""

    value: float
    error: float
    p_value: float


def estimate(metric: str, ours: Outcome, theirs: Outcome, resamples: Resamples) -> Estimate:
    """The difference of two models by a figure, for limits of any level.

    Args:
        metric: a figure that both have.
        ours: answers to some rows.
        theirs: answers to the same rows.
        resamples: draws of as many rows.
    """
    if not figure_of(metric).averages or not resamples.independent:
        value, bounds = _interval(metric, ours, theirs, resamples)
        degrees = resamples.units - 1
        quantile = Z if resamples.independent else t_quantile(max(degrees, 1))
        width = inf if bounds is None else bounds[1] - bounds[0]
        return Estimate(value, width / (2 * quantile), 0.0)
    gains = row_losses(metric, ours) - row_losses(metric, theirs)
    exact = 0.0
    if _is_share(metric, ours):
        won, lost = int((gains > 0).sum()), int((gains < 0).sum())
        exact = mid_p(won, lost) if won + lost < FEW_DISCORDANT else 0.0
    error = float(gains.std(ddof=1)) / len(gains) ** 0.5 if len(gains) > 1 else inf
    return Estimate(float(gains.mean()), error, exact)


def _interval(
    metric: str, ours: Outcome, theirs: Outcome, resamples: Resamples
) -> tuple[float, Bounds | None]:
    """The difference with its limits; None where there is but one of what is drawn."""
    if figure_of(metric).averages:
        gains = row_losses(metric, ours) - row_losses(metric, theirs)
        known = resamples.units > 1
        bounds = _of_gains(gains, resamples, _is_share(metric, ours)) if known else None
        return float(gains.mean()), bounds
    value = scored(ours)[metric] - scored(theirs)[metric]
    if metric == "roc_auc" and resamples.independent:
        return value, _of_areas(value, ours, theirs)
    if resamples.units < 2:
        return value, None
    draws = np.subtract(
        *(draws_of(each, row_values(each), resamples)[metric] for each in (ours, theirs))
    )
    return value, _of_draws(value, draws, resamples)


def _is_share(metric: str, outcome: Outcome) -> bool:
    return metric == "exact_match" or (metric == "accuracy" and outcome.task != "multilabel")


def _of_gains(gains: np.ndarray, resamples: Resamples, share: bool) -> Bounds | None:
    if not resamples.independent:
        sums = resamples.sums(np.column_stack([gains, np.ones(len(gains))]))
        return _of_draws(float(gains.mean()), sums[:, 0] / sums[:, 1], resamples)
    if not share:
        return studentised_difference(gains, resamples)
    return paired_shares(int((gains > 0).sum()), int((gains < 0).sum()), gains)


def paired_shares(won: int, lost: int, gains: np.ndarray) -> Bounds:
    """The limits of the difference of two shares of the same rows.

    The score interval of a mean of gains of 1 and -1 (Tango 1998, Statistics in Medicine 17, 891).
    Where few rows are discordant it is stretched to 0 unless the mid-p test of McNemar (Fagerland,
    Lydersen and Laake 2013) finds a difference: four rows to none are no evidence.

    Args:
        won: rows on which ours alone is right.
        lost: rows on which theirs alone is right.
        gains: all rows, of 1, 0 and -1.
    """
    low, high = _tango(won, lost, len(gains))
    if won + lost < FEW_DISCORDANT and mid_p(won, lost) >= 1 - CONFIDENCE:
        low, high = min(low, 0.0), max(high, 0.0)
    return low, high


def _tango(won: int, lost: int, rows: int) -> Bounds:
    """All differences that the score test does not refuse, each end by bisection."""

    def statistic(true: float) -> float:
        # The most likely share of lost rows, given the difference.
        linear = -won - lost + (2 * rows - won + lost) * true
        rest = -lost * true * (1 - true)
        share = (np.sqrt(max(linear**2 - 8 * rows * rest, 0.0)) - linear) / (4 * rows)
        variance = rows * (2 * share + true * (1 - true))
        gap = won - lost - rows * true
        if variance > 0:
            return float(gap / sqrt(variance))
        return copysign(inf, gap) if gap else 0.0

    middle = (won - lost) / rows
    return _farthest(middle, -1.0, statistic), _farthest(middle, 1.0, statistic)


def _farthest(near: float, far: float, statistic: Any) -> float:
    for _ in range(60):
        tried = (near + far) / 2
        near, far = (tried, far) if abs(statistic(tried)) <= Z else (near, tried)
    return near


def mid_p(won: int, lost: int) -> float:
    """The two-sided mid-p value of McNemar's exact test; 1 without a discordant row.

    Source: Fagerland, Lydersen and Laake (2013), BMC Medical Research Methodology 13, 91.

    Example:
        >>> mid_p(4, 0), mid_p(6, 0) < 0.05
        (0.0625, True)
    """
    rows, fewer = won + lost, min(won, lost)
    if not rows:
        return 1.0
    below = sum(comb(rows, k) for k in range(fewer))
    return min(1.0, (2 * below + comb(rows, fewer)) / float(2**rows))


def _of_areas(value: float, ours: Outcome, theirs: Outcome) -> Bounds | None:
    """The limits of the difference of two areas under ROC curves of the same rows.

    Source: DeLong, DeLong and Clarke-Pearson (1988), with the t distribution of the rarer class.
    """
    positive = ours.actual == len(ours.names) - 1
    if min(positive.sum(), (~positive).sum()) < 2:
        return None
    gains = np.subtract(*(classification.placements(each, positive) for each in (ours, theirs)))
    variance = sum(float(gains[p].var(ddof=1)) / int(p.sum()) for p in (positive, ~positive))
    degrees = max(1, int(min(positive.sum(), (~positive).sum())) - 1)
    half = t_quantile(degrees) * sqrt(variance)
    return value - half, value + half


def _of_draws(value: float, draws: np.ndarray, resamples: Resamples) -> Bounds | None:
    """The limits of a difference, by its draws; of groups and blocks with the t distribution.

    For forecasts it is the test of Diebold and Mariano (1995) with blocks in the place of
    autocovariances, and, as Harvey, Leybourne and Newbold (1997) have it, Student's t.
    """
    defined = draws[np.isfinite(draws)]
    if resamples.independent or not len(defined):
        return interval(defined)
    half = half_width(defined, resamples)
    return value - half, value + half

"""Limits of a figure, each kind of figure by the method that covers what it says.

`python -m benchmarks.honesty` simulates every one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from throughline.evaluation.intervals.resamples import (
    CONFIDENCE,
    RESAMPLES,
    SEED,
    Resamples,
    wilson,
)

Bounds = tuple[float, float]

Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
# What a class that was never confused still adds to each cell of its table (Jeffreys).
PRIOR = 0.5
# Rows that a class is taken to have had before, right as often as all.
TYPICAL_ROWS = 2
# Misordered rows of the rarer class below which DeLong's variance is taken from too little.
FEWEST_MISORDERED = 4.0
_BISECTIONS = 60
# Rows that differ by less do so by their last bits.
SMALLEST = 1e-12


def roc_auc_interval(area: float, placements: np.ndarray, positive: np.ndarray) -> Bounds:
    """The limits of the area under a ROC curve.

    DeLong's variance on the scale of the logit, and where few rows are misordered, so that it is
    estimated from next to nothing, the outer limits of that and of Newcombe's method 5. Sources:
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44; Newcombe (2006), Statistics in Medicine
    25, 559-573, part 2.

    Args:
        area: 0 to 1.
        placements: for each row the share of the other class that it is on the right side of.
        positive: which rows are of the positive class.
    """
    some, others = placements[positive], placements[~positive]
    counts = len(some), len(others)
    method_5 = _newcombe(area, *counts)
    if min(counts) < 2 or not 0 < area < 1:
        return method_5
    variance = some.var(ddof=1) / counts[0] + others.var(ddof=1) / counts[1]
    delong = on_scale(area, Z * float(np.sqrt(variance)), "share")
    if min(counts) * min(area, 1 - area) >= FEWEST_MISORDERED:
        return delong
    return min(delong[0], method_5[0]), max(delong[1], method_5[1])


def _newcombe(area: float, positives: int, negatives: int) -> Bounds:
    def reach(true: float) -> float:
        """How far an estimate lies from a true area, by the variance of that area."""
        size = (positives + negatives) / 2 - 1
        spread = 1 + size * (1 - true) / (2 - true) + size * true / (1 + true)
        return Z * float(np.sqrt(true * (1 - true) * spread / (positives * negatives)))

    def farthest(end: float) -> float:
        """The farthest area in this direction of which the estimate may come."""
        near, far = area, end
        for _ in range(_BISECTIONS):
            middle = (near + far) / 2
            if abs(middle - area) <= reach(middle):
                near = middle
            else:
                far = middle
        return near

    return farthest(0.0), farthest(1.0)


def studentised(
    value: float,
    draws: np.ndarray,
    influence: np.ndarray,
    resamples: Resamples,
    beyond: float = 0.0,
    spread: np.ndarray | None = None,
) -> Bounds | None:
    """The bootstrap-t limits of a figure that is positive and may be skewed, such as an error.

    Every resample is measured by its own standard error. Sources:
    Efron (1982), The jackknife, the bootstrap and other resampling plans, 10.10; Hall (1988),
    Annals of Statistics 16. No resample holds an error larger than all that were seen, so the upper
    limit is moved by what such errors add (`beyond_the_largest`). At 50 rows it covers a mean
    squared error of normal errors in 95 %, of t errors with 5 degrees in 94 %, of lognormal ones in
    93 %; without that in 92, 89 and 82 %, the percentiles in 93, 84 and fewer.

    Args:
        value: the figure; positive.
        draws: the figure of every resample, shape (R,).
        influence: how far each row moves the figure, (N,), with mean 0.
        resamples: those of `draws`.
        beyond: what errors larger than all add to the figure. Default: nothing.
        spread: the standard deviation of the influence in every resample, (R,). Default: that of
            `influence`, which is right for a mean.

    Returns:
        the limits; None where the rows do not differ.
    """
    error = float(influence.std())
    if error <= SMALLEST * abs(value):
        return None
    spread = resample_errors(influence, resamples) if spread is None else spread
    with np.errstate(divide="ignore", invalid="ignore"):
        pivots = (draws - value) / spread
        logarithms = (np.log(draws) - np.log(value)) / (spread / draws)
    above = _quantiles(pivots[np.isfinite(pivots)])[0]
    below = _quantiles(logarithms[np.isfinite(logarithms)])[1]
    # The logarithm keeps the lower end above 0, but throws the upper one of few rows far off.
    upper = float(value - above * error) + beyond
    return float(value * np.exp(-below * error / value)), upper


def studentised_difference(gains: np.ndarray, resamples: Resamples) -> Bounds:
    """The bootstrap-t limits of a mean of either sign, such as a paired difference.

    Source: as `studentised`.

    Args:
        gains: what each row gains, (N,).
        resamples: draws of as many rows.
    """
    mean, error = float(gains.mean()), float(gains.std())
    if error <= SMALLEST * abs(mean):
        # All rows gain the same; that of so few every one does, happens by chance.
        few = 2.0 ** (1 - len(gains)) > 1 - CONFIDENCE
        return (mean - abs(mean), mean + abs(mean)) if few else (mean, mean)
    sums = resamples.sums(np.column_stack([gains, np.ones(len(gains))]))
    with np.errstate(divide="ignore", invalid="ignore"):
        pivots = (sums[:, 0] / sums[:, 1] - mean) / resample_errors(gains - mean, resamples)
    low, high = _quantiles(pivots[np.isfinite(pivots)])
    return mean - high * error, mean - low * error


def resample_errors(influence: np.ndarray, resamples: Resamples) -> np.ndarray:
    """The standard deviation of the influence of the rows of every resample, (R,)."""
    ones = np.ones(len(influence))
    sums = resamples.sums(np.column_stack([influence, influence**2, ones]))
    return np.asarray(
        np.sqrt(np.maximum(sums[:, 1] / sums[:, 2] - (sums[:, 0] / sums[:, 2]) ** 2, 0))
    )


def ratio_errors(
    part: np.ndarray, whole: np.ndarray, ratios: np.ndarray, resamples: Resamples
) -> np.ndarray:
    """The standard deviation of the influence of rows on a ratio of means, in every resample, (R,).

    Args:
        part: what each row adds above the line, (N,).
        whole: what it adds below, (N,).
        ratios: of every resample, (R,).
        resamples: draws of as many rows.
    """
    ones = np.ones(len(part))
    table = np.column_stack([part**2, part * whole, whole**2, whole, ones])
    squares, products, wholes, below, rows = resamples.sums(table).T
    variance = (squares - 2 * ratios * products + ratios**2 * wholes) / rows
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(np.maximum(variance, 0)) / (below / rows))


def _quantiles(values: np.ndarray) -> np.ndarray:
    tail = (1 - CONFIDENCE) / 2
    return np.quantile(values, [tail, 1 - tail]) if len(values) else np.array([-Z, Z])


def dependent(value: float, draws: np.ndarray, resamples: Resamples, scale: str) -> Bounds | None:
    """The limits of a figure of rows that come in groups or blocks, by their own draws.

    The standard deviation over draws of whole groups, with the t distribution of as many degrees
    as there are groups less one. Sources: Field and Welsh (2007), Bootstrapping clustered data,
    JRSS B 69; Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90.

    Args:
        value: the figure.
        draws: the figure of every draw, (R,).
        resamples: those of `draws`.
        scale: as in `on_scale`.
    """
    units = resamples.units
    defined = draws[np.isfinite(draws)]
    if units < 2 or len(defined) < 2:
        return None
    if scale == "share" and value in (0.0, 1.0):
        return wilson(value * units, units)
    return on_scale(value, half_width(defined, resamples), scale)


def half_width(draws: np.ndarray, resamples: Resamples) -> float:
    """Half the width of the interval of dependent rows, by the spread of their draws."""
    units = max(resamples.units, 2)
    spread = float(draws.std()) * math.sqrt(units / (units - 1)) * resamples.widening
    return t_quantile(units - 1) * spread


def t_quantile(degrees: int) -> float:
    """The upper end of the 95 % interval of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))


def on_scale(value: float, half: float, scale: str) -> Bounds:
    """A symmetric interval on the scale on which a figure is nearer to normal.

    Args:
        value: the figure.
        half: half the width on the figure's own scale.
        scale: `share` (0 to 1: the logit), `error` (above 0: the logarithm), `gain` (below 1: the
            logarithm of what is missing to 1) or `plain`.
    """
    if scale == "share" and 0 < value < 1:
        centre, step = np.log(value / (1 - value)), half / (value * (1 - value))
        low, high = (1 / (1 + np.exp(-(centre + sign * step))) for sign in (-1, 1))
        return float(low), float(high)
    if scale == "error" and value > 0:
        return float(value * np.exp(-half / value)), float(value * np.exp(half / value))
    if scale == "gain" and value < 1:
        rest = 1 - value
        with np.errstate(over="ignore"):
            low, high = (1 - rest * np.exp(sign * half / rest) for sign in (1, -1))
        return float(low), float(high)
    return value - half, value + half


def typical(confusion: np.ndarray) -> tuple[float, float]:
    """The prior of classes that are about as often right as all rows together.

    Where classes have a handful of rows each, Jeffreys' would say that they are half right.
    """
    right = float((np.trace(confusion) + PRIOR) / (confusion.sum() + 1))
    return TYPICAL_ROWS * right, TYPICAL_ROWS * max(1 - right, PRIOR / len(confusion))


def outer(some: Bounds | None, others: Bounds | None) -> Bounds | None:
    """The lower of two lower limits and the upper of two upper ones."""
    if some is None or others is None:
        return some or others
    return min(some[0], others[0]), max(some[1], others[1])


def posterior(
    confusion: np.ndarray,
    of: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]],
    prior: tuple[float, float] = (PRIOR, PRIOR),
) -> dict[str, np.ndarray]:
    """Draws of the figures of a confusion matrix, from what it leaves open about its shares.

    The cells are a multinomial sample, their shares have a Dirichlet posterior. A class that no row
    has is one of them, too: new rows would have it. Sources: Goutte and Gaussier (2005), A
    probabilistic interpretation of precision, recall and F-score; Jeffreys' prior for each class'
    right, missed and false answers, which for many classes is not one a cell.

    Args:
        confusion: counts, actual class by row, answered class by column, (C, C).
        of: the figures from `rows`, `hits`, `actual` and `predicted`, of which the last three are
            (R, C).
        prior: rows that each class' right answers, and its missed and its false ones, begin with.
            Default: Jeffreys'.

    Returns:
        for each figure (R,).
    """
    generator = np.random.default_rng(SEED)
    size = len(confusion)

    def gamma(shape: np.ndarray) -> np.ndarray:
        return generator.standard_gamma(shape, size=(RESAMPLES, len(shape)))

    hits = gamma(np.diag(confusion) + prior[0])
    missed, false = gamma(np.full(size, prior[1])), gamma(np.full(size, prior[1]))
    rows, columns = np.nonzero(confusion * ~np.eye(size, dtype=bool))
    cells = gamma(confusion[rows, columns].astype(np.float64))
    for place, (row, column) in enumerate(zip(rows, columns, strict=True)):
        missed[:, row] += cells[:, place]
        false[:, column] += cells[:, place]
    sums = {"hits": hits, "actual": hits + missed, "predicted": hits + false}
    return of(sums | {"rows": sums["actual"].sum(axis=1)})

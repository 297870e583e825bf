"""The largest errors: how few of them decide a figure, and what larger ones would add to it."""

from __future__ import annotations

import math

import numpy as np

# So few rows that one resample in e^k, more than 2.5 %, leaves all k of them out. Where they make
# nearly all of a figure's variance, such a resample sees none and its limits lie anywhere; where
# they make half of it, limits are still right for errors whose tails are no heavier than normal.
FEW_DECIDE = 4
NEARLY_ALL = 0.95
# A tail is told by so many of the largest errors, times the root of their number, and no heavier
# than one in which a row beyond the largest is ten times as large.
TAIL, HEAVIEST = 1.5, 0.9


def deciding(influence: np.ndarray, share: float = 0.5) -> int:
    """How many rows make a share of a figure's variance. Default: half."""
    shares = np.sort(influence**2)[::-1]
    total = float(shares.sum())
    if total <= 0:
        return len(influence)
    return int(np.searchsorted(np.cumsum(shares), share * total)) + 1


def beyond_the_largest(errors: np.ndarray) -> float:
    """What errors larger than all that were seen add to a mean of errors, if their tail goes on.

    One new row in `rows + 1` is larger than all, by index / (1 - index) of the largest on average
    where the tail is Pareto's. Sources: Hill (1975), A simple general approach to inference about
    the tail of a distribution, Annals of Statistics 3; Cowell and Flachaire (2007), Income
    distribution and inequality measurement: the problem of extreme values, Journal of Econometrics
    141, who draw the tail of a bootstrap so.

    Args:
        errors: one a row, none negative, (N,).
    """
    wrong = int(np.count_nonzero(errors > 0))
    count = min(max(5, int(TAIL * math.sqrt(len(errors)))), wrong - 1)
    if count < 1:
        return 0.0
    largest = np.sort(np.partition(errors, -count - 1)[-count - 1 :])
    index = min(float((np.log(largest[1:]) - np.log(largest[0])).mean()), HEAVIEST)
    return float(largest[-1]) * index / (1 - index) / (len(errors) + 1)

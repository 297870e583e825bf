"""Columns that know the target without being it: filled after it, made from it, or far ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import is_number

if TYPE_CHECKING:
    import pandas as pd

# A column is filled after the event where being empty leaves so little of the target open.
LEFT_OPEN = 0.1
# So much of a number's variance, or of a class' errors against the majority, one feature explains
# on rows it was not fitted on, and leaves a quarter of what the next best leaves.
AHEAD, MARGIN = 0.97, 0.25
AHEAD_OF_MAJORITY = 0.9
# With fewer rows than these on either side, chance tells as much.
FEWEST_ROWS = 5
# Of that share of rows the mean of the target is what the column holds, up to so many of its
# standard deviations.
MOST_ROWS, NEAR = 0.9, 1e-4
FEWEST_MEANS = 3


def told_by_absence(feature: pd.Series, answer: pd.Series, classifies: bool) -> str:
    """What shows that a column is filled, or left empty, by what the target says.

    Args:
        feature: [rows] with missing values.
        answer: [rows] the target, all known.
        classifies: whether it is a class.
    """
    empty = feature.isna().to_numpy()
    if min(empty.sum(), (~empty).sum()) < FEWEST_ROWS:
        return ""
    if not classifies and is_number(answer):
        values = answer.to_numpy(dtype=float)
        whole = float(((values - values.mean()) ** 2).sum())
        rest = sum(float(((v - v.mean()) ** 2).sum()) for v in (values[empty], values[~empty]))
        open_share = rest / whole if whole > 0 else 1.0
        return f"it explains {1 - open_share:.1%} of it" if open_share <= LEFT_OPEN else ""
    wrong = sum(len(part) - part.value_counts().max() for part in (answer[empty], answer[~empty]))
    majority = len(answer) - answer.value_counts().max()
    if not majority or wrong > LEFT_OPEN * majority:
        return ""
    return f"it tells the class of {1 - wrong / len(answer):.1%} of the rows"


def standing_out(scores: Mapping[str, float], least: float) -> str | None:
    """The feature that is far better than all others, if it is very good at all.

    Two features that are about as good are the data's nature; one alone is more often the target.

    Args:
        scores: for each feature the share of the target that it explains alone, 0 to 1.
        least: from where on it is very good.
    """
    if not scores:
        return None
    ordered = sorted(scores, key=lambda name: -scores[name])
    best = scores[ordered[0]]
    following = max(0.0, scores[ordered[1]]) if len(ordered) > 1 else 0.0
    return ordered[0] if best >= least and 1 - best <= MARGIN * (1 - following) else None


def encoded_means(
    columns: Mapping[str, pd.Series], names: Iterable[str], answer: np.ndarray[Any, Any]
) -> Iterator[str]:
    """Columns that hold, for each of their values, the mean of the target of the rows with it.

    Such a category was encoded by its target, and by that of the test rows as well: it holds for
    all rows together. The means may be drawn to the mean of all rows, as they are where categories
    are rare.

    Args:
        columns: of all rows, by their names.
        names: those to look at.
        answer: [rows] the target as a number.
    """
    import pandas as pd

    slack = NEAR * answer.std()
    if slack == 0:
        return
    for name in names:
        column = columns[name]
        if not is_number(column) or not np.isfinite(column.to_numpy(dtype=float)).all():
            continue
        held = column.to_numpy(dtype=float)
        # A mean lies among what it is the mean of.
        among = (held >= answer.min() - slack) & (held <= answer.max() + slack)
        if among.mean() < MOST_ROWS:
            continue
        place, values = pd.factorize(held)
        if len(values) > len(column) / 2:
            continue
        count = np.bincount(place)
        means = np.bincount(place, answer) / count
        within = np.maximum(np.bincount(place, answer**2) / count - means**2, 0.0)
        # So many rows of the mean of all are added: none, the same number to each category, or
        # more to those whose rows differ more (Micci-Barreca 2001; scikit-learn's `smooth: auto`).
        for weight in (np.zeros(len(values)), np.ones(len(values)), within):
            if _are_means(values, means, count, weight, answer):
                yield name
                break


def _are_means(
    values: np.ndarray[Any, Any],
    means: np.ndarray[Any, Any],
    count: np.ndarray[Any, Any],
    weight: np.ndarray[Any, Any],
    answer: np.ndarray[Any, Any],
) -> bool:
    """Whether values are the means of their rows and of a multiple of `weight` rows of the mean."""
    whole, spread = answer.mean(), answer.std()
    # count * (mean - value) = multiple * weight * (value - whole), by the usual of the multiples.
    drawn = weight * (values - whole)
    some = (np.abs(drawn) > NEAR * spread) & (count >= 2)
    multiple = float(np.median((count * (means - values))[some] / drawn[some])) if some.any() else 0
    if multiple < 0:
        return False
    added = multiple * weight
    expected = (count * means + added * whole) / (count + added)
    equal = (count >= 2) & (np.abs(expected - values) <= NEAR * spread)
    # Two values such as 0 and 1 that tell a class rightly are means of it as well.
    return bool(
        count[equal].sum() >= MOST_ROWS * count.sum()
        and np.unique(means[equal]).size >= FEWEST_MEANS
    )

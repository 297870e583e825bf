"""How well one column tells another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import is_number

if TYPE_CHECKING:
    import pandas as pd

# A number with more values than this, or with fewer rows a value, is a measurement.
MOST_CATEGORIES, FEWEST_ROWS = 64, 5


def correlation(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    """Pearson's correlation; 0 where one of the two never changes."""
    a, b = first - first.mean(), second - second.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def ranks(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Ranks, the mean one for equal values."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def codes_of(column: pd.Series) -> np.ndarray[Any, Any]:
    import pandas as pd

    return pd.factorize(column)[0]


def credited(accuracy: float, majority: float) -> float:
    """An accuracy that is a sign of knowing; 0 where 99.9 % are of one class anyway."""
    return accuracy if 1 - accuracy <= (1 - majority) / 20 else 0.0


def explained_variance(feature: pd.Series, answer: pd.Series) -> float:
    """R² of the best guess from one feature alone, on rows that it was not fitted on."""
    values = answer.to_numpy(dtype=float)
    rest = float(((values - _out_of_fold(feature, values, classifies=False)) ** 2).sum())
    whole = float(((values - values.mean()) ** 2).sum())
    return 1 - rest / whole if whole > 0 else 0.0


def out_of_fold_accuracy(feature: pd.Series, answer: pd.Series) -> tuple[float, float]:
    """How often one feature alone tells the class of rows it was not fitted on.

    The model is fitted on one half of the rows and scored on the other, and the other way round. A
    category predicts its majority class; a number predicts what the nearest number has.

    Args:
        feature: [rows] numbers or categories.
        answer: [rows] the target.

    Returns:
        The share, and that of the most frequent class.
    """
    codes = codes_of(answer)
    majority = float(np.bincount(codes).max() / len(codes))
    if codes.max() >= len(codes) / 4:
        return 0.0, majority
    return float((_out_of_fold(feature, codes, classifies=True) == codes).mean()), majority


def _out_of_fold(
    feature: pd.Series, answer: np.ndarray[Any, Any], classifies: bool
) -> np.ndarray[Any, Any]:
    """What each half of the rows says of the other half, (rows,)."""
    first = np.zeros(len(feature), dtype=bool)
    first[np.random.default_rng(0).permutation(len(feature))[::2]] = True
    predicted = np.empty(len(feature), dtype=answer.dtype)
    if is_number(feature) and feature.nunique() > min(MOST_CATEGORIES, len(feature) / FEWEST_ROWS):
        values = feature.to_numpy(dtype=float)
        order = np.argsort(values, kind="stable")
        for fitted in (first, ~first):
            held, scored = order[fitted[order]], order[~fitted[order]]
            predicted[scored] = answer[_nearest(values, held, scored)]
        return predicted
    codes = codes_of(feature)
    for fitted in (first, ~first):
        predicted[~fitted] = _of_categories(codes, answer, fitted, classifies)[codes[~fitted]]
    return predicted


def _nearest(
    values: np.ndarray[Any, Any], held: np.ndarray[Any, Any], scored: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """For each scored row the held one, of those in order, whose value is the nearest."""
    above = np.clip(np.searchsorted(values[held], values[scored]), 1, len(held) - 1)
    left, right = held[above - 1], held[above]
    nearer = values[scored] - values[left] <= values[right] - values[scored]
    nearest: np.ndarray[Any, Any] = np.where(nearer, left, right)
    return nearest


def _of_categories(
    codes: np.ndarray[Any, Any],
    answer: np.ndarray[Any, Any],
    fitted: np.ndarray[Any, Any],
    classifies: bool,
) -> np.ndarray[Any, Any]:
    """For each category the class or the mean of its fitted rows."""
    rows = int(codes.max()) + 1
    if classifies:
        return _most_frequent(codes[fitted], answer[fitted], rows, int(answer.max()) + 1)
    count = np.bincount(codes[fitted], minlength=rows)
    sums = np.bincount(codes[fitted], answer[fitted], minlength=rows)
    means: np.ndarray[Any, Any] = sums / np.maximum(count, 1)
    means[count == 0] = answer[fitted].mean()
    return means


def _most_frequent(
    codes: np.ndarray[Any, Any], classes: np.ndarray[Any, Any], rows: int, width: int
) -> np.ndarray[Any, Any]:
    """For each code the class that is most frequent with it, the first of several; -1 for none.

    Only pairs that are there are counted: a table of all would be codes x classes.
    """
    pairs, counts = np.unique(codes * width + classes, return_counts=True)
    order = np.lexsort((pairs, -counts, pairs // width))
    held, first = np.unique((pairs // width)[order], return_index=True)
    best: np.ndarray[Any, Any] = np.full(rows, -1)
    best[held] = (pairs % width)[order][first]
    return best

"""Ridge regression of rows that come in blocks; its penalty by generalised cross-validation.

G. Golub, M. Heath and G. Wahba, Generalized cross-validation as a method for choosing a good ridge
parameter, 1979.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

# Of the mean eigenvalue of the features' correlations; the smallest is as good as none.
PENALTIES = np.logspace(-8, 1, 19)


class Linear(NamedTuple):
    """A linear function of features.

    Attributes:
        weights: (features, outputs).
        bias: (outputs,).
    """

    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Answers to rows of features, (rows, outputs)."""
        return np.asarray(features @ self.weights + self.bias)


def ridge(blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> Linear:
    """The linear function with the smallest penalised squared error.

    Features are standardised first, so the penalty does not depend on their units. Memory grows
    with the square of the features, not with the rows.

    Args:
        blocks: features (rows, F) and answers (rows, K) of some rows each.
    """
    moments = _Moments(blocks)
    spread = np.sqrt(np.diag(moments.features))
    # What never changes says nothing.
    divide = np.where(spread > 0, spread, 1.0)
    correlations = moments.features / np.outer(divide, divide)
    values, vectors = np.linalg.eigh(correlations)
    values = np.maximum(values, 0.0)
    towards = vectors.T @ (moments.both / divide[:, None])
    weights = vectors @ (towards / (values + _penalty(values, towards, moments))[:, None])
    weights = weights / divide[:, None]
    return Linear(weights, moments.answer_mean - moments.feature_mean @ weights)


class _Moments:
    """Means of rows, and sums of products of what lies around them."""

    def __init__(self, blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
        self.rows = 0
        for features, answers in blocks:
            x, y = (np.asarray(each, dtype=np.float64) for each in (features, answers))
            if not self.rows:
                # Sums of squares far from 0 would lose the digits that matter.
                x0, y0 = x[0], y[0]
                size = len(x0), len(y0)
                sums = [np.zeros(n) for n in size]
                products = [np.zeros((size[0],) * 2), np.zeros(size), np.zeros(size[1])]
            x, y = x - x0, y - y0
            self.rows += len(x)
            sums = [sums[0] + x.sum(axis=0), sums[1] + y.sum(axis=0)]
            new = (x.T @ x, x.T @ y, (y**2).sum(axis=0))
            products = [old + more for old, more in zip(products, new, strict=True)]
        means = [total / self.rows for total in sums]
        self.feature_mean, self.answer_mean = means[0] + x0, means[1] + y0
        self.features = products[0] - self.rows * np.outer(means[0], means[0])
        self.both = products[1] - self.rows * np.outer(means[0], means[1])
        self.answers = products[2] - self.rows * means[1] ** 2


def _penalty(values: np.ndarray, towards: np.ndarray, moments: _Moments) -> float:
    """The penalty whose error on rows left out is estimated the smallest."""
    best, chosen = np.inf, 0.0
    total = np.where(moments.answers > 0, moments.answers, 1.0)
    for penalty in PENALTIES * max(float(values.mean()), 1e-12):
        shrunk = values + penalty
        explained = (towards**2 * ((values + 2 * penalty) / shrunk**2)[:, None]).sum(axis=0)
        left = np.maximum(moments.answers - explained, 0.0) / total
        free = moments.rows - 1 - (values / shrunk).sum()
        error = float(left.mean()) / free**2 if free > 0 else np.inf
        if error < best:
            best, chosen = error, float(penalty)
    return chosen or float(PENALTIES[-1] * max(float(values.mean()), 1e-12))

"""How much one column tells of another, whatever the form of their relation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import is_number

if TYPE_CHECKING:
    import pandas as pd

MOST_BINS = 16


def shared_information(feature: pd.Series, answer: pd.Series) -> float:
    """The mutual information of two columns as a share of the answer's entropy, 0 to 1.

    Numbers are cut at their quantiles, the answer into as many parts as the feature has, so that
    the brackets of a number hold all that is left of it. The number of cells biases the estimate
    upward by (k - 1)(l - 1) / 2n, which is taken off.

    Args:
        feature: [rows] without missing values.
        answer: [rows] without missing values.

    Source: Shannon (1948), A mathematical theory of communication; the correction of Miller (1955),
    Note on the bias of information estimates; the share is Theil's coefficient of uncertainty.
    """
    bins = min(MOST_BINS, feature.nunique())
    first, second = _codes(feature, bins), _codes(answer, bins)
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)
    rows = len(first)
    entropy = _entropy(table.sum(axis=0))
    if entropy == 0:
        return 0.0
    mutual = _entropy(table.sum(axis=1)) + entropy - _entropy(table.ravel())
    bias = (table.shape[0] - 1) * (table.shape[1] - 1) / (2 * rows)
    return float(np.clip((mutual - bias) / entropy, 0.0, 1.0))


def _codes(column: pd.Series, bins: int) -> np.ndarray[Any, Any]:
    import pandas as pd

    if not is_number(column) or column.nunique() <= bins:
        return pd.factorize(column)[0]
    return pd.factorize(pd.qcut(column, bins, duplicates="drop").cat.codes)[0]


def _entropy(counts: np.ndarray[Any, Any]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())

"""Which classes are taken for which others most often."""

from __future__ import annotations

from typing import Any

import numpy as np

from throughline.evaluation.outcome import Outcome

MOST_PAIRS = 12


def confused(outcome: Outcome) -> list[dict[str, Any]]:
    """The pairs of classes that are confused most, each with its share of the class's rows.

    With two classes the confusion matrix says it all, and the list is empty.
    """
    classes = len(outcome.names)
    if classes < 3 or outcome.task != "multiclass":
        return []
    pairs = outcome.actual.astype(np.int64) * classes + outcome.predicted.astype(np.int64)
    counts = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts.reshape(-1), kind="stable")[:MOST_PAIRS]
    return [
        {
            "actual": outcome.names[actual],
            "predicted": outcome.names[predicted],
            "rows": int(counts[actual, predicted]),
            "share": float(counts[actual, predicted] / totals[actual]),
        }
        for actual, predicted in (divmod(int(place), classes) for place in order)
        if counts[actual, predicted]
    ]

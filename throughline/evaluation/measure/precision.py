"""What a smaller file of a model costs on the rows that are evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np

from throughline.evaluation.intervals.resamples import Resamples, interval
from throughline.evaluation.measure.measure import row_losses
from throughline.evaluation.outcome import Outcome


def lost(small: Outcome, full: Outcome, draws: Resamples, tolerance: float) -> dict[str, Any]:
    """How much worse a smaller file answers, and whether that is within the tolerance.

    Args:
        small: the smaller file's answers.
        full: the float32 model's answers to the same rows.
        draws: resamples of as many rows.
        tolerance: the accuracy that may be lost; of a regression the share of the MAE.

    Returns:
        the paired `difference` with its 95 % interval, and `released`: whether its worse end is
        within the tolerance.
    """
    metric = "accuracy" if full.probabilities is not None else "mae"
    gains = row_losses(metric, small) - row_losses(metric, full)
    sums = draws.sums(np.column_stack([gains, np.ones(len(gains))]))
    # Both are one network, so rows that all agree are no sample of rows that might not.
    low, high = interval(sums[:, 0] / sums[:, 1]) or (0.0, 0.0)
    found = {"metric": metric, "value": float(gains.mean()), "low": low, "high": high}
    if metric == "accuracy":
        return {"difference": found, "released": bool(-low <= tolerance)}
    error = float(np.abs(full.predicted - full.actual).mean())
    return {"difference": found, "released": bool(high <= tolerance * error)}

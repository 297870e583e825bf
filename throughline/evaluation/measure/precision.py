"""What a smaller file of a model costs on the rows that are evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np

from throughline.evaluation.measure.measure import difference
from throughline.evaluation.measure.resamples import Resamples
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
    found = difference(small, full, draws)
    if full.probabilities is not None:
        return {"difference": found, "released": bool(-found["low"] <= tolerance)}
    error = float(np.abs(full.predicted - full.actual).mean())
    return {"difference": found, "released": bool(found["high"] <= tolerance * error)}

"""What a contract says of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np


def statistics(present: np.ndarray) -> dict[str, Any]:
    """Range, mean, sd and the distribution function at the deciles of training values.

    Equal deciles are said once; `at_or_below` is the exact share of training values up to each.
    """
    if not len(present):
        return dict.fromkeys(("min", "max", "mean", "sd")) | {"deciles": [], "at_or_below": []}
    # Quantiles of sorted values are found in half the time.
    ordered = np.sort(present)
    deciles = np.unique(np.quantile(ordered, np.linspace(0, 1, 11)))
    reached = np.searchsorted(ordered, deciles, side="right") / len(present)
    return {
        "min": float(present.min()),
        "max": float(present.max()),
        "mean": float(present.mean()),
        "sd": float(present.std()),
        "deciles": deciles.tolist(),
        "at_or_below": [round(float(share), 6) for share in reached],
    }

"""What values the training had, and which of others lie outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def has_range(entry: Mapping[str, Any]) -> bool:
    """Whether a column may have other values than in the training, and the contract says those.

    What is not in a closed list is refused anyway.
    """
    if entry["type"] == "number":
        return entry.get("min") is not None
    return entry["type"] == "string" and bool(entry.get("categories")) and not entry.get("closed")


def outside(entry: Mapping[str, Any], values: np.ndarray, room: float = 0.0) -> np.ndarray:
    """Whether each value of a column is one that the training never saw.

    A missing value is never marked: the contract says whether it may be missing.

    Args:
        entry: the contract of the column.
        values: as the runtime takes them, (rows,) or (rows, 1).
        room: how far outside the range a number may lie, in widths of that range. Default: 0.

    Returns:
        booleans of shape (rows,).
    """
    if not has_range(entry):
        return np.zeros(len(values), dtype=bool)
    if entry["type"] == "string":
        known = {*entry["categories"], ""}
        return np.array([value not in known for value in values.ravel().tolist()], dtype=bool)
    width = room * (entry["max"] - entry["min"])
    # In the model's own precision: the largest value of the training is no larger than itself.
    lowest, highest = np.float32(entry["min"] - width), np.float32(entry["max"] + width)
    flat = values.reshape(len(values))
    return np.asarray((flat < lowest) | (flat > highest))

"""Windows by index: which rows of a series are one sample. Nothing is copied.

A window is known by its newest row, `end`. It spans `before` rows up to and with `end`, and the
rows after it up to the farthest horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Extent:
    """What a window covers.

    Attributes:
        length: raw rows that a served window has, the newest last.
        lookback: newest of them that become features; those before feed smoothing and changes.
        step: the network sees every so many of them.
        before: rows that a window of ours needs, its seasonal baseline included.
        horizons: rows after the newest one that are predicted.
    """

    length: int
    lookback: int
    step: int
    before: int
    horizons: tuple[int, ...]

    @property
    def after(self) -> int:
        """The farthest horizon."""
        return self.horizons[-1]

    @property
    def offsets(self) -> np.ndarray:
        """Rows that the network sees, counted from the newest, the oldest first."""
        count = (self.lookback - 1) // self.step + 1
        return np.arange(-(count - 1) * self.step, 1, self.step, dtype=np.int32)

    def as_json(self) -> dict[str, Any]:
        """For prepared.json."""
        return {
            "length": self.length,
            "lookback": self.lookback,
            "step": self.step,
            "before": self.before,
            "horizons": list(self.horizons),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Extent:
        """What `as_json` wrote."""
        return cls(**{**content, "horizons": tuple(content["horizons"])})


def whole(
    present: np.ndarray, groups: np.ndarray, before: int, after: int, stride: int = 1
) -> tuple[np.ndarray, dict[str, int]]:
    """The windows whose rows all are there and belong to one series.

    Args:
        present: whether each row is there, shape (T,).
        groups: the series of each row; rows of a series stand together, oldest first.
        before: rows of a window up to and with its newest one.
        after: rows of a window after its newest one.
        stride: windows start every so many rows of a series.

    Returns:
        the newest row of each window, int32 (N,), and how many windows were dropped because they
        would cross a gap or the boundary of two series.
    """
    total = len(present)
    ends = np.arange(before - 1, total - after)
    if not len(ends):
        return ends.astype(np.int32), {"windows": 0, "across_series": 0, "across_gaps": 0}
    edges = np.concatenate([[0], np.flatnonzero(np.diff(groups)) + 1])
    start = np.zeros(total, dtype=np.int64)
    start[edges] = edges
    start = np.maximum.accumulate(start)
    same = start[ends - before + 1] == start[ends + after]
    absent = np.concatenate([[0], np.cumsum(~present)])
    unbroken = absent[ends + after + 1] == absent[ends - before + 1]
    chosen = (ends - before + 1 - start[ends - before + 1]) % stride == 0
    kept = ends[same & unbroken & chosen]
    counts = {
        "windows": len(kept),
        "across_series": int((~same).sum()),
        "across_gaps": int((same & ~unbroken & chosen).sum()),
    }
    return kept.astype(np.int32), counts


def within(allowed: np.ndarray, ends: np.ndarray, before: int, after: int) -> np.ndarray:
    """Which windows lie in the allowed rows alone.

    Args:
        allowed: whether a row may be in a window, shape (T,).
        ends: the newest row of each window.
        before: rows of a window up to and with its newest one.
        after: rows of a window after its newest one.
    """
    outside = np.concatenate([[0], np.cumsum(~allowed)])
    inside: np.ndarray = outside[ends + after + 1] == outside[ends - before + 1]
    return inside

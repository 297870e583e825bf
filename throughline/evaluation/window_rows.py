"""The windows of a part as rows, and a draw of them where they are many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from throughline.evaluation.raw_rows import Rows

if TYPE_CHECKING:
    from throughline.samples.windows.frame import Series

# Training windows that are measured, and that classical models see. They are drawn: every 12th
# hour would be two hours of the day.
MOST_TRAINING = 10_000
SEED = 0


@dataclass(frozen=True)
class WindowRows(Rows):
    """The windows of a part; `columns` are the raw rows at the newest row of each.

    Attributes:
        series: the rows.
        ends: the newest row of each window.
    """

    series: Series
    ends: np.ndarray

    @property
    def keys(self) -> np.ndarray:
        """Which series and step the newest row of each window is, (N, 2)."""
        return np.stack([self.series.groups[self.ends], self.series.steps[self.ends]], axis=1)


def windows_of(series: Series, ends: np.ndarray) -> WindowRows:
    """The windows of a part."""
    newest = series.rows.iloc[ends]
    columns = {name: newest[name].to_numpy() for name in newest.columns}
    return WindowRows(columns, len(ends), series, ends)


def drawn(ends: np.ndarray) -> np.ndarray:
    """At most `MOST_TRAINING` windows, in the order of time."""
    if len(ends) <= MOST_TRAINING:
        return ends
    return np.sort(np.random.default_rng(SEED).choice(ends, MOST_TRAINING, replace=False))

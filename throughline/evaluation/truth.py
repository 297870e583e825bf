"""What came of the series that a model forecasts, beside what persistence said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.measure.forecast import Forecasts
from throughline.evaluation.window_rows import WindowRows
from throughline.samples.windows.target import season_bases, values_of

if TYPE_CHECKING:
    from throughline.samples.windows.frame import Series


@dataclass(frozen=True)
class Truth:
    """The truth of forecasts.

    Attributes:
        columns: those that are predicted.
        horizons: steps from a window's newest row to each that is predicted.
        season: steps of a season, if there is one.
        groups: the columns that tell series apart.
        known: the series of the training side.
    """

    columns: tuple[str, ...]
    horizons: tuple[int, ...]
    season: int | None
    groups: Sequence[str]
    known: Series

    def forecasts(self, rows: WindowRows, predicted: np.ndarray | None) -> Forecasts:
        """Predictions beside truth and persistence; None predicts the last value."""
        actual = self.values(rows, self.horizons)
        last = self.values(rows, season_bases(self.horizons, 1))
        seasonal = last
        if self.season:
            seasonal = self.values(rows, season_bases(self.horizons, self.season))
        return Forecasts(
            "forecast",
            actual,
            last if predicted is None else predicted,
            None,
            self._names,
            last,
            seasonal,
            self._scale,
            self.horizons,
            rows.keys,
            self._origins(rows),
        )

    def values(self, rows: WindowRows, offsets: Any) -> np.ndarray:
        """The target some rows from the newest one, (N, horizons x targets)."""
        places = rows.ends[:, None] + np.asarray(offsets)
        return np.asarray(self.targets(rows)[places].reshape(rows.count, -1))

    def targets(self, rows: WindowRows) -> np.ndarray:
        """Values of the target columns in every row, (T, K)."""
        return values_of(rows.series, self.columns).astype(np.float64)

    def _origins(self, rows: WindowRows) -> dict[str, np.ndarray]:
        """When each forecast is made, and of which series."""
        clock = rows.series.clock[rows.ends].astype("datetime64[s]")
        times = np.char.replace(np.datetime_as_string(clock), "T", " ")
        return {"time": times, **{name: rows.columns[name] for name in self.groups}}

    @property
    def _names(self) -> tuple[str, ...]:
        several = len(self.horizons) > 1
        return tuple(
            f"{name}+{horizon}" if several else name
            for horizon in self.horizons
            for name in self.columns
        )

    @cached_property
    def _scale(self) -> np.ndarray:
        """The error of seasonal persistence in training, where its value is one season old."""
        season = self.season or 1
        series = self.known
        values = values_of(series, self.columns).astype(np.float64)
        same = (series.groups[season:] == series.groups[:-season]) & (
            series.measured[season:] & series.measured[:-season]
        )
        return np.asarray(np.abs(values[season:] - values[:-season])[same].mean(axis=0))

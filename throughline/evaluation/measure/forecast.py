"""Figures of forecasts: errors, and how much smaller they are than those of persistence.

Scaled error: R. Hyndman and A. Koehler, Another look at measures of forecast accuracy, 2006.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from throughline.evaluation.measure import regression
from throughline.evaluation.outcome import Outcome
from throughline.figures.figure import GAIN, NOT_NEGATIVE, Figure

FIGURES = {"forecast": ("mae", "skill", "skill_seasonal", "rmse", "mse", "mase", "r2")}
EVALUATED = (
    Figure("mase", False, NOT_NEGATIVE),
    *(Figure(name, True, GAIN) for name in ("skill", "skill_seasonal")),
)
SPOKEN = {
    "mase": "MASE",
    "skill": "skill against persistence",
    "skill_seasonal": "skill against seasonal persistence",
}
# Lags of the autocorrelation of residuals that are reported.
MOST_LAGS = 48


@dataclass(frozen=True)
class Forecasts(Outcome):
    """Truth and predictions of windows, (N, horizons x targets), beside persistence.

    Attributes:
        persistence: the last known value, for each prediction.
        seasonal: the newest known value whole seasons before; the last value without a season.
        scale: mean absolute error of (seasonal) persistence one step ahead in training, (K,).
        horizons: rows ahead.
        keys: which series and step the newest row of each window is, (N, 2).
        origins: the time of that row and what tells its series apart, each (N,), by column.
    """

    persistence: np.ndarray
    seasonal: np.ndarray
    scale: np.ndarray
    horizons: tuple[int, ...]
    keys: np.ndarray
    origins: Mapping[str, np.ndarray]

    def part(self, rows: np.ndarray) -> Forecasts:
        """The outcome of some of the windows."""
        return replace(
            self,
            actual=self.actual[rows],
            predicted=self.predicted[rows],
            persistence=self.persistence[rows],
            seasonal=self.seasonal[rows],
            keys=self.keys[rows],
            origins={name: values[rows] for name, values in self.origins.items()},
        )

    def by_target(self, values: np.ndarray) -> np.ndarray:
        """Numbers of each prediction as (N, horizons, targets)."""
        return values.reshape(len(values), len(self.horizons), -1)


def row_values(outcome: Forecasts) -> dict[str, np.ndarray]:
    """What each window adds to the sums that the figures are made of, each (N, targets)."""
    actual = outcome.by_target(outcome.actual)
    errors = outcome.by_target(outcome.predicted) - actual
    centred = actual - actual.mean(axis=(0, 1))
    sums = {
        "rows": np.ones_like(errors),
        "absolute": np.abs(errors),
        "squared": errors**2,
        "target": centred,
        "target_squared": centred**2,
        "persistence": np.abs(outcome.by_target(outcome.persistence) - actual),
        "seasonal": np.abs(outcome.by_target(outcome.seasonal) - actual),
    }
    values = {name: value.sum(axis=1) for name, value in sums.items()}
    # Each error is divided by the scale of its target, so sums of scaled errors are summed.
    return {**values, "scaled": values["absolute"] / outcome.scale}


def figures(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All figures of sums of windows, each (R,): means over targets; NaN where undefined."""
    plain = regression.figures({**sums, "rows": sums["rows"][:, 0]})
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = 1 - sums["absolute"] / sums["persistence"]
        seasonal = 1 - sums["absolute"] / sums["seasonal"]
    return {
        **plain,
        "mase": (sums["scaled"] / sums["rows"]).mean(axis=1),
        "skill": skill.mean(axis=1),
        "skill_seasonal": seasonal.mean(axis=1),
    }


def by_horizon(outcome: Forecasts) -> list[dict[str, Any]]:
    """The mean absolute error at every horizon, beside both baselines'; means over targets."""
    actual = outcome.by_target(outcome.actual)
    columns = {
        "mae": outcome.predicted,
        "persistence": outcome.persistence,
        "seasonal": outcome.seasonal,
    }
    errors = {
        name: np.abs(outcome.by_target(values) - actual).mean(axis=(0, 2))
        for name, values in columns.items()
    }
    return [
        {"horizon": horizon, **{name: float(values[i]) for name, values in errors.items()}}
        for i, horizon in enumerate(outcome.horizons)
    ]


def autocorrelation(outcome: Forecasts) -> list[float]:
    """The correlation of residuals at the nearest horizon with those some rows before.

    Windows that are no neighbours in one series are left out of it. A forecaster that uses all it
    could leaves residuals one step ahead that are not correlated.

    Returns:
        for the lags from 1 on a number between -1 and 1.
    """
    errors = outcome.by_target(outcome.predicted - outcome.actual)[:, 0, 0]
    errors = errors - errors.mean()
    spread = float((errors**2).mean())
    result: list[float] = []
    for lag in range(1, min(MOST_LAGS, len(errors) // 4) + 1):
        apart = outcome.keys[lag:] - outcome.keys[:-lag]
        near = (apart[:, 0] == 0) & (apart[:, 1] == lag)
        if not near.any() or spread == 0:
            break
        result.append(float((errors[lag:] * errors[:-lag])[near].mean() / spread))
    return result

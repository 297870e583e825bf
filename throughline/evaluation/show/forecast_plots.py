"""Plots of forecasts: against the truth, whole and zoomed, by horizon, and what residuals hide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.measure.forecast import Forecasts
from throughline.report.chart import Chart, bounds

if TYPE_CHECKING:
    from markupsafe import Markup

# Parts that a long series is drawn by, each by its lowest and its highest value.
PARTS = 230
# Windows of the zoomed plot.
ZOOM = 120


def forecast_plots(
    outcome: Forecasts, report: Mapping[str, Any], unit: str
) -> dict[str, Markup | None]:
    """Every plot of a forecaster by its caption."""
    farthest = outcome.horizons[-1]
    own = np.flatnonzero(outcome.keys[:, 0] == outcome.keys[0, 0])
    actual, predicted = outcome.actual[own, -1], outcome.predicted[own, -1]
    middle = max(0, len(own) // 2 - ZOOM // 2)
    zoomed = slice(middle, middle + ZOOM)
    origins = np.array(outcome.origins["time"], dtype="datetime64[s]")[own].astype(np.float64)
    plots: dict[str, Markup | None] = {
        f"Forecast {farthest} ahead and truth, all test windows": _series(
            origins, actual, predicted, unit
        ),
        f"The same, {min(ZOOM, len(own))} windows of the middle": _series(
            origins[zoomed], actual[zoomed], predicted[zoomed], unit
        ),
    }
    if len(report["horizons"]) > 1:
        plots["Error by horizon"] = _by_horizon(report["horizons"], unit)
    if report["autocorrelation"]:
        caption = f"Autocorrelation of the residuals {outcome.horizons[0]} ahead"
        plots[caption] = _correlations(report["autocorrelation"], len(own))
    return plots


def _series(origins: np.ndarray, actual: np.ndarray, predicted: np.ndarray, unit: str) -> Markup:
    span = bounds([float(v) for v in (*actual, *predicted)])
    title = f"target ({unit})" if unit else "target"
    ends = float(origins.min()), max(float(origins.max()), float(origins.min()) + 1)
    chart = Chart(ends, span, "when the forecast was made", title, "Forecast and truth", times=True)
    chart.line(_outline(origins, actual), "line ideal", "truth")
    chart.line(_outline(origins, predicted), "line a", "forecast")
    return chart.svg()


def _outline(origins: np.ndarray, values: np.ndarray) -> list[tuple[float, float]]:
    """A line, or for a long one the lowest and highest value of each part, in their order."""
    if len(values) <= 2 * PARTS:
        return list(zip(origins.tolist(), values.tolist(), strict=True))
    points = []
    for part in np.array_split(np.arange(len(values)), PARTS):
        ends = sorted({int(part[values[part].argmin()]), int(part[values[part].argmax()])})
        points += [(float(origins[place]), float(values[place])) for place in ends]
    return points


def _by_horizon(entries: list[dict[str, Any]], unit: str) -> Markup:
    names = {"mae": ("line a", "this model"), "persistence": ("line b", "persistence")}
    names["seasonal"] = ("line ideal", "seasonal persistence")
    values = [entry[name] for entry in entries for name in names]
    across = (entries[0]["horizon"], entries[-1]["horizon"])
    title = f"MAE ({unit})" if unit else "MAE"
    chart = Chart(across, (0, max(values) * 1.05), "steps ahead", title, "Error by horizon")
    for name, (kind, label) in names.items():
        chart.line([(entry["horizon"], entry[name]) for entry in entries], kind, label)
    return chart.svg()


def _correlations(values: list[float], count: int) -> Markup:
    """Bars, and the band of two standard errors that white noise would stay in."""
    band = 2 / np.sqrt(max(count, 1))
    low, high = min(0.0, *values, -band) - 0.05, max(0.0, *values, band) + 0.05
    size = len(values) + 0.5
    chart = Chart((0.5, size), (low, high), "lag", "correlation", "Residual autocorrelation")
    chart.line([(0.5, band), (size, band)], "line ideal", "two standard errors of white noise")
    chart.line([(0.5, -band), (size, -band)], "line ideal")
    chart.line([(0.5, 0.0), (size, 0.0)], "axis")
    points = [(float(lag), value) for lag, value in enumerate(values, 1)]
    for lag, value in points:
        chart.line([(lag, 0.0), (lag, value)], "line a")
    return chart.svg()

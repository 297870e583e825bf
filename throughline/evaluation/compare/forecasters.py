"""Simple forecasters that a network has to be worth more than.

Drift: R. Hyndman and G. Athanasopoulos, Forecasting: Principles and Practice, section 5.2.
Exponential smoothing: the same, chapter 8, chosen by AICc.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.samples.windows.target import values_of
from throughline.training.least_squares import ridge

if TYPE_CHECKING:
    from throughline.samples.windows.frame import Series
    from throughline.samples.windows.positions import Extent

# What `statsmodels` brings, the extra `forecasts`.
OPTIONAL = {"ETS": "statsmodels"}
# Cycles that exponential smoothing needs to know a season, and rows that it looks at to learn.
FEWEST_CYCLES, MOST_ROWS = 3, 5_000
FEWEST_ROWS = 10
ITERATIONS = 200


def missing(name: str) -> str | None:
    """The library that a comparison model needs and that is not installed, if any."""
    library = OPTIONAL.get(name)
    return library if library is not None and find_spec(library) is None else None


def drift(values: np.ndarray, ends: np.ndarray, extent: Extent) -> np.ndarray:
    """The line through the first and the last row that the network sees, gone on.

    Args:
        values: of the targets, (T, K).
        ends: the newest row of each window.
        extent: of a window.

    Returns:
        forecasts, (N, horizons x K).
    """
    last, first = values[ends], values[ends + 1 - extent.lookback]
    slope = (last - first) / max(extent.lookback - 1, 1)
    ahead = np.array(extent.horizons)[:, None]
    return np.asarray((last[:, None] + slope[:, None] * ahead).reshape(len(ends), -1))


def linear_autoregression(
    known: tuple[np.ndarray, np.ndarray],
    asked: tuple[np.ndarray, np.ndarray],
    extent: Extent,
) -> np.ndarray:
    """Each horizon as a linear function of the targets' own rows that the network sees.

    Args:
        known: values (T, K) of the training rows, and the newest row of each training window.
        asked: the same of the windows that are forecast.
        extent: of a window.

    Returns:
        forecasts, (N, horizons x K).
    """

    def past(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
        return np.asarray(values[ends[:, None] + extent.offsets].reshape(len(ends), -1))

    values, ends = known
    ahead = values[ends[:, None] + np.array(extent.horizons)].reshape(len(ends), -1)
    return ridge([(past(values, ends), ahead)])(past(*asked))


def smoothed(
    known: Series,
    later: Series,
    ends: np.ndarray,
    columns: Sequence[str],
    season: int | None,
    horizons: Sequence[int],
) -> np.ndarray:
    """Exponential smoothing of every series and target by itself.

    Args:
        known: the training rows.
        later: the rows that windows are of.
        ends: the newest row of each window.
        columns: the targets.
        season: rows in a cycle, if there is one.
        horizons: rows ahead.

    Returns:
        forecasts, (N, horizons x targets).
    """
    forecasts = np.empty((len(ends), len(horizons), len(columns)))
    past, future = (values_of(series, columns) for series in (known, later))
    for group in np.unique(later.groups[ends]):
        before, after = known.groups == group, later.groups == group
        steps = np.concatenate([known.steps[before], later.steps[after]])
        first = steps.min()
        count = int(known.steps[before].max() - first) + 1 if before.any() else 0
        # Rows between the parts are known to neither.
        values = np.full((int(np.ptp(steps)) + 1, len(columns)), np.nan)
        values[steps - first] = np.concatenate([past[before], future[after]])
        own = later.groups[ends] == group
        at = later.steps[ends[own]] - first
        for target in range(len(columns)):
            found = exponential_smoothing(values[:, target], count, season, horizons)
            forecasts[own, :, target] = found[at]
    return forecasts.reshape(len(ends), -1)


def exponential_smoothing(
    values: np.ndarray, training: int, season: int | None, horizons: Sequence[int]
) -> np.ndarray:
    """Forecasts after every row of one series, by a method that its training rows chose.

    Error, trend (none or damped) and season (none, added or multiplied) are chosen and fitted on
    the newest training rows; later rows move level, trend and season, not the parameters. In the
    place of a row that was not measured stands the one before it.

    Args:
        values: (T,), oldest first; NaN where nothing was measured.
        training: how many of them, the first, are training rows.
        season: rows in a cycle, if there is one.
        horizons: rows ahead.

    Returns:
        (T, horizons): the forecasts made at each row; the value itself before the rows that are
        looked at, and of a series that never moves.
    """
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    values = _filled(values)
    forecasts = np.repeat(values[:, None], len(horizons), axis=1)
    first = max(0, training - MOST_ROWS)
    known = values[first:training]
    if len(known) < FEWEST_ROWS or np.ptp(known) == 0:
        return forecasts
    chosen: Any = None
    with warnings.catch_warnings():
        # What does not converge is judged by its likelihood like all others.
        warnings.simplefilter("ignore")
        for method in _methods(known, season):
            try:
                fitted = ETSModel(known, **method).fit(disp=False, maxiter=ITERATIONS)
            except (ValueError, np.linalg.LinAlgError):
                continue
            if np.isfinite(fitted.aicc) and (chosen is None or fitted.aicc < chosen.aicc):
                chosen = fitted
        if chosen is not None:
            followed = ETSModel(values[first:], **_begun(chosen.model)).smooth(chosen.params)
            forecasts[first:] = _gone_on(followed, chosen.model, horizons)
    return forecasts


def _methods(training: np.ndarray, season: int | None) -> list[dict[str, Any]]:
    seasons: list[str | None] = [None]
    if season and season > 1 and len(training) >= FEWEST_CYCLES * season:
        seasons += ["add", "mul"] if training.min() > 0 else ["add"]
    return [
        {
            "error": "add",
            "trend": trend,
            "damped_trend": trend is not None,
            "seasonal": seasonal,
            "seasonal_periods": season if seasonal else None,
            "initialization_method": "heuristic",
        }
        for trend in (None, "add")
        for seasonal in seasons
    ]


def _begun(model: Any) -> dict[str, Any]:
    """The states that the training rows begin with; more rows would give other ones."""
    begun = {
        "error": model.error,
        "trend": model.trend,
        "damped_trend": model.damped_trend,
        "seasonal": model.seasonal,
        "seasonal_periods": model.seasonal_periods if model.has_seasonal else None,
        "initialization_method": "known",
        "initial_level": model.initial_level,
    }
    begun |= {"initial_trend": model.initial_trend} if model.has_trend else {}
    begun |= {"initial_seasonal": model.initial_seasonal} if model.has_seasonal else {}
    return begun


def _gone_on(followed: Any, model: Any, horizons: Sequence[int]) -> np.ndarray:
    """Level, damped trend and season of each row, gone on."""
    level = np.asarray(followed.level)
    forecasts = np.empty((len(level), len(horizons)))
    for place, horizon in enumerate(horizons):
        ahead = level.copy()
        if model.has_trend:
            damping = followed.damping_trend ** np.arange(1, horizon + 1)
            ahead += np.asarray(followed.slope) * damping.sum()
        if model.has_seasonal:
            # The newest row of the same place in a cycle.
            back = model.seasonal_periods * -(-horizon // model.seasonal_periods) - horizon
            cycle = np.roll(np.asarray(followed.season), back)
            ahead = ahead + cycle if model.seasonal == "add" else ahead * cycle
            # The first rows have none before them.
            ahead[:back] = level[:back]
        forecasts[:, place] = ahead
    return forecasts


def _filled(values: np.ndarray) -> np.ndarray:
    """Values with the last one again where one is missing; the first one before it."""
    there = np.isfinite(values)
    if not there.any():
        return np.zeros(len(values))
    places = np.maximum.accumulate(np.where(there, np.arange(len(values)), -1))
    return np.asarray(values[np.where(places < 0, int(there.argmax()), places)])

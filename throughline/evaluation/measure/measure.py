"""All figures of an outcome, each with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import numpy as np

from throughline.evaluation.intervals.intervals import (
    Bounds,
    dependent,
    outer,
    posterior,
    ratio_errors,
    roc_auc_interval,
    studentised,
    typical,
)
from throughline.evaluation.intervals.resamples import Resamples, interval, wilson
from throughline.evaluation.intervals.tails import (
    FEW_DECIDE,
    NEARLY_ALL,
    beyond_the_largest,
    deciding,
)
from throughline.evaluation.measure import classification, forecast, regression
from throughline.evaluation.measure.evaluated import FIGURES, figure_of
from throughline.evaluation.outcome import Outcome

# Beyond, how sure a model is of a row is a matter of its last bits, and so would the limits be.
LOSS_DECIMALS = 4


class Figure(TypedDict):
    """A figure with its 95 % interval; `method` says where the interval comes from.

    `decided_by` says of how few rows half of its variance is made, where they are so few that the
    interval may be too narrow, or that there is none.
    """

    value: float
    low: float | None
    high: float | None
    method: str
    decided_by: NotRequired[int]


@dataclass(frozen=True)
class Compared:
    """A comparison model on the rows that are evaluated."""

    name: str
    arguments: Mapping[str, Any]
    outcome: Outcome
    metrics: Mapping[str, Figure]


def plain(value: float) -> Figure:
    """A figure without an interval."""
    return {"value": value, "low": None, "high": None, "method": "none"}


def measured(outcome: Outcome, resamples: Resamples) -> dict[str, Figure]:
    """The figures of an outcome that are defined, in the order of `FIGURES`.

    Args:
        outcome: of at least one row.
        resamples: draws of as many rows.
    """
    values = row_values(outcome)
    exact = scored(outcome)
    limits = _independent if resamples.independent else _dependent
    found = limits(outcome, values, exact, resamples)
    return {name: found[name] for name in FIGURES[outcome.task] if name in exact}


def scored(outcome: Outcome) -> dict[str, float]:
    """The figures of an outcome that are defined, without intervals."""
    sums = {name: v.sum(axis=0)[None] for name, v in row_values(outcome).items()}
    exact = figures_of(outcome, sums)
    if outcome.task == "binary" and outcome.probabilities is not None:
        exact["roc_auc"] = classification.roc_auc(outcome, np.ones((1, len(outcome))))
    return {name: float(value[0]) for name, value in exact.items() if np.isfinite(value[0])}


def _dependent(
    outcome: Outcome,
    values: dict[str, np.ndarray],
    exact: Mapping[str, float],
    resamples: Resamples,
) -> dict[str, Figure]:
    """Limits of figures of rows that come in groups or blocks."""
    draws = draws_of(outcome, values, resamples)
    return {
        name: _figure(
            value, dependent(value, draws[name], resamples, figure_of(name).scale), resamples.method
        )
        for name, value in exact.items()
    }


def _independent(
    outcome: Outcome,
    values: dict[str, np.ndarray],
    exact: Mapping[str, float],
    resamples: Resamples,
) -> dict[str, Figure]:
    """Limits of figures of rows that know nothing of each other."""
    found: dict[str, Figure] = {}
    counted = outcome.task in ("binary", "multiclass")
    drawn = _posteriors(outcome) if counted else [draws_of(outcome, values, resamples)] * 2
    for name, value in exact.items():
        if figure_of(name).skewed:
            found[name] = _of_errors(name, outcome, value, resamples)
        elif trials := _trials(name, outcome, values, value):
            found[name] = _figure(value, wilson(value * trials, trials), "wilson")
        elif name == "roc_auc":
            positive = outcome.actual == len(outcome.names) - 1
            placements = classification.placements(outcome, positive)
            found[name] = _figure(value, roc_auc_interval(value, placements, positive), "delong")
        else:
            method = "posterior" if counted else "bootstrap"
            bounds = outer(*(interval(draws[name]) for draws in drawn))
            found[name] = _figure(value, bounds, method)
    return found


def _posteriors(outcome: Outcome) -> list[dict[str, np.ndarray]]:
    """Draws of the figures that are made of a confusion matrix, from two priors."""

    def figures(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if outcome.task == "binary":
            sums = {key: each if key == "rows" else each[:, -1:] for key, each in sums.items()}
        return classification.figures(outcome.task, sums)

    confusion = classification.confusion(outcome)
    return [posterior(confusion, figures), posterior(confusion, figures, typical(confusion))]


def _of_errors(name: str, outcome: Outcome, value: float, resamples: Resamples) -> Figure:
    """The limits of a mean error, or of R², which is one less the ratio of two means."""
    if name == "rmse":
        square = _of_errors("mse", outcome, value**2, resamples)
        roots = [
            None if end is None else float(end**0.5) for end in (square["low"], square["high"])
        ]
        return square | {"value": value, "low": roots[0], "high": roots[1]}
    size, draws, influence, errors = _errors(name, outcome, resamples)
    spread = None
    if name == "r2" and outcome.actual.shape[1] == 1:
        sums = row_values(outcome)
        parts = sums["squared"][:, 0], sums["target_squared"][:, 0]
        spread = ratio_errors(*parts, draws, resamples)
    beyond = beyond_the_largest(errors)
    bounds = studentised(size, draws, influence, resamples, beyond, spread)
    if name == "r2" and bounds is not None:
        bounds = 1 - bounds[1], 1 - bounds[0]
    few = deciding(influence)
    if bounds is None or few >= FEW_DECIDE:
        return _figure(value, bounds, "studentised")
    nearly_all = deciding(influence, NEARLY_ALL) < FEW_DECIDE
    return _figure(value, None if nearly_all else bounds, "studentised") | {"decided_by": few}


def _errors(
    name: str, outcome: Outcome, resamples: Resamples
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """An error, or 1 - R²; that of every resample, (R,).

    And how far each row moves it, (N,), and what each adds to it, (N,).
    """
    if name != "r2":
        losses = row_losses(name, outcome)
        if name == "loss":
            losses = np.round(losses, LOSS_DECIMALS)
        sums = resamples.sums(np.column_stack([losses, np.ones(len(losses))]))
        return float(losses.mean()), sums[:, 0] / sums[:, 1], losses - losses.mean(), losses
    values = row_values(outcome)
    squared, spread = values["squared"], values["target_squared"]
    ratio = squared.sum(axis=0) / spread.sum(axis=0)
    moved = (squared - ratio * spread) / spread.mean(axis=0)
    draws = draws_of(outcome, values, resamples)["r2"]
    parts = (squared / spread.mean(axis=0)).mean(axis=1)
    return float(ratio.mean()), 1 - draws, moved.mean(axis=1), parts


def row_losses(name: str, outcome: Outcome) -> np.ndarray:
    """What each row adds to a figure that averages rows, (N,)."""
    of_rows = figure_of(name).of_rows
    assert of_rows is not None, f"{name} is no mean over rows"
    return np.asarray(of_rows(outcome))


def draws_of(
    outcome: Outcome, values: dict[str, np.ndarray], resamples: Resamples
) -> dict[str, np.ndarray]:
    """The figures of every resample."""
    draws = figures_of(outcome, _sums(values, resamples))
    if outcome.task == "binary" and outcome.probabilities is not None:
        draws["roc_auc"] = classification.roc_auc_draws(outcome, resamples)
    return draws


def _trials(name: str, outcome: Outcome, values: dict[str, np.ndarray], value: float) -> int:
    """The number of rows that a figure is a share of; 0 for one that is no share of rows."""
    whole = figure_of(name).share_of
    if outcome.task == "multilabel" and name != "exact_match":
        # A share of labels, whose rows are the sample; the bootstrap calls all right certain.
        return len(outcome) if value in (0.0, 1.0) else 0
    return int(values[whole].sum()) if whole else 0


def _figure(value: float, bounds: Bounds | None, method: str) -> Figure:
    if bounds is None:
        return {"value": value, "low": None, "high": None, "method": method}
    # What a posterior of few rows leaves out is still what was measured.
    low, high = min(bounds[0], value), max(bounds[1], value)
    if low == high or not math.isfinite(high - low):
        # Draws that never differ are no proof that rows never do.
        return {"value": value, "low": None, "high": None, "method": method}
    return {"value": value, "low": low, "high": high, "method": method}


def row_values(outcome: Outcome) -> dict[str, np.ndarray]:
    """What each row adds to the sums that the figures are made of."""
    if isinstance(outcome, forecast.Forecasts):
        return forecast.row_values(outcome)
    if outcome.task in ("regression", "proportion"):
        return regression.row_values(outcome)
    return classification.row_values(outcome)


def figures_of(outcome: Outcome, sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The figures from sums over rows, each (R,)."""
    if isinstance(outcome, forecast.Forecasts):
        return forecast.figures(sums)
    if outcome.task in ("regression", "proportion"):
        return regression.figures(sums)
    return classification.figures(outcome.task, sums)


def _sums(values: dict[str, np.ndarray], resamples: Resamples) -> dict[str, np.ndarray]:
    """The sums of every resample by one matrix product."""
    table = np.column_stack(list(values.values()))
    sums = resamples.sums(table)
    result: dict[str, np.ndarray] = {}
    start = 0
    for name, value in values.items():
        width = 1 if value.ndim == 1 else value.shape[1]
        part = sums[:, start : start + width]
        result[name] = part[:, 0] if value.ndim == 1 else part
        start += width
    return result

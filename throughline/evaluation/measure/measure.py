"""All figures of an outcome, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from throughline.evaluation.measure import classification, forecast, regression
from throughline.evaluation.measure.resamples import Resamples, interval, wilson
from throughline.evaluation.outcome import Outcome
from throughline.figures.names import FIGURES


class Figure(TypedDict):
    """A figure with its 95 % interval; `method` says where the interval comes from."""

    value: float
    low: float | None
    high: float | None
    method: str


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
    values = _row_values(outcome)
    exact = _figures(outcome, {name: v.sum(axis=0)[None] for name, v in values.items()})
    draws = _figures(outcome, _sums(values, resamples))
    if outcome.task == "binary" and outcome.probabilities is not None:
        exact["roc_auc"] = classification.roc_auc(outcome, np.ones((1, len(outcome))))
        if np.isfinite(exact["roc_auc"][0]):
            draws["roc_auc"] = classification.roc_auc_draws(outcome, resamples)
    return {
        name: _figure(float(exact[name][0]), draws[name], _trials(name, values))
        for name in FIGURES[outcome.task]
        if name in exact and np.isfinite(exact[name][0])
    }


def scored(outcome: Outcome) -> dict[str, float]:
    """The figures of an outcome that are defined, without intervals."""
    sums = {name: v.sum(axis=0)[None] for name, v in _row_values(outcome).items()}
    exact = _figures(outcome, sums)
    if outcome.task == "binary" and outcome.probabilities is not None:
        exact["roc_auc"] = classification.roc_auc(outcome, np.ones((1, len(outcome))))
    return {name: float(value[0]) for name, value in exact.items() if np.isfinite(value[0])}


def _trials(name: str, values: dict[str, np.ndarray]) -> int:
    """The number of rows that a figure is a share of; 0 for one that is no share of rows."""
    whole = {
        "accuracy": "rows",
        "exact_match": "rows",
        "precision": "predicted",
        "recall": "actual",
    }
    return int(values[whole[name]].sum()) if name in whole else 0


def _figure(value: float, draws: np.ndarray, trials: int) -> Figure:
    if trials and value in (0.0, 1.0):
        low, high = wilson(value * trials, trials)
        return {"value": value, "low": low, "high": high, "method": "wilson"}
    bounds = interval(draws)
    low_high = (None, None) if bounds is None else bounds
    return {"value": value, "low": low_high[0], "high": low_high[1], "method": "bootstrap"}


def difference(ours: Outcome, theirs: Outcome, resamples: Resamples) -> dict[str, Any]:
    """How much better we are than another model on the same rows, with a verdict.

    Returns:
        the metric (accuracy or MAE), ours - theirs, its 95 % interval, and `better`, `worse` or
        `no difference`, which is what an interval that holds 0 says.
    """
    classifies = ours.probabilities is not None
    if classifies:
        paired = classification.correct(ours) - classification.correct(theirs)
    else:
        errors = (np.abs(o.predicted - o.actual).mean(axis=1) for o in (ours, theirs))
        paired = np.subtract(*errors)
    sums = resamples.sums(np.column_stack([paired, np.ones(len(paired))]))
    bounds = interval(sums[:, 0] / sums[:, 1])
    assert bounds is not None
    sign = 1 if classifies else -1
    verdict = "no difference"
    if min(sign * bounds[0], sign * bounds[1]) > 0:
        verdict = "better"
    elif max(sign * bounds[0], sign * bounds[1]) < 0:
        verdict = "worse"
    return {
        "metric": "accuracy" if classifies else "mae",
        "value": float(paired.mean()),
        "low": bounds[0],
        "high": bounds[1],
        "verdict": verdict,
    }


def _row_values(outcome: Outcome) -> dict[str, np.ndarray]:
    if isinstance(outcome, forecast.Forecasts):
        return forecast.row_values(outcome)
    if outcome.task in ("regression", "proportion"):
        return regression.row_values(outcome)
    return classification.row_values(outcome)


def _figures(outcome: Outcome, sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
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

"""Figures of models that answer with numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from throughline.evaluation.outcome import Outcome
from throughline.evaluation.raw_rows import Rows
from throughline.figures.figure import GAIN, NOT_NEGATIVE, Figure

FIGURES = dict.fromkeys(("regression", "proportion"), ("mae", "mse", "rmse", "r2"))
SPOKEN = {"mae": "MAE", "mse": "MSE", "rmse": "RMSE", "r2": "R²"}

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
# Departure from a linear function, in standard deviations of the prediction, that float32
# arithmetic explains.
LINEAR = 1e-4


def absolute(outcome: Outcome) -> np.ndarray:
    """The absolute error of each row, the mean over several targets, (N,)."""
    return np.asarray(np.abs(outcome.predicted - outcome.actual).mean(axis=1))


def squared(outcome: Outcome) -> np.ndarray:
    """The squared error of each row, likewise."""
    return np.asarray(((outcome.predicted - outcome.actual) ** 2).mean(axis=1))


EVALUATED = (
    Figure("mae", False, NOT_NEGATIVE, 1, of_rows=absolute, skewed=True),
    Figure("mse", False, NOT_NEGATIVE, 2, of_rows=squared, skewed=True),
    Figure("rmse", False, NOT_NEGATIVE, 1, skewed=True),
    Figure("r2", True, GAIN, skewed=True),
)


def row_values(outcome: Outcome) -> dict[str, np.ndarray]:
    """What each row adds to the sums that the figures are made of; each (N,) or (N, k)."""
    errors = outcome.predicted - outcome.actual
    centred = outcome.actual - outcome.actual.mean(axis=0)
    return {
        "rows": np.ones(len(outcome)),
        "absolute": np.abs(errors),
        "squared": errors**2,
        "target": centred,
        "target_squared": centred**2,
    }


def figures(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """MAE, MSE, RMSE and R², the mean over several targets, each (R,); NaN where undefined."""
    rows = sums["rows"][:, None]
    spread = sums["target_squared"] - sums["target"] ** 2 / rows
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.where(spread > 0, 1 - sums["squared"] / spread, np.nan)
    mse = (sums["squared"] / rows).mean(axis=1)
    return {
        "mae": (sums["absolute"] / rows).mean(axis=1),
        "mse": mse,
        "rmse": np.sqrt(mse),
        "r2": explained.mean(axis=1),
    }


def residuals(outcome: Outcome) -> dict[str, dict[str, float]]:
    """Quantiles, mean and standard deviation of predicted - actual, for each target."""
    errors = outcome.predicted - outcome.actual
    result = {}
    for i, name in enumerate(outcome.names):
        values = np.quantile(errors[:, i], QUANTILES)
        described = {f"q{100 * q:g}": float(v) for q, v in zip(QUANTILES, values, strict=True)}
        result[name] = described | {
            "mean": float(errors[:, i].mean()),
            "sd": float(errors[:, i].std()),
        }
    return result


def coefficients(rows: Rows, inputs: list[Any], predicted: np.ndarray) -> dict[str, float]:
    """Slopes and intercept of a model that is linear in its raw inputs; empty for any other.

    They are recovered from predictions by least squares, which is exact for a linear model, so
    they are in raw units whatever scaling the graph holds.

    Args:
        rows: raw rows.
        inputs: the entries of `prepared.json`.
        predicted: of one target, shape (N, 1).
    """
    names = [entry["name"] for entry in inputs if entry["type"] == "number"]
    if len(names) != len(inputs) or predicted.shape[1] != 1 or rows.count <= len(names) + 1:
        return {}
    table = np.column_stack([rows.columns[name].astype(np.float64) for name in names])
    if not np.isfinite(table).all():
        return {}
    mean, sd = table.mean(axis=0), table.std(axis=0)
    if (sd == 0).any():
        return {}
    design = np.column_stack([(table - mean) / sd, np.ones(rows.count)])
    answer = predicted[:, 0]
    solution, _, rank, _ = np.linalg.lstsq(design, answer, rcond=1e-9)
    departure = np.abs(design @ solution - answer).max()
    if rank < design.shape[1] or departure > LINEAR * max(answer.std(), 1e-12):
        return {}
    slopes = solution[:-1] / sd
    named = {f"coefficient:{name}": float(s) for name, s in zip(names, slopes, strict=True)}
    return named | {"intercept": float(solution[-1] - slopes @ mean)}

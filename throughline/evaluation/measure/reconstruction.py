"""Figures of a network that gives back what it is given: by column, and by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from throughline.evaluation.measure import regression
from throughline.evaluation.outcome import Outcome

# Where an alarm is set: of the training rows so many lie below.
QUANTILES = (0.5, 0.9, 0.95, 0.99)


def row_errors(outcome: Outcome) -> np.ndarray:
    """What the model answers as `reconstruction_error`, shape (rows,)."""
    return np.asarray(((outcome.predicted - outcome.actual) ** 2).mean(axis=1))


def described(known: Outcome, outcome: Outcome) -> dict[str, Any]:
    """Errors by column in its own unit, and how those of rows are spread.

    Args:
        known: the answers to training rows.
        outcome: the answers to the rows that are evaluated.

    Returns:
        `columns` with `rmse` and `r2` each; `rows` with the quantiles of the training rows' errors
        and the share of the evaluated rows beyond each.
    """
    errors = row_errors(outcome)
    bounds = np.quantile(row_errors(known), QUANTILES)
    own = outcome.in_units()
    columns = []
    for place, name in enumerate(own.names):
        sums = {
            key: value.sum(axis=0)[None]
            for key, value in regression.row_values(own.of(place)).items()
        }
        found = regression.figures(sums)
        r2 = float(found["r2"][0])
        entry = {"column": name, "rmse": float(found["rmse"][0]), "r2": r2 if r2 == r2 else None}
        columns.append(entry)
    return {
        "columns": columns,
        "rows": [
            {"quantile": share, "bound": float(bound), "beyond": float((errors > bound).mean())}
            for share, bound in zip(QUANTILES, bounds, strict=True)
        ],
    }

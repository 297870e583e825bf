"""What a model may expect of each raw column: its kind, unit, and statistics of training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.preprocessing.columns.kind import kind_of_column
from throughline.preprocessing.columns.statistics import statistics
from throughline.preprocessing.plan import Plan, Planned

if TYPE_CHECKING:
    import pandas as pd


def contract(rows: pd.DataFrame, plan: Plan) -> list[dict[str, Any]]:
    """The contract of every raw column that the graph takes, for prepared.json and the metadata.

    Args:
        rows: training rows.
        plan: which of their columns become features.
    """
    users: dict[str, list[Planned]] = {name: [] for name in plan.raw}
    for each in (each for columns in plan.inputs.values() for each in columns):
        for name in each.column.derive.of if each.column.derive else [each.name]:
            users[name].append(each)
    return [
        {"name": name, "type": kind, **_described(rows[name], kind, users[name])}
        for name, kind in plan.raw.items()
    ]


def _described(values: pd.Series, kind: str, users: list[Planned]) -> dict[str, Any]:
    own = next((user.column for user in users if user.column.derive is None), None)
    entry: dict[str, Any] = {
        "unit": own.unit if own else "",
        "missing": round(float(values.isna().mean()), 6),
        "may_be_missing": all(
            kind_of_column(user.column).may_be_missing(user.column) for user in users
        ),
    }
    if kind == "number":
        return entry | statistics(values.dropna().to_numpy(dtype=np.float64))
    return entry | (kind_of_column(own).described(values, kind, own) if own else {})

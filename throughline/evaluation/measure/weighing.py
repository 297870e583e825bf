"""How much each column weighs in a model's answers: what is lost when its values are shuffled."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from throughline.evaluation.measure.measure import row_losses

# Every column takes as many answers as there are rows times shuffles.
MOST_COLUMNS, MOST_ROWS, SHUFFLES = 60, 1000, 3
# Digits of the largest weight; those of the others end at the same decimal.
DIGITS = 3
SHUFFLED = ("number", "string", "boolean")


def weighed(model: Path, parts: Any) -> list[dict[str, Any]]:
    """By how much the mean loss of the evaluated rows grows without each column, largest first.

    Source: permutation importance, Breiman (2001), Random Forests, Machine Learning 45, of the
    model as it is. A column that another one repeats weighs little, though both be needed.

    Args:
        model: the ONNX file.
        parts: `Parts` or `SeriesParts` of its branch.

    Returns:
        `column`, `value` and `metric`; empty for a model of one column, of pictures, of texts over
        time, or of so many columns that none of them says much.
    """
    from throughline.serving.predictor import Predictor

    names = [entry["name"] for entry in parts.prepared["inputs"] if entry["type"] in SHUFFLED]
    predictor = Predictor(model)
    if not 1 < len(names) <= MOST_COLUMNS or predictor.states:
        return []
    rows = parts.some(MOST_ROWS)
    columns = parts.fed(rows)
    if len(columns) < len(names) or rows.count < 2:
        return []
    metric = "mae" if parts.target.task in ("regression", "proportion", "forecast") else "loss"

    def loss(fed: dict[str, Any]) -> float:
        return float(row_losses(metric, parts.judged(rows, predictor.predict(fed))).mean())

    usual = loss(columns)
    draw = np.random.default_rng(0)
    orders = [draw.permutation(rows.count) for _ in range(SHUFFLES)]
    found = {
        name: sum(loss({**columns, name: columns[name][order]}) for order in orders) / SHUFFLES
        - usual
        for name in names
    }
    top = max(map(abs, found.values()))
    decimals = 0 if top == 0 else DIGITS - 1 - math.floor(math.log10(top))
    values = {name: round(value, decimals) + 0.0 for name, value in found.items()}
    ordered = sorted(values, key=lambda name: (-values[name], name))
    return [{"column": name, "value": values[name], "metric": metric} for name in ordered]

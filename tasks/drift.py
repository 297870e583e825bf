"""How far new rows have moved from those that a model was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

# The usual reading of the index (Siddiqi 2006): below 0.1 stable, above 0.25 another population.
MOVED, SHIFTED = 0.1, 0.25
SMALLEST_SHARE = 1e-4


def drift(rows: Path, inputs: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The population stability index of each input that the model's metadata describe.

    Args:
        rows: a Parquet file of clean rows.
        inputs: the model's inputs with their training quantiles or categories.

    Returns:
        name, index (dimensionless, 0 for the same distribution) and verdict, largest first.
    """
    from tasks.evaluation.rows import read_rows

    columns = read_rows(rows).columns
    found = []
    for entry in inputs:
        shares = dict(_shares(entry, columns))
        if shares:
            index = float(sum((new - old) * np.log(new / old) for old, new in shares.values()))
            verdict = "shifted" if index > SHIFTED else "moved" if index > MOVED else "stable"
            found.append({"input": entry["name"], "index": round(index, 6), "verdict": verdict})
    return sorted(found, key=lambda row: -row["index"])


def _shares(
    entry: Mapping[str, Any], columns: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, tuple[float, float]]]:
    """For each bin the share of training rows and of new rows; the bins are training deciles."""
    column = columns.get(entry["name"])
    quantiles = np.unique(entry.get("quantiles") or [])
    if column is None or column.dtype.kind not in "biuf" or len(quantiles) < 3:
        return
    values = column.astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return
    # Quantiles that coincide stand for a bin that holds several tenths of the training rows.
    levels = np.linspace(0, 1, len(entry["quantiles"]))
    reached = [levels[np.searchsorted(entry["quantiles"], q, side="right") - 1] for q in quantiles]
    expected = np.diff([0.0, *reached[1:]])
    counts = np.histogram(values, [-np.inf, *quantiles[1:-1], np.inf])[0] / len(values)
    for number, (old, new) in enumerate(zip(expected, counts, strict=True)):
        yield str(number), (max(old, SMALLEST_SHARE), max(new, SMALLEST_SHARE))

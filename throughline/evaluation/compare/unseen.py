"""Which rows that are evaluated are new to a model, by the rows it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np


def unseen_rows(columns: Mapping[str, Any], count: int, training: Path | None) -> np.ndarray:
    """Which rows are not among a model's training rows; shape (rows,).

    Args:
        columns: of the rows.
        count: how many rows there are.
        training: the file of the training rows; None where they are not kept, and all count as new.
    """
    from throughline.evaluation.raw_rows import read_rows

    if training is None:
        return np.ones(count, bool)
    known = read_rows(training)
    shared = sorted(set(columns) & set(known.columns))
    seen = set(_keys(known.columns, shared, known.count))
    return np.array([key not in seen for key in _keys(columns, shared, count)], bool)


def unseen_windows(
    first_predicted: np.ndarray, index: Mapping[str, Any], training: Path | None
) -> np.ndarray:
    """Which windows predict nothing but what came after a model's newest training row.

    Parts of a series are cut at one moment for all series of a table, so its newest row tells.

    Args:
        first_predicted: seconds of the wall clock at the first predicted row of each window, (N,).
        index: section `time.index`.
        training: as in `unseen_rows`.
    """
    import pandas as pd

    from throughline.samples.windows.moments import wall_clock

    if training is None:
        return np.ones(len(first_predicted), bool)
    names = [*index["columns"], *([index["hour"]] if index.get("hour") else [])]
    # Steps that no row was there for have no time of their own.
    known = pd.read_parquet(training, columns=names).dropna()
    return np.asarray(first_predicted > wall_clock(known, index).max())


def _keys(columns: Any, names: Sequence[str], count: int) -> list[tuple[str | bytes, ...]]:
    """Each row as a value that can be looked up; NaN equals NaN."""
    held = [columns[name] for name in names]
    return [tuple(_key(column[row]) for column in held) for row in range(count)]


def _key(value: Any) -> str | bytes:
    # Of a large array, such as a picture, `str` shows the corners only.
    return sha256(value.tobytes()).digest() if isinstance(value, np.ndarray) else str(value)

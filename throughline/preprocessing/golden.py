"""Rows that every export is tried on: real ones, and made ones at the edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.tokens.token_rows import as_texts

if TYPE_CHECKING:
    import pandas as pd

# No category of any real file.
STRANGER = "a value that training never saw"
# Pictures cost more of the network than rows of a table do.
PICTURES = 24


def golden_rows(
    rows: pd.DataFrame, inputs: Sequence[Mapping[str, Any]], count: int
) -> pd.DataFrame:
    """The first `count` rows and edge rows.

    Edge rows: every number at its minimum, at its maximum, one sd beyond each, with every category
    unknown where the list is open; and everything missing that may be missing.

    Args:
        rows: raw training rows.
        inputs: the contract of each raw column, from prepared.json.
        count: of real rows.

    Returns:
        raw rows with the inputs' columns only.
    """
    import pandas as pd

    names = [entry["name"] for entry in inputs]
    # Whole numbers cannot be missing in a table, so numbers of every kind become floats.
    numbers = {entry["name"]: "float64" for entry in inputs if entry["type"] == "number"}
    pictures = any(entry["type"] == "image" for entry in inputs)
    few = rows[names].head(min(count, PICTURES) if pictures else count)
    real = as_texts(few).astype(numbers)
    edges = [
        {entry["name"]: _edge(entry, edge, real[entry["name"]].iloc[0]) for entry in inputs}
        for edge in ("min", "max", "below", "above", "missing")
    ]
    at_edges = pd.DataFrame(edges, columns=names)
    return pd.concat([real, at_edges.astype(real.dtypes.to_dict())], ignore_index=True)


def _edge(entry: Mapping[str, Any], edge: str, ordinary: Any) -> Any:
    if entry["type"] == "image":
        return _edge_picture(edge, ordinary)
    if edge == "missing":
        return None if entry["may_be_missing"] and entry["type"] != "boolean" else ordinary
    if entry["type"] == "string":
        return ordinary if entry.get("closed") else STRANGER
    if entry["type"] == "boolean" or entry["min"] is None:
        return ordinary
    beyond = {"min": 0.0, "max": 0.0, "below": -entry["sd"], "above": entry["sd"]}[edge]
    start = entry["min"] if edge in ("min", "below") else entry["max"]
    return start + beyond


def _edge_picture(edge: str, ordinary: np.ndarray) -> np.ndarray:
    """Black, white, a chessboard, noise, or the negative of a real picture."""
    if edge in ("min", "max"):
        return np.full_like(ordinary, 0 if edge == "min" else 255)
    if edge == "below":
        rows, columns = np.indices(ordinary.shape[:2])
        board = np.asarray((rows + columns) % 2 * 255, dtype=np.uint8)[:, :, np.newaxis]
        return np.repeat(board, ordinary.shape[2], axis=2)
    if edge == "above":
        return np.random.default_rng(0).integers(0, 256, ordinary.shape, dtype=np.uint8)
    return 255 - np.asarray(ordinary)

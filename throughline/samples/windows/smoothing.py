"""Steps that look at earlier rows: smoothing and changes, in NumPy and as ONNX nodes.

All of them are finite filters of the past, so a row needs a known number of rows before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from throughline.pipeline.schema.columns import Column
    from throughline.pipeline.schema.time import Change
    from throughline.preprocessing.graph.builder import Graph

FAR = np.iinfo(np.int64).max


def reach(column: Column) -> int:
    """How many rows before a row its value depends on."""
    smoothing = len(column.smooth.weights) - 1 if column.smooth else 0
    return smoothing + (column.change.periods if column.change else 0)


def filtered(values: np.ndarray, column: Column) -> np.ndarray:
    """One series after smoothing and change.

    Args:
        values: float64 (T,), the oldest first.
        column: its treatment.

    Returns:
        float64 (T,); NaN in the first `reach(column)` rows.
    """
    result = np.full(len(values), np.nan)
    if len(values) <= reach(column):
        return result
    if column.smooth:
        values = np.convolve(values, np.array(column.smooth.weights), mode="valid")
    if column.change:
        values = changed(values[column.change.periods :], values[: -column.change.periods], column)
    result[len(result) - len(values) :] = values
    return result


def changed(new: np.ndarray, old: np.ndarray, column: Column) -> np.ndarray:
    """The change from old values to new ones."""
    assert column.change is not None
    if column.change.kind == "difference":
        return np.asarray(new - old)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100 * (new - old) / old)


def write_filters(graph: Graph, value: str, name: str, column: Column) -> str:
    """Nodes from (N, rows) to (N, rows - reach)."""
    if column.smooth:
        weights = np.array(column.smooth.weights[::-1], dtype=np.float32)
        kernel = graph.constant(weights[None, None], f"{name}/weights")
        axis = graph.constant([1], f"{name}/channel", np.int64)
        value = graph.node("Unsqueeze", [value, axis], f"{name}/channelled")
        value = graph.node("Conv", [value, kernel], f"{name}/convolved")
        value = graph.node("Squeeze", [value, axis], f"{name}/smooth")
    return _write_change(graph, value, name, column.change) if column.change else value


def _write_change(graph: Graph, value: str, name: str, change: Change) -> str:
    new = rows_between(graph, value, change.periods, FAR, f"{name}/new")
    old = rows_between(graph, value, 0, -change.periods, f"{name}/old")
    difference = graph.node("Sub", [new, old], f"{name}/difference")
    if change.kind == "difference":
        return difference
    part = graph.node("Div", [difference, old], f"{name}/part")
    return graph.node("Mul", [part, graph.constant(100.0, f"{name}/hundred")], f"{name}/percent")


def rows_between(graph: Graph, value: str, start: int, stop: int, name: str) -> str:
    """The rows from `start` to `stop` of each window, axis 1."""
    ends = [
        graph.constant([number], f"{name}/{which}", np.int64)
        for number, which in ((start, "start"), (stop, "stop"), (1, "axis"))
    ]
    return graph.node("Slice", [value, *ends], name)

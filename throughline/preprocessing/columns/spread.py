"""The spread of several columns of a row: how a curve varies, and how much it jumps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from throughline.preprocessing.graph.builder import Graph

SPREADS = ("sd", "sd-of-differences")


def spread(table: np.ndarray, kind: str) -> np.ndarray:
    """The standard deviation of each row, with n - 1 below, as pandas' `std`.

    Args:
        table: (rows, columns).
        kind: `sd` of the values, or `sd-of-differences` of neighbours.
    """
    values = table if kind == "sd" else np.diff(table, axis=1)
    return np.asarray(values.std(axis=1, ddof=1))


def write_spread(graph: Graph, values: Sequence[str], name: str, kind: str) -> str:
    """Nodes from tensors (N, 1) to one (N, 1)."""
    table = graph.node("Concat", list(values), f"{name}/table", axis=1)
    count = len(values)
    if kind != "sd":
        newer = _columns(graph, table, 1, count, f"{name}/newer")
        older = _columns(graph, table, 0, count - 1, f"{name}/older")
        table = graph.node("Sub", [newer, older], f"{name}/differences")
        count -= 1
    axis = graph.constant([1], f"{name}/across", np.int64)
    mean = graph.node("ReduceMean", [table, axis], f"{name}/mean", keepdims=1)
    centred = graph.node("Sub", [table, mean], f"{name}/from_mean")
    squares = graph.node("ReduceSumSquare", [centred, axis], f"{name}/squares", keepdims=1)
    below = graph.constant(float(max(count - 1, 1)), f"{name}/below")
    variance = graph.node("Div", [squares, below], f"{name}/variance")
    return graph.node("Sqrt", [variance], f"{name}/derived")


def _columns(graph: Graph, table: str, start: int, stop: int, name: str) -> str:
    places = [
        graph.constant([value], f"{name}/{which}", np.int64)
        for value, which in ((start, "start"), (stop, "stop"), (1, "axis"))
    ]
    return graph.node("Slice", [table, *places], name)

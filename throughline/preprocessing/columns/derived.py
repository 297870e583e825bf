"""Columns that are derived from others: their values, and the nodes that compute the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.pipeline.schema.text import Text
from throughline.preprocessing.columns.spread import SPREADS, spread, write_spread
from throughline.preprocessing.columns.texts.tokens import tokenised, write_count
from throughline.preprocessing.raw import raw_values

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.columns import Derive
    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.plan import Planned

NUMPY_OPERATIONS: dict[str, Any] = {
    "sum": np.add,
    "difference": np.subtract,
    "product": np.multiply,
    "ratio": np.divide,
}
ONNX_OPERATIONS = {"sum": "Add", "difference": "Sub", "product": "Mul", "ratio": "Div"}


def derived(rows: pd.DataFrame, derive: Derive) -> np.ndarray:
    """The values of a derived column, as its nodes compute them, shape (rows,)."""
    if derive.kind == "equals":
        column = rows[derive.of[0]]
        same = (
            column.astype(str) == derive.to if isinstance(derive.to, str) else column == derive.to
        )
        return same.fillna(False).to_numpy(dtype=np.float64)
    if derive.kind == "matches":
        texts = raw_values(rows, derive.of[0], "string")
        found = tokenised(texts, Text(tokens=str(derive.to)))
        return np.array([len(matches) for matches in found], dtype=np.float64)
    values = [raw_values(rows, name, "number").astype(np.float64) for name in derive.of]
    if derive.kind in SPREADS:
        return spread(np.column_stack(values), derive.kind)
    result = values[0]
    for other in values[1:]:
        with np.errstate(divide="ignore", invalid="ignore"):
            result = NUMPY_OPERATIONS[derive.kind](result, other)
    return result


def write_derived(
    graph: Graph, sources: Sequence[str], planned: Planned, kinds: Mapping[str, str]
) -> str:
    """Nodes from the raw columns (N, 1) that a derived one is made of.

    Returns:
        name of the tensor (N, 1) that the column starts from.
    """
    derive = planned.column.derive
    assert derive is not None
    if derive.kind == "equals":
        source = sources[0]
        kind = kinds[derive.of[0]]
        value = (
            graph.node("Cast", [source], f"{source}/number", to=1) if kind == "boolean" else source
        )
        other = graph.constant(
            derive.to, f"{planned.name}/to", str if kind == "string" else np.float32
        )
        same = graph.node("Equal", [value, other], f"{planned.name}/is")
        return graph.node("Cast", [same], f"{planned.name}/derived", to=1)
    if derive.kind == "matches":
        return write_count(graph, sources[0], planned.name, str(derive.to))
    if derive.kind in SPREADS:
        return write_spread(graph, sources, planned.name, derive.kind)
    value = sources[0]
    for other in sources[1:]:
        value = graph.node(ONNX_OPERATIONS[derive.kind], [value, other], f"{planned.name}/derived")
    return value

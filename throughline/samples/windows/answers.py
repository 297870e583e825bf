"""The two ends of a forecaster's graph: the rows that the network sees, and its answers' units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.preprocessing.graph.builder import Graph
from throughline.samples.windows.positions import Extent
from throughline.samples.windows.target import FittedForecast

if TYPE_CHECKING:
    import onnx


def fixed(model: onnx.ModelProto, extent: Extent) -> onnx.ModelProto:
    """A fitted preprocessing for windows of one length, with the rows that the network sees.

    Args:
        model: from `throughline.samples.windows.window_layout`, for windows of any length.
        extent: of a window.
    """
    import onnx
    from onnx import helper, numpy_helper

    result = onnx.ModelProto()
    result.CopyFrom(model)
    for value in result.graph.input:
        value.type.tensor_type.shape.dim[1].dim_value = extent.length
    seen = extent.lookback - 1 + extent.offsets.astype(np.int64)
    for value in result.graph.output:
        dimension = value.type.tensor_type.shape.dim[1]
        dimension.dim_value = len(seen)
        if len(seen) == extent.lookback:
            continue
        every = f"{value.name}/every_row"
        for node in result.graph.node:
            names = [every if name == value.name else name for name in node.output]
            del node.output[:]
            node.output.extend(names)
        rows = f"{value.name}/seen"
        result.graph.initializer.append(numpy_helper.from_array(seen, rows))
        result.graph.node.append(
            helper.make_node("Gather", [every, rows], [value.name], f"{value.name}/Gather", axis=1)
        )
    return result


def forecast_answers(
    target: FittedForecast, network_output: str, extent: Extent
) -> onnx.ModelProto:
    """A graph from the network's output to `prediction`, in the target's own unit.

    `prediction` is (N,) for one horizon, (N, horizons) for several, and (N, horizons, columns)
    for several columns. A change is undone by the raw target columns of the window.
    """
    from onnx import TensorProto

    graph = Graph()
    horizons, count = len(target.horizons), len(target.columns)
    shape: list[str | int] = ["N", horizons, count] if target.sequence else ["N", horizons * count]
    value = graph.input(network_output, "number", shape)
    cube = graph.constant([-1, horizons, count], "cube", np.int64)
    value = graph.node("Reshape", [value, cube], "by_horizon")
    scaled = graph.constant([target.divide], "divide")
    value = graph.node("Mul", [value, scaled], "rescaled")
    value = graph.node("Add", [value, graph.constant([target.subtract], "subtract")], "shifted")
    if target.change is not None:
        value = _undone(graph, value, target, extent)
    last: list[int] = [-1] if horizons * count == 1 else [-1, horizons]
    if count > 1:
        last = [-1, horizons, count]
    graph.node("Reshape", [value, graph.constant(last, "last", np.int64)], "prediction", exact=True)
    graph.output("prediction", TensorProto.FLOAT, ["N", *last[1:]])
    return graph.model()


def _undone(graph: Graph, value: str, target: FittedForecast, extent: Extent) -> str:
    """The predicted change laid on the value that it starts from."""
    assert target.bases is not None
    places = extent.length - 1 + target.bases.astype(np.int64)
    rows = graph.constant(places, "bases", np.int64)
    axis = graph.constant([2], "column_axis", np.int64)
    parts = []
    for name in target.columns:
        raw = graph.input(name, "number", ["N", extent.length])
        old = graph.node("Gather", [raw, rows], f"{name}/old", axis=1)
        parts.append(graph.node("Unsqueeze", [old, axis], f"{name}/old_column"))
    old = parts[0] if len(parts) == 1 else graph.node("Concat", parts, "old", axis=2)
    if target.change == "percent":
        part = graph.node("Div", [value, graph.constant(100.0, "hundred")], "part")
        value = graph.node("Mul", [part, old], "difference")
    return graph.node("Add", [value, old], "undone")

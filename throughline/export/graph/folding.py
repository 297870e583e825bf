"""Operators that vanish into the weights of the one before or behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.export.graph.rewriting import drop_dead, fresh_name, replace_items

if TYPE_CHECKING:
    import onnx

LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm"})
# A normalisation is folded into the layer behind it only while its offset is no larger: the sum
# of a large offset and a large product loses digits in another way than Keras' own order does.
LARGEST_OFFSET = 16.0


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fold what changes no result, in place: normalisation into weights, transposes into rows.

    - A `BatchNormalization` behind a linear operator that nothing else reads becomes part of its
      weights; the operator takes the normalisation's name, whose value it now gives.
    - A `BatchNormalization` that only feeds a `Gemm` becomes part of that one's weights.
    - A `Transpose` before a `Flatten` that only feeds a `Gemm` becomes an order of its rows.

    Returns:
        The same model.
    """
    graph = model.graph
    _fold_normalisations(graph)
    _fold_forward(graph)
    _fold_flattened_transposes(graph)
    drop_dead(graph)
    return model


def _readers(graph: onnx.GraphProto) -> dict[str, list[onnx.NodeProto]]:
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for value in node.input:
            readers.setdefault(value, []).append(node)
    for output in graph.output:
        # An output is read from outside.
        readers.setdefault(output.name, []).append(output)
    return readers


def _arrays(graph: onnx.GraphProto, names: list[str]) -> list[np.ndarray] | None:
    """The initialisers of these names; None when one is no initialiser."""
    from onnx import numpy_helper

    found = {tensor.name: tensor for tensor in graph.initializer if tensor.name in names}
    if any(name not in found for name in names):
        return None
    return [numpy_helper.to_array(found[name]) for name in names]


def _fold_normalisations(graph: onnx.GraphProto) -> None:
    producer = {value: node for node in graph.node for value in node.output}
    readers = _readers(graph)
    gone = set()
    for node in graph.node:
        linear = producer.get(node.input[0]) if node.op_type == "BatchNormalization" else None
        if linear is None or linear.op_type not in LINEAR or len(readers[node.input[0]]) != 1:
            continue
        statistics = _arrays(graph, list(node.input[1:]))
        weights = _arrays(graph, [name for name in linear.input[1:] if name])
        grouped = any(a.name == "group" for a in linear.attribute)
        if statistics is None or weights is None or (linear.op_type == "ConvTranspose" and grouped):
            continue
        _fold_into(graph, linear, node, statistics, weights)
        gone.add(node.name)
    replace_items(graph.node, [node for node in graph.node if node.name not in gone])


def _fold_into(
    graph: onnx.GraphProto,
    linear: onnx.NodeProto,
    node: onnx.NodeProto,
    statistics: list[np.ndarray],
    weights: list[np.ndarray],
) -> None:
    """Scale the outputs of `linear` and move its bias as the normalisation `node` would."""
    from onnx import numpy_helper

    scale, offset = _scale_and_offset(node, statistics)
    kernel, bias = weights[0], weights[1] if len(weights) > 1 else np.zeros_like(scale)
    # Outputs are the first axis of a Conv's weights and the second of the others'.
    shape = [1] * kernel.ndim
    shape[0 if linear.op_type == "Conv" else 1] = -1
    folded = [kernel * scale.reshape(shape), bias * scale + offset]
    names = [f"{node.name}/kernel", f"{node.name}/bias"]
    for name, array in zip(names, folded, strict=True):
        graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    linear.input[:] = [linear.input[0], *names]
    linear.output[0] = node.output[0]
    # A layer's second call has a node of its own.
    taken = {each.name for each in graph.node}
    linear.name = fresh_name(f"{node.name.rpartition('/')[0]}/{linear.op_type}", taken)


def _scale_and_offset(
    node: onnx.NodeProto, statistics: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """What a normalisation multiplies with and adds, in double precision."""
    gamma, beta, mean, variance = (array.astype(np.float64) for array in statistics)
    epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
    scale = gamma / np.sqrt(variance + epsilon)
    return scale, beta - mean * scale


def _fold_forward(graph: onnx.GraphProto) -> None:
    """(x · scale + offset) · W + b = x · (scale · W) + (offset · W + b)."""
    from onnx import numpy_helper

    readers = _readers(graph)
    gone = set()
    for node in graph.node:
        behind = readers.get(node.output[0], []) if node.op_type == "BatchNormalization" else []
        if len(behind) != 1 or not _is_gemm(behind[0]) or behind[0].input[0] != node.output[0]:
            continue
        gemm = behind[0]
        statistics = _arrays(graph, list(node.input[1:]))
        weights = _arrays(graph, list(gemm.input[1:]))
        if statistics is None or weights is None:
            continue
        scale, offset = _scale_and_offset(node, statistics)
        if np.abs(offset).max() > LARGEST_OFFSET:
            continue
        kernel, bias = weights[0], weights[1] if len(weights) > 1 else 0.0
        folded = [kernel * scale[:, None], offset @ kernel + bias]
        names = [f"{gemm.name}/folded_kernel", f"{gemm.name}/folded_bias"]
        for name, array in zip(names, folded, strict=True):
            graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
        gemm.input[:] = [node.input[0], *names]
        gone.add(node.name)
    replace_items(graph.node, [node for node in graph.node if node.name not in gone])


def _fold_flattened_transposes(graph: onnx.GraphProto) -> None:
    """Flatten(Transpose(x)) · W = Flatten(x) · W with its rows in the stored order."""
    from onnx import numpy_helper

    producer = {value: node for node in graph.node for value in node.output}
    readers = _readers(graph)
    shapes = _shapes(graph)
    for node in list(graph.node):
        transpose = producer.get(node.input[0]) if node.op_type == "Flatten" else None
        if transpose is None or transpose.op_type != "Transpose":
            continue
        gemms = readers[node.output[0]]
        order = list(transpose.attribute[0].ints)
        sizes = shapes.get(transpose.output[0], [])
        if order[0] != 0 or not all(sizes[1:]) or len(gemms) != 1 or not sizes:
            continue
        weights = _arrays(graph, [gemms[0].input[1]]) if _is_gemm(gemms[0]) else None
        if weights is None:
            continue
        back = np.argsort(order)
        rows = weights[0].reshape(*sizes[1:], -1)
        moved = rows.transpose(*(back[1:] - 1), rows.ndim - 1).reshape(weights[0].shape)
        name = f"{gemms[0].name}/kernel"
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(moved), name))
        gemms[0].input[1] = name
        node.input[0] = transpose.input[0]


def _is_gemm(node: onnx.NodeProto) -> bool:
    return getattr(node, "op_type", "") == "Gemm" and not node.attribute


def _shapes(graph: onnx.GraphProto) -> dict[str, list[int]]:
    """The shapes that the graph notes; 0 for an open dimension."""
    return {
        value.name: [int(dim.dim_value) for dim in value.type.tensor_type.shape.dim]
        for value in graph.value_info
    }

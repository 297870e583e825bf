"""Constant parts of a graph, worked out once at export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from throughline.export.graph.rewriting import rename_values, replace_items, subgraphs

if TYPE_CHECKING:
    import onnx

# A folded constant may not be larger than this (number of values): the file would grow.
LARGEST_FOLDED = 4096
# Operators whose result differs from run to run.
RANDOM = frozenset({"RandomNormal", "RandomUniform", "Multinomial", "Bernoulli", "Dropout"})


def fold_constants(model: onnx.ModelProto) -> None:
    """Turn `Constant` nodes into initialisers, drop `Identity`, work out small constant parts."""
    _lift_constants(model.graph)
    _drop_identities(model.graph)
    _evaluate(model)


def _lift_constants(graph: onnx.GraphProto) -> None:
    from onnx import numpy_helper

    kept = []
    for node in graph.node:
        attribute = node.attribute[0] if node.op_type == "Constant" and node.attribute else None
        if attribute is None or attribute.name not in _CONSTANT_TYPES:
            kept.append(node)
            continue
        if attribute.name == "value":
            tensor = attribute.t
        else:
            value, dtype = _CONSTANT_TYPES[attribute.name]
            tensor = numpy_helper.from_array(np.array(getattr(attribute, value), dtype))
        graph.initializer.add().CopyFrom(tensor)
        graph.initializer[-1].name = node.output[0]
    replace_items(graph.node, kept)


_CONSTANT_TYPES: dict[str, tuple[str, type]] = {
    "value": ("t", object),
    "value_int": ("i", np.int64),
    "value_ints": ("ints", np.int64),
    "value_float": ("f", np.float32),
    "value_floats": ("floats", np.float32),
}


def _drop_identities(graph: onnx.GraphProto) -> None:
    """Let readers of an `Identity` read its input, unless it gives an output of the graph."""
    outputs = {output.name for output in graph.output}
    source: dict[str, str] = {}
    kept = []
    for node in graph.node:
        if node.op_type == "Identity" and node.domain == "" and node.output[0] not in outputs:
            source[node.output[0]] = source.get(node.input[0], node.input[0])
        else:
            kept.append(node)
    replace_items(graph.node, kept)
    rename_values(graph, source)


def _evaluate(model: onnx.ModelProto) -> None:
    """Replace standard nodes that read only small constants by their results."""
    from onnx import numpy_helper

    graph = model.graph
    public = {value.name for value in (*graph.input, *graph.output)}
    known = {
        tensor.name: tensor
        for tensor in graph.initializer
        if int(np.prod(tensor.dims)) <= LARGEST_FOLDED and tensor.name not in public
    }
    kept = []
    for node in graph.node:
        results = None
        constant = bool(node.input) and all(value in known for value in node.input if value)
        if constant and _foldable(node, known) and not public.intersection(node.output):
            results = _results(model, node, [known[value] for value in node.input if value])
        if results is None:
            kept.append(node)
            continue
        for name, array in zip(node.output, results, strict=True):
            tensor = numpy_helper.from_array(np.asarray(array), name)
            graph.initializer.append(tensor)
            known[name] = tensor
    replace_items(graph.node, kept)


def _foldable(node: onnx.NodeProto, known: Mapping[str, onnx.TensorProto]) -> bool:
    fixed = node.domain == "" and node.op_type not in RANDOM and not any(subgraphs(node))
    return fixed and not _is_widened(node, known)


def _is_widened(node: onnx.NodeProto, known: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether a node makes weights, which a file keeps in a smaller precision, large again."""
    from onnx import TensorProto

    if node.op_type == "DequantizeLinear":
        return True
    half: bool = known[node.input[0]].data_type == TensorProto.FLOAT16
    return node.op_type == "Cast" and half


def _results(
    model: onnx.ModelProto, node: onnx.NodeProto, constants: list[onnx.TensorProto]
) -> list[np.ndarray] | None:
    """The node's outputs by ONNX' reference evaluator; None where they are too large."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = helper.make_graph([node], "constant", [], outputs, constants)
    opsets = [opset for opset in model.opset_import if opset.domain == ""]
    single = helper.make_model(graph, opset_imports=opsets, ir_version=model.ir_version)
    results: list[np.ndarray] = ReferenceEvaluator(single).run(None, {})
    return results if sum(np.size(array) for array in results) <= LARGEST_FOLDED else None

"""One form for equal models: the same graph and weights give the same bytes.

What would tell two equal exports apart is the order in which nodes were made, names that came
from counters, notes about the producer, and the order of a protocol message's maps. All of that
is replaced by what the graph itself says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from throughline.export.graph.rewriting import (
    drop_dead,
    every_node,
    fresh_name,
    read_values,
    rename_values,
    replace_items,
    subgraphs,
)
from throughline.export.registry import snake_case, supported

if TYPE_CHECKING:
    import onnx


def canonical(model: onnx.ModelProto) -> onnx.ModelProto:
    """The canonical form of a model.

    Nodes stand in the order in which a walk from the outputs, in their order, first needs them.
    Names are the layer's, as given by a person or numbered anew in that order, then the
    operator's. Inputs and outputs keep names and order. Initialisers and metadata are sorted by
    name, notes about inner values and producers are left out.

    Args:
        model: any model; it stays as it is.

    Returns:
        A new model that computes the same.
    """
    import onnx

    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    drop_dead(graph)
    _order_nodes(graph)
    _name_anew(graph)
    _strip(result)
    _merge_equal_constants(graph)
    replace_items(graph.initializer, sorted(graph.initializer, key=lambda t: str(t.name)))
    replace_items(result.metadata_props, sorted(result.metadata_props, key=lambda p: str(p.key)))
    replace_items(result.opset_import, _used_opsets(result))
    return result


def canonical_bytes(model: onnx.ModelProto) -> bytes:
    """The canonical form as the bytes of a file; equal for equal models in any process."""
    data: bytes = canonical(model).SerializeToString(deterministic=True)
    return data


def _order_nodes(graph: onnx.GraphProto) -> None:
    """Sort nodes by a walk from the outputs back through each node's inputs, in their order."""
    producer = {value: node for node in graph.node for value in node.output if value}
    done: set[int] = set()
    ordered: list[onnx.NodeProto] = []
    stack = [(producer[o.name], False) for o in reversed(graph.output) if o.name in producer]
    while stack:
        node, entered = stack.pop()
        if id(node) in done:
            continue
        if entered:
            done.add(id(node))
            ordered.append(node)
            continue
        stack.append((node, True))
        needed = [producer[value] for value in read_values(node) if value in producer]
        stack.extend((other, False) for other in reversed(needed) if id(other) not in done)
    replace_items(graph.node, ordered)


def _name_anew(graph: onnx.GraphProto) -> None:
    """Names from layers and operators, numbered in the order of the nodes."""
    public = {value.name for value in (*graph.input, *graph.output)}
    taken = set(public)
    layers = _Numbering(set())
    names: dict[str, str] = {}
    automatic = {snake_case(name) for name in supported()}
    used_layers: dict[str, str] = {}
    used_nodes = _Numbering(taken)
    constants = {tensor.name for tensor in graph.initializer} - public
    for node in graph.node:
        path = node.name.split("/")[:-1]
        layer = "/".join(_layer_name(path, depth, used_layers, layers, automatic)
                         for depth in range(len(path)))  # fmt: skip
        node.name = used_nodes.next(f"{layer}/{node.op_type}" if layer else node.op_type)
        for place, value in enumerate(node.output):
            if value and value not in public:
                names[value] = node.name if len(node.output) == 1 else f"{node.name}:{place}"
        for place, value in enumerate(_inner_values(node)):
            names[value] = f"{node.name}#{place}"
        for place, value in enumerate(node.input):
            if value in constants and value not in names:
                names[value] = f"{node.name}.{_input_name(node, place)}"
    rename_values(graph, names)


def _inner_values(node: onnx.NodeProto) -> list[str]:
    """The values made in the graphs inside a node, in their order."""
    found: dict[str, None] = {}
    for graph in subgraphs(node):
        found.update((value.name, None) for value in (*graph.input, *graph.initializer))
        for inner in graph.node:
            found.update((value, None) for value in inner.output if value)
            found.update((value, None) for value in _inner_values(inner))
            inner.name = ""
    return list(found)


class _Numbering:
    """Numbers repeated names: name, name_1, name_2."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken

    def next(self, name: str) -> str:
        """`name`, or `name` with the first free number."""
        candidate = fresh_name(name, self._taken)
        self._taken.add(candidate)
        return candidate


def _layer_name(
    path: list[str], depth: int, used: dict[str, str], layers: _Numbering, automatic: set[str]
) -> str:
    """One part of a node's path; a name that Keras numbered is numbered anew within its parent."""
    parent = "/".join(path[:depth])
    key = "/".join(path[: depth + 1])
    if key not in used:
        base = re.sub(r"_\d+$", "", path[depth])
        name = base if base in automatic else path[depth]
        used[key] = layers.next(f"{parent}/{name}").rpartition("/")[2]
    return used[key]


def _input_name(node: onnx.NodeProto, place: int) -> str:
    """The operator's own name for an input, or its number."""
    import onnx

    if not onnx.defs.has(node.op_type, node.domain):
        return str(place)
    formal = onnx.defs.get_schema(node.op_type, domain=node.domain).inputs
    if (
        place < len(formal)
        and formal[place].option != onnx.defs.OpSchema.FormalParameterOption.Variadic
    ):
        return str(formal[place].name)
    return str(place)


def _strip(model: onnx.ModelProto) -> None:
    """Remove notes that say how or when the model was made, and sort what has no order."""
    for field in ("producer_name", "producer_version", "doc_string", "domain"):
        model.ClearField(field)
    model.ClearField("model_version")
    graph = model.graph
    for field in ("doc_string", "value_info", "quantization_annotation", "metadata_props"):
        graph.ClearField(field)
    graph.name = "model"
    for node in graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
        replace_items(node.attribute, sorted(node.attribute, key=lambda a: str(a.name)))
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
            if attribute.HasField("t"):
                attribute.t.ClearField("doc_string")
    for value in (*graph.input, *graph.output):
        value.ClearField("doc_string")
    for tensor in graph.initializer:
        _raw(tensor)


def _raw(tensor: onnx.TensorProto) -> None:
    """The same tensor with its values as raw bytes, the one of several forms that we write."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_type != TensorProto.STRING and not tensor.HasField("raw_data"):
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
    tensor.ClearField("doc_string")


def _merge_equal_constants(graph: onnx.GraphProto) -> None:
    """Keep one of several initialisers with the same type, shape and values."""
    public = {value.name for value in (*graph.input, *graph.output)}
    first: dict[bytes, str] = {}
    same: dict[str, str] = {}
    by_name = {tensor.name: tensor for tensor in graph.initializer}
    order = dict.fromkeys(v for node in graph.node for v in read_values(node) if v in by_name)
    for name in order:
        if name in public:
            continue
        tensor = type(by_name[name])()
        tensor.CopyFrom(by_name[name])
        tensor.name = ""
        same[name] = first.setdefault(tensor.SerializeToString(deterministic=True), name)
    kept = [
        tensor for tensor in graph.initializer if same.get(tensor.name, tensor.name) == tensor.name
    ]
    replace_items(graph.initializer, kept)
    rename_values(graph, same)


def _used_opsets(model: onnx.ModelProto) -> list[onnx.OperatorSetIdProto]:
    """The operator sets that nodes use, and the standard one, sorted by domain."""
    used = {""} | {node.domain for node in every_node(model.graph)}
    used |= {function.domain for function in model.functions}
    found = [opset for opset in model.opset_import if opset.domain in used]
    return sorted(found, key=lambda opset: str(opset.domain))

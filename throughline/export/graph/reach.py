"""How old a runtime may be: the lowest versions of the operator sets that mean what was written.

A file says the versions of its operator sets and of its format once, for all nodes, and a runtime
refuses what is newer than itself before it looks at a node. Between two versions most operators
only gain types and settings, so what a graph really needs is read off onnx' own schemas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from throughline.errors import ThroughlineError, listed
from throughline.export.graph.rewriting import every_node, subgraphs

if TYPE_CHECKING:
    import onnx

# No file is written for less: below, the signatures of operators do not say what changed.
# Every onnxruntime that Python 3.11 can install takes both.
LOWEST = {"": 18, "ai.onnx.ml": 3}
# Later versions whose signature equals the one before while the meaning, or what a setting may
# be, does not: scales by channel instead of by group; `half_pixel_symmetric`; `wrap`.
CHANGED_MEANING = frozenset({("GroupNormalization", 21), ("Resize", 19), ("Pad", 19)})
# The first onnxruntime that takes files of these operator sets and this format, as tried with real
# ones (`tests/export/runtimes/test_runtimes.py` tries it again): version, standard operators,
# operators of machine learning, format. 1.15 reads operator set 19 but cannot compare texts, which
# came with it.
RUNTIMES = (
    ("1.15", 18, 3, 9),
    ("1.17", 20, 4, 9),
    ("1.18", 21, 5, 10),
    ("1.21", 22, 5, 10),
    ("1.23", 23, 5, 11),
    ("1.24", 25, 5, 13),
    ("1.25", 26, 5, 13),
)
# Larger constants tell nothing about types or shapes; a copy of them would cost memory.
LARGEST_COPIED = 1024

Types = Mapping[str, "onnx.TypeProto"]


class UnknownOperator(ThroughlineError, ValueError):
    """An operator that no runtime has; change the layer that was written so."""


def lower(model: onnx.ModelProto) -> onnx.ModelProto:
    """Write, in place, the lowest operator sets and format that a model's nodes need.

    Returns:
        The same model.

    Raises:
        UnknownOperator: a node that neither onnx nor onnxruntime knows at the model's versions.
    """
    from onnx import helper

    _check_operators(model)
    versions = lowest(model)
    for opset in model.opset_import:
        opset.version = versions.get(_domain(opset.domain), opset.version)
    model.ir_version = helper.find_min_ir_version_for(model.opset_import, ignore_unknown=True)
    return model


def lowest(model: onnx.ModelProto) -> dict[str, int]:
    """The lowest version of each operator set of onnx that a model names.

    Below the version that the model declares, a node's operator must have its settings, as many
    inputs and outputs, the same defaults and the types of the values it works on.
    """
    declared = {d: version for d, version in _declared(model).items() if d in LOWEST}
    if model.functions:
        # Their values have no types before they stand in the graph.
        return declared
    found = {domain: min(LOWEST[domain], version) for domain, version in declared.items()}
    for node, types in _typed_nodes(model):
        if node.domain in declared:
            version = _lowest_of(node, types, declared[node.domain])
            found[node.domain] = max(found[node.domain], version)
    return found


def oldest_runtime(model: onnx.ModelProto) -> str:
    """The oldest onnxruntime that takes a file of these versions, such as "1.18".

    Newer ones take it too. A file that needs more than any that was tried names the next one.
    """
    declared = _declared(model)
    needs = (declared.get("", 0), declared.get("ai.onnx.ml", 0), int(model.ir_version))
    for version, *takes in RUNTIMES:
        if all(need <= most for need, most in zip(needs, takes, strict=True)):
            return version
    return f"newer than {RUNTIMES[-1][0]}"


def _declared(model: onnx.ModelProto) -> dict[str, int]:
    return {_domain(opset.domain): int(opset.version) for opset in model.opset_import}


def _domain(name: str) -> str:
    """A domain by its one name; the standard one has two."""
    return "" if name == "ai.onnx" else name


def _lowest_of(node: onnx.NodeProto, types: Types, declared: int) -> int:
    """The lowest version at which a node means what it does at the declared one."""
    import onnx

    schema = onnx.defs.get_schema(node.op_type, declared, node.domain)
    floor = LOWEST[node.domain]
    while schema.since_version > floor:
        if (node.op_type, schema.since_version) in CHANGED_MEANING:
            break
        before = schema.since_version - 1
        if not onnx.defs.has(node.op_type, before, node.domain):
            break
        older = onnx.defs.get_schema(node.op_type, before, node.domain)
        if not _means_the_same(node, types, older, schema):
            break
        schema = older
    return min(max(int(schema.since_version), floor), declared)


def _means_the_same(
    node: onnx.NodeProto, types: Types, older: onnx.defs.OpSchema, newer: onnx.defs.OpSchema
) -> bool:
    settings = {attribute.name for attribute in node.attribute}
    if older.deprecated or not settings <= set(older.attributes):
        return False
    if not (
        older.min_input <= len(node.input) <= older.max_input
        and older.min_output <= len(node.output) <= older.max_output
    ):
        return False
    left = set(older.attributes) - settings
    if any(name not in newer.attributes for name in left) or any(
        older.attributes[name].default_value != newer.attributes[name].default_value
        for name in left
    ):
        return False
    return _takes(node.input, older.inputs, newer.inputs, older, types) and _takes(
        node.output, older.outputs, newer.outputs, older, types
    )


def _takes(
    values: object,
    older: list[onnx.defs.OpSchema.FormalParameter],
    newer: list[onnx.defs.OpSchema.FormalParameter],
    schema: onnx.defs.OpSchema,
    types: Types,
) -> bool:
    """Whether an operator takes the values of a node in their places, by their types."""
    for place, value in enumerate(values):  # type: ignore[var-annotated, arg-type]
        formal = older[min(place, len(older) - 1)]
        if formal.name != newer[min(place, len(newer) - 1)].name:
            return False
        if value and _type_name(types.get(value)) not in formal.types:
            return False
    return True


def _type_name(kind: onnx.TypeProto | None) -> str:
    """A type as schemas write it, such as `tensor(float)`; "" for an unknown one."""
    from onnx import TensorProto

    if kind is None or not kind.HasField("tensor_type"):
        return ""
    name = TensorProto.DataType.Name(kind.tensor_type.elem_type).lower()
    return f"tensor({name})"


def _typed_nodes(model: onnx.ModelProto) -> Iterator[tuple[onnx.NodeProto, Types]]:
    """Every node, those of the graphs inside nodes included, with the types of what it sees."""
    from onnx import shape_inference

    typed = shape_inference.infer_shapes(_outline(model)).graph
    yield from zip(
        every_node(model.graph), (types for _, types in _with_types(typed, {})), strict=True
    )


def _with_types(graph: onnx.GraphProto, outer: Types) -> Iterator[tuple[onnx.NodeProto, Types]]:
    from onnx import helper

    types = dict(outer)
    for tensor in graph.initializer:
        types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.WhichOneof("value"):
            types[value.name] = value.type
    for node in graph.node:
        yield node, types
        for inner in subgraphs(node):
            yield from _with_types(inner, types)


def _outline(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model as far as its types need it, node for node, those inside others included.

    Large constants become inputs. What an operator of onnxruntime's own gives, of which onnx knows
    nothing, has the type of what it reads first, in an unknown shape: true of texts and their
    tokens and of numbers; where it were not, the file would not load, and every file is. (A value
    without a type inside a branch makes onnx' inference crash.)
    """
    import onnx
    from onnx import helper

    unknown_shape = "outline/shape"
    outline = onnx.ModelProto(ir_version=model.ir_version)
    outline.opset_import.extend(model.opset_import)
    outline.graph.name = "outline"
    outline.graph.input.extend(model.graph.input)
    outline.graph.input.append(helper.make_tensor_value_info(unknown_shape, 7, None))
    outline.graph.output.extend(model.graph.output)
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= LARGEST_COPIED:
            outline.graph.initializer.append(tensor)
        else:
            info = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            outline.graph.input.append(info)
    outline.graph.node.extend(model.graph.node)
    for node in every_node(outline.graph):
        if not onnx.defs.has(node.op_type, node.domain) and node.input and not any(subgraphs(node)):
            reading = [node.input[0], unknown_shape]
            node.CopyFrom(helper.make_node("Reshape", reading, node.output[:1]))
    return outline


def _check_operators(model: onnx.ModelProto) -> None:
    """Refuse what the fallback leaves where it has no ONNX for an operation of TensorFlow."""
    import onnx
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    declared = _declared(model)
    own = {(function.domain, function.name) for function in model.functions}
    others = {(s.domain, s.name) for s in native.get_all_operator_schema()}
    unknown = {
        f"{node.domain or 'ai.onnx'}.{node.op_type}": node.name
        for node in every_node(model.graph)
        if (node.domain, node.op_type) not in own
        and not (
            onnx.defs.has(node.op_type, declared.get(node.domain, 0), node.domain)
            if node.domain in LOWEST
            else node.domain in declared and (node.domain, node.op_type) in others
        )
    }
    if unknown:
        raise UnknownOperator(
            "Operators that a runtime has",
            listed(f"{operator} (node {node})" for operator, node in sorted(unknown.items())),
            "Write the layer with operations that have an ONNX form, or give it a converter "
            "(throughline.export.registry.converts)",
        )

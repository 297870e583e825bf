"""From collected nodes to a checked ONNX model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

    from throughline.export.graph.tensor import Tensor

# The newest file format that onnxruntime 1.31 loads.
IR_VERSION = 13

# Operators whose outputs may each be left out, which saves computing them.
OPTIONAL_OUTPUTS = frozenset({"RNN", "GRU", "LSTM"})


def assemble(
    name: str,
    opset: int,
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, np.ndarray],
    types: Mapping[str, onnx.TypeProto],
    inputs: Sequence[Tensor],
    outputs: Sequence[tuple[str, Tensor]],
    metadata: Mapping[str, str],
) -> onnx.ModelProto:
    """The model of these nodes, without what no output needs.

    An output that is an input, a constant, or another output as well is copied by an
    `Identity`; every other output's value takes the output's name.
    """
    from onnx import helper, numpy_helper

    kept = list(nodes)
    renamed: dict[str, str] = {}
    computed = {value for node in kept for value in node.output}
    for output, tensor in outputs:
        if tensor.name in renamed or tensor.name not in computed:
            source = renamed.get(tensor.name, tensor.name)
            kept.append(helper.make_node("Identity", [source], [output], f"{output}/Identity"))
        else:
            renamed[tensor.name] = output
    kept = needed(kept, [renamed.get(t.name, t.name) for _, t in outputs], outputs, renamed)
    read = {value for node in kept for value in node.input}
    graph = helper.make_graph(
        kept,
        name,
        [helper.make_value_info(tensor.name, types[tensor.name]) for tensor in inputs],
        [helper.make_value_info(output, types[tensor.name]) for output, tensor in outputs],
        [numpy_helper.from_array(array, key) for key, array in constants.items() if key in read],
        value_info=[
            helper.make_value_info(value, types[value])
            for node in kept
            for value in node.output
            if value in types
        ],
    )

    domains = sorted({node.domain for node in kept} - {""})
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)
    helper.set_model_props(model, dict(sorted(metadata.items())))
    return model


def needed(
    nodes: Sequence[onnx.NodeProto],
    values: Sequence[str],
    outputs: Sequence[tuple[str, Tensor]],
    renamed: Mapping[str, str],
) -> list[onnx.NodeProto]:
    """The nodes that `outputs` need, in their order, with values renamed; copies of the rest."""
    import onnx

    wanted = {output for output, _ in outputs} | set(values)
    kept: list[onnx.NodeProto] = []
    for original in reversed(nodes):
        node = onnx.NodeProto()
        node.CopyFrom(original)
        node.input[:] = [renamed.get(value, value) for value in node.input]
        node.output[:] = [renamed.get(value, value) for value in node.output]
        if not wanted.intersection(node.output):
            continue
        if node.op_type in OPTIONAL_OUTPUTS:
            read = [value if value in wanted else "" for value in node.output]
            while not read[-1]:
                read.pop()
            del node.output[:]
            node.output.extend(read)
        wanted.update(node.input)
        kept.append(node)
    return kept[::-1]

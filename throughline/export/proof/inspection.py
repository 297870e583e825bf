"""A model file described in text: what goes in and out, what it is made of, a drawing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import MissingFile
from throughline.export.graph.rewriting import read_values

if TYPE_CHECKING:
    import onnx

LONGEST_METADATA = 100
MOST_DRAWN = 400


def describe(path: Path) -> str:
    """A description of an ONNX file for a person.

    Args:
        path: the file.

    Returns:
        Lines of text: size, oldest runtime, inputs, outputs, operators with counts, parameters,
        metadata, and a drawing of the graph.

    Raises:
        MissingFile: when there is no such file.
    """
    import onnx

    from throughline.export.graph.reach import oldest_runtime

    if not path.is_file():
        raise MissingFile("An ONNX file", str(path), "Run the export stage")
    model = onnx.load(str(path))
    graph = model.graph
    operators = Counter(_operator(node) for node in graph.node)
    parameters = sum(int(np.prod(tensor.dims)) for tensor in graph.initializer)
    opsets = ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in model.opset_import)
    lines = [
        f"{path}: {path.stat().st_size:,} bytes, {len(graph.node)} nodes, "
        f"{parameters:,} parameters",
        f"format {model.ir_version}, operator sets {opsets}: "
        f"onnxruntime {oldest_runtime(model)} or newer",
        "",
        "Inputs",
        *(f"  {_value(value)}" for value in graph.input),
        "Outputs",
        *(f"  {_value(value)}" for value in graph.output),
        "Operators",
        *(f"  {count:>4} × {name}" for name, count in sorted(operators.items())),
        "Metadata",
        *(f"  {p.key}: {_short(p.value)}" for p in model.metadata_props),
        "Graph",
        *(f"  {line}" for line in drawing(graph)),
    ]
    return "\n".join(lines)


def drawing(graph: onnx.GraphProto) -> list[str]:
    """The graph as lines of text, one per node, branches drawn at the left.

    A bar stands for each value that is still to be read. A node's line ends the bars of values
    that it reads last and begins those that it makes.
    """
    constants = {tensor.name for tensor in graph.initializer}
    remaining: Counter[str] = Counter()
    for node in graph.node:
        remaining.update({value for value in read_values(node) if value not in constants})
    remaining.update(output.name for output in graph.output)
    open_values: list[str] = []
    lines = []
    for value in graph.input:
        if remaining[value.name]:
            lines.append("│ " * len(open_values) + f"○ {_value(value)}")
            open_values.append(value.name)
    for node in list(graph.node)[:MOST_DRAWN]:
        reads = [v for v in dict.fromkeys(read_values(node)) if v in open_values]
        weights = [v for v in node.input if v in constants]
        bars = "".join("├─" if value in reads else "│ " for value in open_values)
        sizes = f"  [{', '.join(_sizes(graph, weights))}]" if weights else ""
        lines.append(f"{bars}● {node.name or _operator(node)} ({_operator(node)}){sizes}")
        remaining.subtract(reads)
        open_values = [value for value in open_values if remaining[value] > 0]
        open_values += [value for value in node.output if value and remaining[value] > 0]
    if len(graph.node) > MOST_DRAWN:
        lines.append(f"… {len(graph.node) - MOST_DRAWN} more nodes")
    return [*lines, *(f"◎ {_value(value)}" for value in graph.output)]


def _sizes(graph: onnx.GraphProto, names: list[str]) -> list[str]:
    shapes = {tensor.name: "×".join(map(str, tensor.dims)) or "1" for tensor in graph.initializer}
    return [shapes[name] for name in names]


def _operator(node: onnx.NodeProto) -> str:
    return f"{node.domain}.{node.op_type}" if node.domain else str(node.op_type)


def _value(value: onnx.ValueInfoProto) -> str:
    from onnx import TensorProto

    kind = value.type.tensor_type
    sizes = [d.dim_param or (str(d.dim_value) if d.HasField("dim_value") else "?")
             for d in kind.shape.dim]  # fmt: skip
    return f"{value.name}: {TensorProto.DataType.Name(kind.elem_type).lower()}[{', '.join(sizes)}]"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_METADATA else line[: LONGEST_METADATA - 1] + "…"

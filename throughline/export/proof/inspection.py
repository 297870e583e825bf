"""A model file described in text: what goes in and out, what it is made of, a drawing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.errors import printable
from throughline.export.graph.rewriting import read_values
from throughline.limits import guarded

if TYPE_CHECKING:
    import onnx

LONGEST_METADATA = 100
MOST_DRAWN = 400
LONGEST_LINE = 2000


def describe(path: Path) -> str:
    """A description of an ONNX file for a person.

    Args:
        path: the file.

    Returns:
        Lines of text: size, oldest runtime, inputs, outputs, operators with counts, parameters,
        metadata, and a drawing of the graph.
    """
    import onnx

    with guarded(str(path)):
        # Weights in files beside it are named by whoever made it, and nothing here needs them.
        model = onnx.load(str(path), load_external_data=False)
        return "\n".join(printable(line[:LONGEST_LINE]) for line in _lines(model, path))


def _lines(model: onnx.ModelProto, path: Path) -> list[str]:
    from throughline.export.graph.reach import oldest_runtime

    graph = model.graph
    operators = Counter(_operator(node) for node in graph.node)
    parameters = sum(math.prod(tensor.dims) for tensor in graph.initializer)
    opsets = ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in model.opset_import)
    return [
        f"{path}: {path.stat().st_size:,} bytes, {len(graph.node)} nodes, "
        f"{parameters:,} parameters",
        f"format {model.ir_version}, operator sets {opsets}: "
        f"onnxruntime {oldest_runtime(model)} or newer",
        "",
        "Inputs",
        *_few(f"  {_value(value)}" for value in graph.input),
        "Outputs",
        *_few(f"  {_value(value)}" for value in graph.output),
        "Operators",
        *_few(f"  {count:>4} × {name}" for name, count in sorted(operators.items())),
        "Metadata",
        *_few(f"  {_short(p.key)}: {_short(p.value)}" for p in model.metadata_props),
        "Graph",
        *(f"  {line}" for line in drawing(graph)),
    ]


def _few(lines: Iterable[str]) -> list[str]:
    """At most `MOST_DRAWN` lines: a hostile file holds millions."""
    found = list(islice(lines, MOST_DRAWN + 1))
    return [*found[:MOST_DRAWN], "  …"] if len(found) > MOST_DRAWN else found


def drawing(graph: onnx.GraphProto) -> list[str]:
    """The graph as lines of text, one per node, branches drawn at the left.

    A bar stands for each value that is still to be read. A node's line ends the bars of values
    that it reads last and begins those that it makes.
    """
    if len(graph.input) + len(graph.output) > MOST_DRAWN:
        return [f"… {len(graph.input)} inputs and {len(graph.output)} outputs are not drawn"]
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
        if len(open_values) > MOST_DRAWN:
            return [*lines, "… more values at once than can be drawn"]
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

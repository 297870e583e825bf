"""Small rewrites of a finished ONNX graph, shared by joining, folding and the canonical form."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs inside a node, such as the branches of an `If`."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def every_node(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """The nodes of a graph, each followed by those of the graphs inside it."""
    for node in graph.node:
        yield node
        for inner in subgraphs(node):
            yield from every_node(inner)


def read_values(node: onnx.NodeProto) -> Iterator[str]:
    """The values that a node reads, those of the graphs inside it included."""
    yield from (value for value in node.input if value)
    for graph in subgraphs(node):
        for inner in graph.node:
            yield from read_values(inner)
        yield from (output.name for output in graph.output)


def rename_values(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Give values of `graph`, and of the graphs inside it, the names that `names` has for them."""
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = names.get(sparse.values.name, sparse.values.name)
    for node in graph.node:
        node.input[:] = [names.get(value, value) for value in node.input]
        node.output[:] = [names.get(value, value) for value in node.output]
        for inner in subgraphs(node):
            rename_values(inner, names)


def fresh_name(name: str, taken: Collection[str]) -> str:
    """`name`, or `name` with the first number that makes it no name of `taken`."""
    number, candidate = 0, name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def drop_dead(graph: onnx.GraphProto) -> None:
    """Remove nodes, constants and notes about values that no output of `graph` needs."""
    wanted = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(read_values(node))
    replace_items(graph.node, kept[::-1])
    replace_items(graph.initializer, [t for t in graph.initializer if t.name in wanted])
    outputs = {value for node in graph.node for value in node.output}
    replace_items(graph.value_info, [v for v in graph.value_info if v.name in outputs])


def replace_items(field: Any, items: Sequence[Any]) -> None:
    """Set a repeated field of a protocol message; the items may come from the field itself."""
    copies = []
    for item in items:
        copy = type(item)()
        copy.CopyFrom(item)
        copies.append(copy)
    del field[:]
    field.extend(copies)

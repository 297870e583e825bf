"""The fitted preprocessing and the network as one graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.errors import ThroughlineError, listed
from throughline.export.graph.constants import fold_constants
from throughline.export.graph.rewriting import drop_dead, rename_values, subgraphs

if TYPE_CHECKING:
    import onnx

# From this version on, standard operators only gained types and optional settings; a graph is
# raised by writing the newer number. Older graphs go through onnx' version converter.
RAISED_BY_NUMBER = 21


class UnmatchedGraphs(ThroughlineError, ValueError):
    """Preprocessing and network don't fit; run prepare and train for the same pipeline file."""


def join(
    preprocess: onnx.ModelProto,
    network: onnx.ModelProto,
    keep: Sequence[str] = (),
    inner: bool = False,
) -> onnx.ModelProto:
    """One model: the preprocessing, then the network.

    An output of the preprocessing feeds the network's input of the same name; where their types
    differ a cast stands between. Other inputs of the network, such as states, stay inputs.
    Outputs are the network's. Names that both graphs use are told apart.

    Args:
        preprocess: from raw rows to arrays.
        network: from arrays to predictions.
        keep: outputs of `preprocess` that stay outputs, such as states. Default: none.
        inner: whether more follows, so that an output that is called like a raw input gets another
            name. Default: false.

    Returns:
        The joined model, at the newer opset and format of the two, without dead nodes.

    Raises:
        UnmatchedGraphs: when no output feeds the network, or a raw input and an output of the
            network have one name.
    """
    import onnx
    from onnx import helper

    shared = [v.name for v in network.graph.input if v.name in _names(preprocess.graph.output)]
    both = _names(preprocess.graph.input) & _names(network.graph.output)
    _check(network, preprocess, shared, set() if inner else both)
    first, second = _aligned(preprocess, network)
    taken = (_names(network.graph.input) | _names(network.graph.output)) - both
    fixed = _names(first.graph.input) | set(shared) | set(keep)
    _tell_apart(first.graph, second.graph, taken, fixed)
    casts = _casts(first.graph, second.graph, shared)
    graph = onnx.GraphProto(name=network.graph.name)
    for part in (first.graph, second.graph):
        for field in ("initializer", "value_info", "sparse_initializer"):
            getattr(graph, field).extend(getattr(part, field))
    graph.node.extend(first.graph.node)
    graph.node.extend(casts)
    graph.node.extend(second.graph.node)
    graph.input.extend(first.graph.input)
    # A raw column may feed both, as where a predicted change is laid on the last value.
    given = {*shared, *_names(first.graph.input)}
    graph.input.extend(value for value in second.graph.input if value.name not in given)
    graph.output.extend(second.graph.output)
    graph.output.extend(value for value in first.graph.output if value.name in keep)
    model = helper.make_model(graph, ir_version=first.ir_version)
    del model.opset_import[:]
    model.opset_import.extend(_opsets(first, second))
    model.functions.extend([*first.functions, *second.functions])
    props = {p.key: p.value for part in (first, second) for p in part.metadata_props}
    helper.set_model_props(model, dict(sorted(props.items())))
    fold_constants(model)
    drop_dead(model.graph)
    return model


def _names(values: object) -> set[str]:
    return {value.name for value in values}  # type: ignore[attr-defined]


def _check(
    network: onnx.ModelProto, preprocess: onnx.ModelProto, shared: list[str], both: set[str]
) -> None:
    if not shared:
        raise UnmatchedGraphs(
            f"Preprocessing that gives an input of the network "
            f"({listed(v.name for v in network.graph.input)})",
            listed(v.name for v in preprocess.graph.output),
            "Run prepare and train for the same pipeline file",
        )
    if both:
        raise UnmatchedGraphs(
            "Columns must be called otherwise than the model's answers",
            listed(sorted(both)),
            "Give the column another name in the data, or leave it out",
        )


def _aligned(
    preprocess: onnx.ModelProto, network: onnx.ModelProto
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Copies of both models at the newer opset and format of the two."""
    import onnx

    target = max(_opset(preprocess), _opset(network))
    version = max(preprocess.ir_version, network.ir_version)
    copies = []
    for model in (preprocess, network):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        if _opset(copy) < RAISED_BY_NUMBER:
            copy = onnx.version_converter.convert_version(copy, target)
        for opset in copy.opset_import:
            if opset.domain == "":
                opset.version = target
        copy.ir_version = version
        copies.append(copy)
    return copies[0], copies[1]


def _opset(model: onnx.ModelProto) -> int:
    return max(
        (int(o.version) for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1
    )


def _opsets(*models: onnx.ModelProto) -> list[onnx.OperatorSetIdProto]:
    """The operator sets of several models, the newest version of each, sorted by domain."""
    from onnx import helper

    newest: dict[str, int] = {}
    for model in models:
        for opset in model.opset_import:
            domain = "" if opset.domain == "ai.onnx" else opset.domain
            newest[domain] = max(newest.get(domain, 0), int(opset.version))
    return [helper.make_opsetid(domain, newest[domain]) for domain in sorted(newest)]


def _tell_apart(
    first: onnx.GraphProto, second: onnx.GraphProto, public: set[str], fixed: set[str]
) -> None:
    """Rename inner values and nodes of the two graphs that share a name.

    Args:
        first: the preprocessing; its inner values give way to the network's public names.
        second: the network; its inner values give way to the preprocessing's raw inputs.
        public: names of the network's inputs and outputs, which stay.
        fixed: names of the preprocessing's inputs and joined outputs, which stay.
    """
    inner_second = _values(second) - public
    taken = _values(first) | _values(second)

    def renamed(name: str, prefix: str) -> str:
        while name in taken:
            name = f"{prefix}/{name}"
        taken.add(name)
        return name

    clashing = sorted((_values(first) - fixed) & _values(second))
    new_first = {name: renamed(name, "preprocess") for name in clashing}
    clashing = sorted(inner_second & fixed)
    new_second = {name: renamed(name, "network") for name in clashing}
    rename_values(first, new_first)
    rename_values(second, new_second)
    nodes = {node.name for node in second.node if node.name}
    for node in first.node:
        if node.name in nodes:
            node.name = f"preprocess/{node.name}"


def _values(graph: onnx.GraphProto) -> set[str]:
    """The names of all values of a graph and of the graphs inside it."""
    found = _names(graph.input) | _names(graph.output) | _names(graph.initializer)
    for node in graph.node:
        found.update(value for value in (*node.input, *node.output) if value)
        for inner in subgraphs(node):
            found |= _values(inner)
    return found


def _casts(
    first: onnx.GraphProto, second: onnx.GraphProto, shared: list[str]
) -> list[onnx.NodeProto]:
    """A cast for each joined value whose type differs; the preprocessing's value is renamed."""
    from onnx import helper

    given = {value.name: value.type.tensor_type.elem_type for value in first.output}
    casts = []
    for value in second.input:
        kind = value.type.tensor_type.elem_type
        if value.name in shared and given[value.name] != kind:
            raw = f"{value.name}/raw"
            rename_values(first, {value.name: raw})
            casts.append(
                helper.make_node("Cast", [raw], [value.name], f"{value.name}/Cast", to=kind)
            )
    return casts

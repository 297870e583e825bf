"""A network as the pipeline file writes it: read into entries, every name checked.

Nothing here imports Keras, so `throughline check` stays quick.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from throughline.errors import BadPipeline, ThroughlineError, listed
from throughline.training.network import catalogue

OUTPUT = "Output"
# Layers of Keras that no network here can have: what it should be, and what to use.
REFUSED = {
    "Lambda": (
        "a layer that can be stored; a Lambda holds code",
        "Use a layer of Keras, or 'network: package.module:function' with keras.ops",
    ),
    "AugMix": (
        "a layer that draws anew for each batch; AugMix draws its operations once a process, "
        "from a source that no seed reaches",
        "Use RandAugment, or the single Random... layers",
    ),
}
# A layer of the graph once more, on another tensor; see `build`.
SHARED = "Shared"
# Layers of ours, whose classes lie in throughline/training/network/positions.py.
OURS = {"AddPositions": ["kind", "embeddings_initializer", "name"]}
# What a layer is told when it is called, written among its arguments.
CALLED = {
    "use_causal_mask": (
        "AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention",
    ),
}  # fmt: skip
# Layers that somebody else trained; see throughline/training/network/pretrained.py.
PRETRAINED = "Pretrained"
NESTED = ("layer", "forward_layer", "backward_layer", "cell")
OBJECTS = {
    "_initializer": "initializers",
    "_regularizer": "regularizers",
    "_constraint": "constraints",
}
OUTPUT_ARGUMENTS = (
    "activation",
    "use_bias",
    "kernel_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "bias_constraint",
    "name",
)


class BadNetwork(BadPipeline):
    """The `network:` section is wrong; mend the entry that the message names."""


@dataclass(frozen=True)
class Entry:
    """One layer of the network.

    Args:
        kind: name of the Keras layer, or `Output`.
        arguments: its arguments as written.
        position: where it stands, for messages: `network[2].Dense`.
        name: its name in a graph. Default: none.
        sources: the layers it follows in a graph. Default: the layer before it.
    """

    kind: str
    arguments: Mapping[str, Any]
    position: str
    name: str | None = None
    sources: tuple[str, ...] = ()


def entries(network: list[Any] | dict[str, Any]) -> list[Entry]:
    """The network's layers in order.

    Args:
        network: a list of layers, or a mapping with `layers`, a list whose members may also say
            `name` and `from`.

    Returns:
        One entry a layer; names are not checked yet.

    Raises:
        BadNetwork: where the shape of an entry is wrong.
    """
    if isinstance(network, list):
        return [_entry(item, f"network[{i}]", graph=False) for i, item in enumerate(network)]
    if not isinstance(network, dict) or set(network) != {"layers"}:
        raise BadNetwork(
            "network should be a list of layers, a mapping with the one key 'layers', "
            "or 'package.module:function'",
            network,
        )
    if not isinstance(network["layers"], list):
        raise BadNetwork("network.layers should be a list of layers", network["layers"])
    return [
        _entry(item, f"network.layers[{i}]", graph=True) for i, item in enumerate(network["layers"])
    ]


def carries_state(network: list[Any] | dict[str, Any] | str) -> bool:
    """Whether a recurrent layer is `stateful`: its state goes on from one window to the next."""
    if isinstance(network, str):
        return False
    return any(entry.arguments.get("stateful") for entry in entries(network))


def _entry(item: Any, position: str, graph: bool) -> Entry:
    if isinstance(item, str):
        return Entry(item, {}, f"{position}.{item}")
    wiring = {"name", "from"} if graph else set()
    kinds = [key for key in item if key not in wiring] if isinstance(item, dict) else []
    if len(kinds) != 1:
        raise BadNetwork(
            f"{position} should be a layer's name or one layer with its arguments",
            item,
            "Write, for example, - Dense: {units: 64, activation: relu}",
        )
    kind = str(kinds[0])
    arguments = {} if item[kinds[0]] is None else item[kinds[0]]
    if not isinstance(arguments, dict):
        raise BadNetwork(
            f"{position}.{kind} should have its arguments as a mapping",
            arguments,
            f"Write, for example, - {kind}: {{argument: value}}",
        )
    return Entry(kind, arguments, f"{position}.{kind}", *_wiring(item, position))


def _wiring(item: Mapping[str, Any], position: str) -> tuple[str | None, tuple[str, ...]]:
    """The name of a layer in a graph, if it has one, and the names of those it follows."""
    name, sources = item.get("name"), item.get("from", [])
    if not isinstance(name, str | None):
        raise BadNetwork(f"{position}.name should be a text", name)
    # YAML reads the name of a column `2020` as a number.
    sources = [sources] if isinstance(sources, str | int) else sources
    if not isinstance(sources, list) or not all(isinstance(each, str | int) for each in sources):
        raise BadNetwork(
            f"{position}.from should be the name of an input or an earlier layer, or a list",
            sources,
        )
    return name, tuple(str(each) for each in sources)


def check(network: list[Any] | dict[str, Any] | str) -> list[str]:
    """Problems with the names of layers and arguments, found without importing Keras.

    Args:
        network: the `network:` section of a pipeline file.

    Returns:
        One sentence a problem; empty when every name is known.
    """
    if isinstance(network, str):
        return [] if ":" in network else [str(_bad_reference(network))]
    try:
        listing = entries(network)
        found = [problem for entry in listing for problem in problems(entry)]
        return [str(problem) for problem in (*found, *_further_outputs(listing))]
    except ThroughlineError as error:
        return [str(error)]


def _further_outputs(listing: Sequence[Entry]) -> Iterator[BadNetwork]:
    """A pipeline has one task; a second output would be trained for nothing."""
    for entry in [entry for entry in listing if entry.kind == OUTPUT][1:]:
        yield BadNetwork(
            f"{entry.position} should be the only output: a pipeline has one task, one loss and "
            "one answer",
            None,
            "Name several columns as the target of one regression or multilabel task, or make a "
            "pipeline for each task",
        )


def problems(entry: Entry) -> Iterator[BadNetwork]:
    """Every unknown name in one layer, its wrapped layers and its named objects."""
    if entry.kind == PRETRAINED:
        from throughline.training.network.pretrained import checked

        try:
            checked(entry.arguments, entry.position)
        except BadNetwork as error:
            yield error
        return
    if entry.kind in REFUSED:
        expected, remedy = REFUSED[entry.kind]
        yield BadNetwork(f"{entry.position} should be {expected}", remedy=remedy)
        return
    layers = catalogue.read()["layers"] | OURS
    if entry.kind == SHARED:
        yield from _shared_problems(entry)
        return
    if entry.kind != OUTPUT and entry.kind not in layers:
        prefix = entry.position.removesuffix(f".{entry.kind}")
        yield unknown(
            f"{prefix} should be a layer of keras.layers", entry.kind, [*layers, OUTPUT, SHARED]
        )
        return
    valid = list(OUTPUT_ARGUMENTS) if entry.kind == OUTPUT else layers[entry.kind]
    valid = [*valid, *(name for name, kinds in CALLED.items() if entry.kind in kinds)]
    for argument, value in entry.arguments.items():
        place = f"{entry.position}.{argument}"
        if argument not in valid:
            yield unknown(f"{place} should be an argument of {entry.kind}", str(argument), valid)
        elif argument in NESTED and isinstance(value, str | dict):
            yield from problems(nested(value, place))
        elif argument == "activation" and isinstance(value, str):
            yield from _unknown_activation(value, place)
        else:
            yield from _unknown_object(argument, value, place)


def _shared_problems(entry: Entry) -> Iterator[BadNetwork]:
    if set(entry.arguments) != {"layer"} or not isinstance(entry.arguments["layer"], str):
        yield BadNetwork(
            f"{entry.position} should name the layer that is called once more",
            dict(entry.arguments),
            "Write - Shared: {layer: NAME} with the name of an earlier layer",
        )


def nested(value: str | dict[str, Any], place: str) -> Entry:
    """The layer that a wrapper such as Bidirectional holds."""
    return _entry(value, place, graph=False)


def _unknown_activation(value: str, place: str) -> Iterator[BadNetwork]:
    valid = catalogue.read()["activations"]
    if value not in valid:
        yield unknown(f"{place} should be an activation of Keras", value, list(valid))


def _unknown_object(argument: str, value: Any, place: str) -> Iterator[BadNetwork]:
    kind = next((OBJECTS[ending] for ending in OBJECTS if argument.endswith(ending)), None)
    if kind is None or value is None:
        return
    names = catalogue.read()[kind]
    name = value if isinstance(value, str) else _only_key(value)
    if name is None:
        yield BadNetwork(f"{place} should be a name or {{name: arguments}}", value)
    elif folded(name) not in {folded(valid) for valid in names}:
        yield unknown(f"{place} should be one of Keras' {kind}", name, list(names))
    elif isinstance(value, dict) and isinstance(value[name], dict):
        valid = next(names[known] for known in names if folded(known) == folded(name))
        for key in value[name]:
            if key not in valid:
                yield unknown(f"{place}.{key} should be an argument of {name}", str(key), valid)


def folded(name: str) -> str:
    """A name without case and underscores: `he_normal` and `HeNormal` are one initialiser."""
    return name.replace("_", "").lower()


def _only_key(value: Any) -> str | None:
    return str(next(iter(value))) if isinstance(value, dict) and len(value) == 1 else None


def unknown(expected: str, received: str, valid: list[str]) -> BadNetwork:
    """An unknown name: the nearest valid one, and the valid ones."""
    known = {folded(name): name for name in valid}
    close = difflib.get_close_matches(folded(received), known, n=1, cutoff=0.6)
    guess = f"Did you mean '{known[close[0]]}'? " if close else ""
    return BadNetwork(expected, received, f"{guess}Valid: {listed(valid)}")


def _bad_reference(network: str) -> BadNetwork:
    return BadNetwork(
        "network should be a list of layers or 'package.module:function'",
        network,
        "Name the function after a colon, for example networks.captioner:build",
    )

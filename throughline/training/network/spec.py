"""A network as the pipeline file writes it: read into entries; `checks` knows their names.

Nothing here imports Keras, so `throughline check` stays quick.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from throughline.errors import BadPipeline, listed
from throughline.training.catalogue import catalogue
from throughline.training.catalogue.renamed import successor

OUTPUT = "Output"
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
# Layers that somebody else trained; see throughline/training/network/pretrained_layers.py.
PRETRAINED = "Pretrained"
# Arguments of every layer that are true or false.
BASE_TRUTHS = ("autocast", "trainable")
NESTED = ("layer", "forward_layer", "backward_layer", "cell")
OBJECTS = {
    "_initializer": "initializers",
    "_regularizer": "regularizers",
    "_constraint": "constraints",
}
OUTPUT_ARGUMENTS = (
    *("activation", "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer"),
    *("bias_regularizer", "kernel_constraint", "bias_constraint", "name"),
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


def given_name(entry: Entry) -> str | None:
    """The name that the file gives a layer, beside it or among its arguments."""
    name = entry.name or entry.arguments.get("name")
    return str(name) if name else None


def misplaced(kind: str, argument: str, value: Any, place: str) -> BadNetwork | None:
    """Why an argument of a class of Keras cannot be true or false, or a text; None where it can.

    Python takes `true` for 1, and Keras says of a text only when the layer is made that it is none.
    """
    if isinstance(value, bool) and not _takes_truth(kind, argument):
        return no_truth(place, value)
    if isinstance(value, str) and _takes(kind, argument, "numbers"):
        return BadNetwork(f"{place} should be a number", value)
    return None


def no_truth(place: str, value: bool) -> BadNetwork:
    """The error for an argument that is no truth value."""
    return BadNetwork(f"{place} should not be true or false", str(value).lower(), "Give its value")


def _takes_truth(kind: str, argument: str) -> bool:
    return argument in BASE_TRUTHS or argument in CALLED or _takes(kind, argument, "truths")


def _takes(kind: str, argument: str, what: str) -> bool:
    kind = "Dense" if kind == OUTPUT else kind
    return kind in catalogue.read()[what].get(argument, ())


def nested(value: str | dict[str, Any], place: str) -> Entry:
    """The layer that a wrapper such as Bidirectional holds."""
    return _entry(value, place, graph=False)


def folded(name: str) -> str:
    """A name without case and underscores: `he_normal` and `HeNormal` are one initialiser."""
    return name.replace("_", "").lower()


def unknown(expected: str, received: str, valid: list[str]) -> BadNetwork:
    """An unknown name: the nearest valid one, and the valid ones."""
    known = {folded(name): name for name in valid}
    nearest_argument = successor(received, known)
    if nearest_argument:
        return BadNetwork(expected, received, nearest_argument)
    close = difflib.get_close_matches(folded(received), known, n=1, cutoff=0.6)
    guess = f"Did you mean '{known[close[0]]}'? " if close else ""
    return BadNetwork(expected, received, f"{guess}Valid: {listed(valid)}")

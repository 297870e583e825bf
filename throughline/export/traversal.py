"""Calling layers in the order of a Sequential or Functional configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import ThroughlineError, listed
from throughline.export.graph.tensor import Tensor
from throughline.export.graph.weights import is_operation
from throughline.export.registry import Layer, Variables, required, snake_case, within

if TYPE_CHECKING:
    from throughline.export.graph.builder import Builder

Reference = tuple[str, int, int]
# In its call Keras 3.15 takes the masks off the tensors themselves, for all who read them later: of
# a residual connection around attention the sum has none.
TAKES_MASKS_OFF = ("MultiHeadAttention",)


class BrokenNetwork(ThroughlineError, ValueError):
    """The network's configuration contradicts itself; store it anew with `model.to_json()`."""


def run(
    configuration: Mapping[str, Any],
    inputs: Sequence[Tensor],
    variables: Variables,
    builder: Builder,
    prefix: str = "",
) -> list[Tensor]:
    """Write a network into the graph.

    Args:
        configuration: a Sequential or Functional network, as `to_json` describes it.
        inputs: one tensor per input of the network.
        variables: weights by path, as `read_weights` gives them.
        builder: the graph to write into.
        prefix: what the nodes' names begin with. Defaults to nothing.

    Returns:
        One tensor per output of the network.
    """
    config = configuration["config"]
    names = exported_names(config["layers"])
    if "output_layers" not in config:
        return _run_sequential(config["layers"], names, inputs, variables, builder, prefix)
    return _run_functional(config, names, inputs, variables, builder, prefix)


def called(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Tensor]:
    """The outputs of one call of a layer, masks included as Keras hands them on."""
    first = layer.arguments.get("args", inputs[:1])[:1]
    previous = layer.mask if layer.mask is not None else _mask_of(first)
    with builder.scope(layer.name.rpartition("/")[2]):
        if "layers" in layer.config:
            masked = [inputs[0].masked(previous), *inputs[1:]]
            return run({"config": layer.config}, masked, layer.variables, builder)
        registration = required(layer)
        result = registration.convert(layer, inputs, builder)
    outputs = result if isinstance(result, list) else [result]
    if layer.class_name.startswith("ops."):
        # Masks travel from layer to layer; an operation between two of them drops them.
        return [tensor.masked(None) for tensor in outputs]
    if registration.passes_mask:
        return [tensor.masked(tensor.mask or previous) for tensor in outputs]
    return outputs


def references(structure: Any) -> list[Reference]:
    """The (layer, call, output) triples in a configuration's list of inputs or outputs."""
    if isinstance(structure, Mapping):
        return [found for part in structure.values() for found in references(part)]
    if len(structure) == 3 and isinstance(structure[0], str):
        return [(structure[0], structure[1], structure[2])]
    return [found for part in structure for found in references(part)]


def exported_names(layers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The name that each layer has in the ONNX graph.

    Keras numbers layers that were given no name by a counter of the process ("dense_7"). They
    are numbered anew in the network's own order, so that the same network has the same names;
    a name that a person gave stays.
    """
    given = {layer["config"]["name"] for layer in layers if not _is_automatic(layer)}
    names = {name: name for name in given}
    for layer in layers:
        if not _is_automatic(layer):
            continue
        base = snake_case(layer["class_name"])
        number, name = 0, base
        while name in given or name in names.values():
            number += 1
            name = f"{base}_{number}"
        names[layer["config"]["name"]] = name
    return names


def _is_automatic(layer: Mapping[str, Any]) -> bool:
    base = re.escape(snake_case(layer["class_name"]))
    return re.fullmatch(rf"{base}(_\d+)?", layer["config"]["name"]) is not None


def _run_sequential(
    layers: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
    inputs: Sequence[Tensor],
    variables: Variables,
    builder: Builder,
    prefix: str,
) -> list[Tensor]:
    tensors = list(inputs)
    for item in layers:
        if item["class_name"] != "InputLayer":
            layer = _layer(item, names, variables, prefix, {}, tensors[0].mask)
            tensors = called(layer, tensors, builder)
    return tensors


def _run_functional(
    config: Mapping[str, Any],
    names: Mapping[str, str],
    inputs: Sequence[Tensor],
    variables: Variables,
    builder: Builder,
    prefix: str,
) -> list[Tensor]:
    known: dict[Reference, Tensor] = dict(
        zip(references(config["input_layers"]), inputs, strict=True)
    )
    waiting = list(_calls(config["layers"]))
    while waiting:
        blocked = []
        for item, index, call in waiting:
            if not all(reference in known for reference in _needs(call)):
                blocked.append((item, index, call))
                continue
            arguments = _resolved(call["kwargs"], known, builder)
            arguments["args"] = _resolved(call["args"], known, builder)
            mask = arguments.pop("mask", None)
            read = [tensor for key, tensor in _tensors(arguments) if not key.endswith("mask")]
            if isinstance(mask, list):
                # One mask per tensor of the first argument.
                pairs = zip(arguments["args"][0], mask, strict=True)
                arguments["args"][0] = [tensor.masked(part) for tensor, part in pairs]
                read = [tensor for key, tensor in _tensors(arguments)]
                mask = None
            if mask is None:
                mask = _mask_of_only_tensor(arguments)
            layer = _layer(item, names, variables, prefix, arguments, mask)
            for number, tensor in enumerate(called(layer, read, builder)):
                known[(item["config"]["name"], index, number)] = tensor
            if item["class_name"] in TAKES_MASKS_OFF:
                taken = {tensor.name for tensor in read}
                for reference, tensor in known.items():
                    if tensor.name in taken:
                        known[reference] = tensor.masked(None)
        if len(blocked) == len(waiting):
            raise BrokenNetwork(
                "Every layer's inputs come from another layer of the network",
                listed(item["config"]["name"] for item, _, _ in blocked),
                "Store the network anew with model.to_json()",
            )
        waiting = blocked
    # Among a network's outputs, and only there, Keras counts the construction of a functional
    # network inside it as that one's first call (`get_tensor` in keras/src/models/functional.py).
    functional = {
        item["config"]["name"] for item in config["layers"] if "input_layers" in item["config"]
    }
    return [
        known[(name, index - (name in functional), number)]
        for name, index, number in references(config["output_layers"])
    ]


def _layer(
    item: Mapping[str, Any],
    names: Mapping[str, str],
    variables: Variables,
    prefix: str,
    arguments: Mapping[str, Any],
    mask: Tensor | None,
) -> Layer:
    name = item["config"]["name"]
    return Layer(
        name=prefix + names[name],
        class_name=("ops." if is_operation(item) else "") + item["class_name"],
        config=item["config"],
        variables=within(variables, name),
        arguments=arguments,
        mask=mask,
    )


def _calls(
    layers: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[Mapping[str, Any], int, Mapping[str, Any]]]:
    for layer in layers:
        for index, call in enumerate(layer["inbound_nodes"]):
            yield layer, index, call


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__"


def _needs(value: Any) -> Iterator[Reference]:
    if _is_tensor(value):
        yield tuple(value["config"]["keras_history"])
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _needs(part)
    elif isinstance(value, list):
        for part in value:
            yield from _needs(part)


def _resolved(value: Any, known: Mapping[Reference, Tensor], builder: Builder) -> Any:
    """Call arguments with tensors of the graph in the place of references and of tables."""
    if _is_tensor(value):
        return known[tuple(value["config"]["keras_history"])]
    if isinstance(value, Mapping):
        kind, config = value.get("class_name"), value.get("config")
        if kind in ("__numpy__", "__tensor__") and isinstance(config, Mapping):
            # Keras' layers compute in float32, whatever NumPy made of a table.
            dtype = "float32" if "float" in config["dtype"] else config["dtype"]
            return builder.constant(np.array(config["value"], dtype))
        if kind == "__tuple__":
            return [_resolved(part, known, builder) for part in value["items"]]
        return {key: _resolved(part, known, builder) for key, part in value.items()}
    if isinstance(value, list):
        return [_resolved(part, known, builder) for part in value]
    return value


def _tensors(value: Any, key: str = "") -> Iterator[tuple[str, Tensor]]:
    """Tensors among call arguments, positional ones first, with their argument's name."""
    if isinstance(value, Tensor):
        yield key, value
    elif isinstance(value, Mapping):
        for name in sorted(value, key=lambda name: name != "args"):
            yield from _tensors(value[name], name)
    elif isinstance(value, list):
        for part in value:
            yield from _tensors(part, key)


def _mask_of_only_tensor(arguments: Mapping[str, Any]) -> Tensor | None:
    """The mask that Keras fills in where one argument alone holds tensors.

    It is filled in anew in every call: where a network inside the network made the mask, the
    configuration has none for the layers behind it.
    """
    others = (value for key, value in arguments.items() if key != "args")
    held = [value for value in (*arguments["args"], *others) if any(_tensors(value))]
    return _mask_of(held) if len(held) == 1 else None


def _mask_of(arguments: Sequence[Any]) -> Tensor | None:
    """The mask of the first positional argument; None for a list, whose layer merges masks."""
    first = arguments[0] if arguments else None
    return first.mask if isinstance(first, Tensor) else None

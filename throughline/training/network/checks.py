"""Every name of a network checked without importing Keras, so that `throughline check` is quick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from throughline.errors import ThroughlineError
from throughline.names import is_reference
from throughline.training.catalogue import catalogue
from throughline.training.catalogue.refused import REFUSED
from throughline.training.network import spec
from throughline.training.network.spec import (
    CALLED,
    NESTED,
    OBJECTS,
    OURS,
    OUTPUT,
    OUTPUT_ARGUMENTS,
    PRETRAINED,
    SHARED,
    BadNetwork,
    Entry,
)

# What Keras lists as activations and no layer of it can take.
NO_ACTIVATIONS = {
    "glu": "glu halves the last axis, which the layer behind it is not told",
    "threshold": "threshold needs two numbers more",
}


def check(network: list[Any] | dict[str, Any] | str, targets: Sequence[str] = ()) -> list[str]:
    """Problems with the names of layers and arguments, found without importing Keras.

    Args:
        network: the `network:` section of a pipeline file.
        targets: the names of several targets. Default: there is one.

    Returns:
        One sentence a problem; empty when every name is known.
    """
    if isinstance(network, str):
        return [] if ":" in network else [str(_bad_reference(network))]
    try:
        listing = spec.entries(network)
        found = [problem for entry in listing for problem in problems(entry)]
        found += [*_lone_cells(listing), *repeated_names(listing, ()), *_outputs(listing, targets)]
        return [str(problem) for problem in found]
    except ThroughlineError as error:
        return [str(error)]


def repeated_names(listing: Sequence[Entry], taken: Iterable[str]) -> Iterator[BadNetwork]:
    """Layers whose name an input or another layer has.

    Args:
        listing: the layers.
        taken: names of the inputs.
    """
    seen = set(taken)
    for entry in listing:
        name = spec.given_name(entry)
        if name in seen:
            yield BadNetwork(
                f"{entry.position} should have a name that no input or other layer has", name
            )
        if name:
            seen.add(name)


def _lone_cells(listing: Sequence[Entry]) -> Iterator[BadNetwork]:
    for entry in listing:
        if entry.kind.endswith("Cell") and entry.kind in catalogue.read()["layers"]:
            whole = entry.kind.removesuffix("Cell")
            yield BadNetwork(
                f"{entry.position} should be a layer; a cell is one step of a recurrent layer",
                remedy=f"Write {whole} with the same arguments, or RNN: {{cell: {entry.kind}}}",
            )


def with_outputs(listing: Sequence[Entry], outputs: Sequence[str]) -> list[Entry]:
    """The layers with those outputs that a file leaves to be added at the end.

    Args:
        listing: the layers of the file.
        outputs: the names of the outputs.

    Raises:
        BadNetwork: some of several outputs stand in the file, and others do not.
    """
    if len(outputs) == 1:
        ends = any(entry.kind == OUTPUT or entry.arguments.get("answers") for entry in listing)
        return [*listing] if ends else [*listing, Entry(OUTPUT, {}, "network.Output")]
    for problem in _outputs(listing, outputs):
        raise problem
    if any(entry.kind == OUTPUT for entry in listing):
        return [*listing]
    return [*listing, *(Entry(OUTPUT, {}, f"network.{name}", name) for name in outputs)]


def _outputs(listing: Sequence[Entry], targets: Sequence[str]) -> Iterator[BadNetwork]:
    """Outputs that no target asks for, and targets without one where others have theirs."""
    own = [entry for entry in listing if entry.kind == OUTPUT]
    if not targets:
        # A second output would be trained for nothing.
        for entry in own[1:]:
            yield BadNetwork(
                f"{entry.position} should be the only output: a pipeline of one target has one "
                "task, one loss and one answer",
                None,
                "Name several under 'targets', each with its task and loss, or several columns as "
                "the target of one regression or multilabel task",
            )
        return
    for entry in own:
        if entry.name not in targets:
            yield spec.unknown(
                f"{entry.position}: an output should have the name of its target beside it",
                str(entry.name),
                list(targets),
            )
        if "name" in entry.arguments:
            yield BadNetwork(
                f"{entry.position}.name should stand beside the output, not inside",
                entry.arguments["name"],
                "Write - Output: {}, and name: TARGET below it",
            )
    named = {entry.name for entry in own}
    for name in targets if own else ():
        if name not in named:
            yield BadNetwork(
                f"network should have an output of every target, or of none: none is '{name}'",
                remedy="Write - Output: {}, with name: "
                f"{name} and from: the layer that it follows; without any, all follow the last",
            )
    for entry in listing:
        if entry.arguments.get("answers"):
            yield BadNetwork(
                f"{entry.position}.answers should not be set: several targets have outputs of "
                "their own"
            )


def problems(entry: Entry) -> Iterator[BadNetwork]:
    """Every unknown name in one layer, its wrapped layers and its named objects."""
    if entry.kind == PRETRAINED:
        from throughline.training.network.pretrained_layers import checked

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
    if is_reference(entry.kind):
        # Its arguments are known when its module is imported, which `check` never does.
        return
    if entry.kind != OUTPUT and entry.kind not in layers:
        prefix = entry.position.removesuffix(f".{entry.kind}")
        yield spec.unknown(
            f"{prefix} should be a layer of keras.layers", entry.kind, [*layers, OUTPUT, SHARED]
        )
        return
    valid = list(OUTPUT_ARGUMENTS) if entry.kind == OUTPUT else layers[entry.kind]
    valid = [*valid, *(name for name, kinds in CALLED.items() if entry.kind in kinds)]
    for argument, value in entry.arguments.items():
        place = f"{entry.position}.{argument}"
        if argument not in valid:
            yield spec.unknown(
                f"{place} should be an argument of {entry.kind}", str(argument), valid
            )
        elif wrong := spec.misplaced(entry.kind, argument, value, place):
            yield wrong
        elif argument in NESTED and isinstance(value, str | dict):
            yield from problems(spec.nested(value, place))
        elif argument in NESTED:
            yield BadNetwork(f"{place} should be one layer with its arguments", value)
        elif argument == "return_state" and value:
            yield BadNetwork(
                f"{place} should be left out: a layer hands one tensor on, not its states, too",
                value,
                "Write 'network: package.module:function' where states begin another layer",
            )
        elif argument.endswith("activation") and value is not None:
            yield from _bad_activation(value, place)
        else:
            yield from _unknown_object(argument, value, place)


def _shared_problems(entry: Entry) -> Iterator[BadNetwork]:
    if set(entry.arguments) != {"layer"} or not isinstance(entry.arguments["layer"], str):
        yield BadNetwork(
            f"{entry.position} should name the layer that is called once more",
            dict(entry.arguments),
            "Write - Shared: {layer: NAME} with the name of an earlier layer",
        )


def _bad_activation(value: Any, place: str) -> Iterator[BadNetwork]:
    valid = [name for name in catalogue.read()["activations"] if name not in NO_ACTIVATIONS]
    if not isinstance(value, str):
        yield BadNetwork(
            f"{place} should be the name of an activation",
            value,
            "Write one that has arguments as the next layer, such as - LeakyReLU: "
            "{negative_slope: 0.3}",
        )
    elif value in NO_ACTIVATIONS:
        yield BadNetwork(
            f"{place} should be another activation: {NO_ACTIVATIONS[value]}",
            value,
            f"Use keras.ops.{value} in a 'network: package.module:function'",
        )
    elif value not in valid:
        yield spec.unknown(f"{place} should be an activation of Keras", value, valid)


def _unknown_object(argument: str, value: Any, place: str) -> Iterator[BadNetwork]:
    kind = next((OBJECTS[ending] for ending in OBJECTS if argument.endswith(ending)), None)
    if kind is None or value is None:
        return
    names = catalogue.read()[kind]
    name = value if isinstance(value, str) else _only_key(value)
    if name is None:
        yield BadNetwork(f"{place} should be a name or {{name: arguments}}", value)
    elif is_reference(name):
        return
    elif spec.folded(name) not in {spec.folded(valid) for valid in names}:
        yield spec.unknown(f"{place} should be one of Keras' {kind}", name, list(names))
    elif isinstance(value, dict) and isinstance(value[name], dict):
        known = next(known for known in names if spec.folded(known) == spec.folded(name))
        for key, given in value[name].items():
            if key not in names[known]:
                expected = f"{place}.{key} should be an argument of {name}"
                yield spec.unknown(expected, str(key), names[known])
            elif wrong := spec.misplaced(known, str(key), given, f"{place}.{key}"):
                yield wrong
    elif isinstance(value, dict) and isinstance(value[name], bool):
        yield spec.no_truth(f"{place}.{name}", value[name])


def _only_key(value: Any) -> str | None:
    return str(next(iter(value))) if isinstance(value, dict) and len(value) == 1 else None


def _bad_reference(network: str) -> BadNetwork:
    return BadNetwork(
        "network should be a list of layers or 'package.module:function'",
        network,
        "Name the function after a colon, for example networks.captioner:build",
    )

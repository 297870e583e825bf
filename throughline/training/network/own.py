"""Code of the user's own: networks, losses and metrics that `package.module:name` names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import ThroughlineError, listed
from throughline.pipeline.own_code import own_function
from throughline.training.catalogue.refused import REFUSED
from throughline.training.network.heads import side_by_side
from throughline.training.network.spec import BadNetwork
from throughline.training.private_keras import (
    every_layer,
    is_functional,
    named_outputs,
    without_frame,
)

if TYPE_CHECKING:
    import keras

    from throughline.training.network.build import Output, Shape

RETURN = "Return keras.Model(inputs, outputs) of keras.Input(shape, name=name) for each input"
LONGEST_REASON = 300


def reason_of(error: Exception) -> str:
    """What an error of somebody's code says, in one line."""
    return " ".join(without_frame(error).split())[:LONGEST_REASON]


def imported(reference: str, place: str) -> Any:
    """What `package.module:name` names, imported from the project's root.

    Args:
        reference: as the pipeline file has it.
        place: its key, for messages.

    Raises:
        BadPipeline: it is none of the project's own, or there is none.
        BadNetwork: its module does not run.
    """
    try:
        return own_function(reference, Path.cwd(), place)
    except ThroughlineError:
        raise
    except Exception as error:
        raise BadNetwork(
            f"{place} should name a module that can be imported",
            reference,
            f"{type(error).__name__}: {error}",
        ) from error


def registered(reference: str, place: str) -> Any:
    """A class of the user's own that Keras can store: a layer, an initializer, a constraint.

    Raises:
        BadNetwork: no class, or one that Keras could not read again.
    """
    import keras

    found = imported(reference, place)
    if not inspect.isclass(found):
        raise BadNetwork(f"{place}: {reference} should be a class", type(found).__name__)
    if keras.saving.get_registered_object(keras.saving.get_registered_name(found)) is not found:
        raise BadNetwork(
            f"{place}: {reference} should be registered, so that Keras can read it again",
            remedy="Write @keras.saving.register_keras_serializable('own') above it",
        )
    return found


def network(
    reference: str,
    inputs: Mapping[str, Shape],
    outputs: Sequence[Output],
    dtypes: Mapping[str, str],
) -> keras.Model:
    """The network that a user's function makes, held against what it was asked for.

    Args:
        reference: the function, `package.module:name`.
        inputs: shape of a row of every input.
        outputs: units, activation and name of the last layer; the function is given one as it is,
            and several by their names.
        dtypes: type of an input's numbers, where a Sequential network leaves it open.

    Returns:
        A functional network whose inputs are named like `inputs`.

    Raises:
        BadNetwork: the function fails, or returns something else.
    """
    function: Callable[..., Any] = imported(reference, "network")
    try:
        result = function(dict(inputs), *_asked(outputs))
    except Exception as error:
        reason = reason_of(error)
        raise BadNetwork(
            f"network: {reference} should return a network and raises {type(error).__name__}",
            remedy=reason,
        ) from error
    model = _functional(result, reference, inputs, dtypes)
    _fits(model, reference, inputs)
    model = _joined(model, reference, outputs)
    _can_be_stored(model, reference)
    return model


def _functional(
    result: Any, reference: str, inputs: Mapping[str, Shape], dtypes: Mapping[str, str]
) -> keras.Model:
    """A functional network; a Sequential one of a single input is called on it."""
    import keras

    if isinstance(result, keras.Sequential) and len(inputs) == 1:
        ((name, shape),) = inputs.items()
        start = end = keras.Input(shape, dtype=dtypes.get(name, "float32"), name=name)
        try:
            for layer in result.layers:
                end = layer(end)
        except (TypeError, ValueError) as error:
            reason = reason_of(error)
            raise BadNetwork(
                f"network: {reference} should fit rows of shape {shape}", None, reason
            ) from error
        return keras.Model(start, end, name=result.name)
    if is_functional(result):
        return result
    what = "a Sequential network" if isinstance(result, keras.Sequential) else type(result).__name__
    raise BadNetwork(f"network: {reference} should return a functional network", what, RETURN)


def _asked(outputs: Sequence[Output]) -> list[Any]:
    return [{each.name: each for each in outputs}] if len(outputs) > 1 else list(outputs)


def _joined(model: keras.Model, reference: str, outputs: Sequence[Output]) -> keras.Model:
    """The network with its named outputs side by side, in the order of the targets."""
    import keras

    if len(outputs) == 1:
        if len(model.outputs) == 1:
            return model
        raise BadNetwork(
            f"network: {reference} should return a network with one output",
            f"{len(model.outputs)} outputs",
            "Name several under 'targets', each with its task and loss",
        )
    found = named_outputs(model)
    names = [each.name for each in outputs]
    if sorted(found) != sorted(names):
        raise BadNetwork(
            f"network: {reference} should return a network with the outputs {listed(names)}",
            listed(sorted(found)),
            "Return keras.Model(inputs, {name: tensor for each target})",
        )
    for name in names:
        of_rows(found[name], name, f"network: {reference}")
    name = next(n for n in ("output", "outputs", "outputs_of_all") if n not in _layers(model))
    answers = side_by_side([found[name] for name in names], name)
    return keras.Model(model.inputs, answers, name=model.name)


def _layers(model: keras.Model) -> set[str]:
    return {layer.name for layer in model.layers}


def of_rows(output: Any, name: str, place: str) -> None:
    """Refuse an output of one target of several that is more than numbers for a row.

    Raises:
        BadNetwork: it has another rank than 2.
    """
    if len(output.shape) != 2:
        raise BadNetwork(
            f"{place}: the output '{name}' should be numbers for a row, of shape (rows, units)",
            str(tuple(output.shape)),
            "Put a Flatten or a pooling layer before it",
        )


def _fits(model: keras.Model, reference: str, inputs: Mapping[str, Shape]) -> None:
    found = {tensor.name.split(":")[0]: tuple(tensor.shape[1:]) for tensor in model.inputs}
    asked = {name: tuple(shape) for name, shape in inputs.items()}
    if found != asked:
        raise BadNetwork(f"network: {reference} should have the inputs {asked}", str(found), RETURN)


def _can_be_stored(model: keras.Model, reference: str) -> None:
    """Refuse what no file can hold, before anything is trained.

    A Lambda holds code, which Keras refuses to read again and no converter can translate.
    """
    import keras

    for layer in every_layer(model):
        if type(layer) in (keras.layers.Lambda, keras.layers.AugMix):
            expected, _ = REFUSED[type(layer).__name__]
            raise BadNetwork(
                f"network: {reference}: layer '{layer.name}' should be {expected}",
                remedy="Use keras.ops on the tensor, a layer of Keras, or a layer of your own",
            )
    try:
        keras.models.model_from_json(model.to_json())
    except Exception as error:
        reason = reason_of(error)
        raise BadNetwork(
            f"network: {reference} should be made of layers that can be stored",
            type(error).__name__,
            f"Layers of your own need get_config and @keras.saving.register_keras_serializable: "
            f"{reason}",
        ) from error


def judge(reference: str, arguments: Mapping[str, Any], place: str, wrapper: Any) -> Any:
    """A loss or a metric of the user's own.

    Args:
        reference: a class of Keras' kind, or a function of target and prediction,
            `package.module:name`.
        arguments: of the class, or further ones of the function.
        place: its key, for messages.
        wrapper: the class of Keras that makes a loss or metric of a function.

    Raises:
        BadNetwork: it cannot be made.
    """
    found = imported(reference, place)
    given = dict(arguments)
    name = str(given.pop("name", reference.rpartition(":")[2]))
    try:
        layer: Any = found(**given) if inspect.isclass(found) else wrapper(found, **given)
    except Exception as error:
        reason = reason_of(error)
        raise BadNetwork(f"{place}: {reference} could not be made", given, reason) from error
    layer.name = name
    return layer

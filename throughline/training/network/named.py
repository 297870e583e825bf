"""Keras objects made by their name and arguments; what Keras refuses is said in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from throughline.names import is_reference
from throughline.training.catalogue import catalogue
from throughline.training.network import own, spec
from throughline.training.network.spec import BadNetwork
from throughline.training.private_keras import without_frame

LONGEST_REASON = 300


def named_object(kind: str, value: dict[str, Any], place: str) -> Any:
    """A Keras object from `{Name: {argument: value}}` or, for one argument, `{Name: value}`.

    Args:
        kind: the module of Keras it lives in, for example `regularizers`.
        value: a mapping with one key.
        place: where it stands in the pipeline file, for messages.

    Returns:
        The object.
    """
    import keras

    ((name, given),) = value.items()
    if is_reference(name):
        return construct(own.registered(name, place), given or {}, f"{place}: {name}")
    names = catalogue.read()[kind]
    known = next(valid for valid in names if spec.folded(valid) == spec.folded(name))
    arguments = (
        given if isinstance(given, dict) else {} if given is None else {names[known][0]: given}
    )
    module = keras.optimizers.schedules if kind == "schedules" else getattr(keras, kind)
    return construct(getattr(module, known), arguments, f"{place}.{known}")


def construct(cls: Callable[..., Any], arguments: dict[str, Any], place: str) -> Any:
    try:
        return cls(**arguments)
    except Exception as error:
        raise BadNetwork(f"{place} could not be made: {first_line(error)}", arguments) from error


def first_line(error: Exception) -> str:
    """The first line of what an error of Keras says."""
    lines = (line.strip() for line in without_frame(error).splitlines())
    return next(filter(None, lines), type(error).__name__)[:LONGEST_REASON]

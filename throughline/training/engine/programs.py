"""Compiled programs, kept so that sweeps, sizes and refits of one architecture share them."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from throughline.training.engine.program import Program
from throughline.training.network.layers import KNOWN
from throughline.training.private_keras import every_layer

if TYPE_CHECKING:
    import keras

MOST_PROGRAMS = 4

_kept: OrderedDict[str, Program] = OrderedDict()


def shared(key: str | None, make: Callable[[], Program]) -> Program:
    """The program of a key, made when it is not there; the longest unused is given up.

    Args:
        key: from `key`; none when the program must not be shared.
        make: makes the program.

    Returns:
        The program.
    """
    if key is None:
        return make()
    if key not in _kept:
        _kept[key] = make()
        while len(_kept) > MOST_PROGRAMS:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]


def key(model: keras.Model, optimizer: Any, settings: list[Any]) -> str | None:
    """What decides which program is compiled.

    The learning rate is a variable of the optimizer, so a sweep over it compiles once.

    Args:
        model: the network.
        optimizer: a Keras optimizer.
        settings: all else, as JSON values.

    Returns:
        A text; none when a layer is not Keras' own, since its code is not part of its
        configuration.
    """
    import keras

    layers = every_layer(model)
    if any(not type(layer).__module__.startswith(KNOWN) for layer in layers):
        return None
    if any(type(layer).__name__ in ("Lambda", "TFSMLayer", "JaxLayer") for layer in layers):
        return None
    rule = optimizer.get_config()
    del rule["name"]  # Keras numbers it through the process.
    if not isinstance(rule["learning_rate"], dict):
        del rule["learning_rate"]
    policy = keras.config.dtype_policy().name
    network = model.to_json()
    return json.dumps([network, type(optimizer).__name__, rule, policy, settings], default=str)

"""Which function converts which Keras layer.

A layer of your own gets a converter in three lines:

    @converts("MyLayer")
    def my_layer(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
        return builder.elementwise("Mul", inputs[0], layer.config["factor"])
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import ThroughlineError

if TYPE_CHECKING:
    from throughline.export.graph.builder import Builder
    from throughline.export.graph.tensor import Tensor

Variables = Mapping[str, Sequence[np.ndarray]]


class UnsupportedLayer(ThroughlineError, NotImplementedError):
    """No converter can write this layer or this setting of it as native ONNX.

    Register a converter with `throughline.export.registry.converts`, or export the whole network
    through tf2onnx with `throughline.export.fallback.tf2onnx_graph`.
    """


class UnwritableLayer(UnsupportedLayer):
    """Nothing can write this layer, tf2onnx included: the remedy names what to use."""


@dataclass(frozen=True)
class Layer:
    """One call of a Keras layer: its configuration, weights and call arguments.

    Args:
        name: the name that its nodes carry.
        class_name: the Keras class.
        config: the layer's own configuration.
        variables: weights by path within the layer: "" is the layer itself, "cell" its cell.
        arguments: keyword arguments of the call, tensors included.
        mask: the mask that Keras would hand to the layer.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    variables: Variables = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    mask: Tensor | None = None

    def weights(self, part: str = "") -> list[np.ndarray]:
        """The weights of the layer, or of a part of it such as "cell", in Keras' order."""
        arrays = [np.asarray(array) for array in self.variables.get(part, [])]
        # Half-precision and double weights are computed with in single precision.
        return [a.astype(np.float32) if a.dtype.kind in "fV" else a for a in arrays]

    def part(self, key: str) -> Layer:
        """A layer inside this one, named in the configuration and the weights by `key`."""
        inner = self.config[key]
        return Layer(
            name=f"{self.name}/{key}",
            class_name=inner["class_name"],
            config=inner["config"],
            variables=within(self.variables, key),
        )

    def flag(self, key: str) -> bool:
        """A setting that is off where the configuration lacks it."""
        return bool(self.config.get(key, False))

    def unsupported(self, what: str) -> UnsupportedLayer:
        """The error for a setting that no ONNX operator has."""
        return UnsupportedLayer(
            f"Layer '{self.name}' ({self.class_name}) has a setting with a native ONNX form",
            what,
            "Change the setting, or build it of other layers",
        )


Converter = Callable[["Layer", "list[Tensor]", "Builder"], "Tensor | list[Tensor]"]


@dataclass(frozen=True)
class Registration:
    """A converter and whether its layer hands the first input's mask on to its outputs."""

    convert: Converter
    passes_mask: bool


_converters: dict[str, Registration] = {}
_refusals: dict[str, tuple[str, str]] = {}


def converts(*class_names: str, passes_mask: bool = False) -> Callable[[Converter], Converter]:
    """Register the decorated function as the converter of these Keras classes.

    Args:
        class_names: names of layer classes; "ops.Name" for an operation of `keras.ops`.
        passes_mask: True when the layer leaves the mask of its first input in place.
            Defaults to False.
    """

    def register(convert: Converter) -> Converter:
        for class_name in class_names:
            _converters[class_name] = Registration(convert, passes_mask)
        return convert

    return register


def refuses(*class_names: str, expected: str, remedy: str) -> None:
    """Say of Keras classes that nothing can write them.

    Args:
        class_names: names of layer classes.
        expected: what should stand there instead, and why, after "should be".
        remedy: what to use.
    """
    _refusals.update(dict.fromkeys(class_names, (expected, remedy)))


def refusal(class_name: str) -> tuple[str, str] | None:
    """What should stand instead of a class that nothing can write, and what to use; else None."""
    _load()
    return _refusals.get(class_name)


def converter(class_name: str) -> Registration | None:
    """The converter of a Keras class, or None."""
    _load()
    return _converters.get(class_name)


def supported() -> list[str]:
    """The Keras layer classes that have a converter, sorted."""
    _load()
    return sorted(name for name in _converters if not name.startswith("ops."))


def required(layer: Layer) -> Registration:
    """The converter of `layer`.

    Raises:
        UnwritableLayer: nothing can write it.
        UnsupportedLayer: when there is none; the message lists the classes that have one.
    """
    found = converter(layer.class_name)
    if refused := refusal(layer.class_name):
        expected, remedy = refused
        raise UnwritableLayer(f"Layer '{layer.name}' should be {expected}", remedy=remedy)
    if found is None:
        raise UnsupportedLayer(
            f"Layer '{layer.name}' is of a class with an ONNX converter",
            layer.class_name,
            "Register one with throughline.export.registry.converts, or build it of layers that "
            f"have one: {', '.join(supported())}",
        )
    return found


# The one class of a layer that Keras exports under another name than its own.
CALLED_OTHERWISE = {"GroupQueryAttention": "GroupedQueryAttention"}


def snake_case(class_name: str) -> str:
    """The name that Keras gives to the first layer of a class (`keras.src.utils.naming`)."""
    name = re.sub(r"\W+", "", CALLED_OTHERWISE.get(class_name, class_name))
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def within(variables: Variables, part: str) -> Variables:
    """The variables under `part`, by the rest of their path."""
    start = f"{part}/"
    found = {path[len(start) :]: v for path, v in variables.items() if path.startswith(start)}
    return {"": variables[part], **found} if part in variables else found


def _load() -> None:
    from throughline.export import converters

    for module in pkgutil.walk_packages(converters.__path__, f"{converters.__name__}."):
        importlib.import_module(module.name)

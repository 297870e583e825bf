"""Activation functions, by name and as layers.

Source: `keras/src/activations/activations.py` and `keras/src/backend/tensorflow/nn.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, UnsupportedLayer, converter, converts

Activation = Callable[[Builder, Tensor], Tensor]


def _operator(name: str, **attributes: Any) -> Activation:
    """An activation that is one ONNX operator."""
    return lambda builder, x: builder.elementwise(name, x, **attributes)


def softmax(builder: Builder, x: Tensor, axis: int = -1) -> Tensor:
    """Softmax along one of Keras' axes."""
    return builder.along("Softmax", x, axis)


def relu(
    builder: Builder,
    x: Tensor,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """Keras' general rectifier: `max_value` cuts above, `threshold` and a slope work below."""
    if negative_slope and max_value is None and not threshold:
        return builder.elementwise("LeakyRelu", x, alpha=negative_slope)
    if threshold:
        above = builder.elementwise("Greater", x, threshold)
        positive = builder.elementwise("Where", above, x, 0.0)
    else:
        positive = builder.elementwise("Relu", x)
    if max_value is not None:
        positive = builder.elementwise("Clip", positive, 0.0, max_value)
    if not negative_slope:
        return positive
    below = builder.elementwise("Relu", builder.elementwise("Sub", threshold, x))
    scaled = builder.elementwise("Mul", below, negative_slope)
    return builder.elementwise("Sub", positive, scaled)


def silu(builder: Builder, x: Tensor) -> Tensor:
    """x · sigmoid(x)."""
    return builder.elementwise("Mul", x, builder.elementwise("Sigmoid", x))


def hard_silu(builder: Builder, x: Tensor) -> Tensor:
    """x · relu6(x + 3) / 6."""
    return builder.elementwise("HardSwish", x)


def log_sigmoid(builder: Builder, x: Tensor) -> Tensor:
    """−softplus(−x)."""
    softplus = builder.elementwise("Softplus", builder.elementwise("Neg", x))
    return builder.elementwise("Neg", softplus)


def tanh_shrink(builder: Builder, x: Tensor) -> Tensor:
    """x − tanh(x)."""
    return builder.elementwise("Sub", x, builder.elementwise("Tanh", x))


def squareplus(builder: Builder, x: Tensor) -> Tensor:
    """(x + √(x² + 4)) / 2."""
    square = builder.elementwise("Add", builder.elementwise("Mul", x, x), 4.0)
    total = builder.elementwise("Add", x, builder.elementwise("Sqrt", square))
    return builder.elementwise("Mul", total, 0.5)


def sparse_plus(builder: Builder, x: Tensor) -> Tensor:
    """0 below −1, x above 1, (x + 1)² / 4 between."""
    inside = builder.elementwise("Clip", x, -1.0, 1.0)
    shifted = builder.elementwise("Add", inside, 1.0)
    curve = builder.elementwise("Mul", builder.elementwise("Mul", shifted, shifted), 0.25)
    return builder.elementwise("Where", builder.elementwise("Less", x, 1.0), curve, x)


def glu(builder: Builder, x: Tensor) -> Tensor:
    """The first half of the last axis times the sigmoid of the second half."""
    value, gate = builder.ops("Split", x, count=2, axis=-1, num_outputs=2)
    return builder.elementwise("Mul", value, builder.elementwise("Sigmoid", gate))


def sparsemax(builder: Builder, x: Tensor) -> Tensor:
    """Keras' sparsemax (after Martins and Astudillo, 2016) along the last axis."""
    size = x.size(-1)
    if size is None:
        raise UnsupportedLayer("Sparsemax over an axis of known length", x.shape)
    ordered, _ = builder.ops("TopK", x, np.array([size], np.int64), count=2, axis=-1)
    sums = builder.op("CumSum", ordered, np.array(-1, np.int64))
    places = np.arange(1, size + 1, dtype=np.float32)
    level = builder.op("Div", builder.op("Sub", sums, 1.0), places)
    inside = builder.op("Greater", ordered, level)
    axis = np.array([-1], np.int64)
    # Keras sums the running sums of the places inside, where the paper takes the last of them;
    # a network trained in Keras was trained with that.
    total = builder.op("ReduceSum", builder.op("Where", inside, sums, 0.0), axis)
    count = builder.op("ReduceSum", builder.cast(inside, "float32"), axis)
    threshold = builder.op("Div", builder.op("Sub", total, 1.0), count)
    return builder.op("Relu", builder.op("Sub", x, threshold))


ACTIVATIONS: Mapping[str, Activation] = {
    "celu": _operator("Celu", alpha=1.0),
    "elu": _operator("Elu", alpha=1.0),
    "exponential": _operator("Exp"),
    "gelu": _operator("Gelu"),
    "glu": glu,
    "hard_shrink": _operator("Shrink", lambd=0.5, bias=0.0),
    "hard_sigmoid": _operator("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "hard_tanh": lambda builder, x: builder.elementwise("Clip", x, -1.0, 1.0),
    "leaky_relu": _operator("LeakyRelu", alpha=0.2),
    "linear": lambda builder, x: x,
    "log_sigmoid": log_sigmoid,
    "log_softmax": lambda builder, x: builder.along("LogSoftmax", x, -1),
    "mish": _operator("Mish"),
    "relu": _operator("Relu"),
    "relu6": lambda builder, x: builder.elementwise("Clip", x, 0.0, 6.0),
    "selu": _operator("Selu"),
    "sigmoid": _operator("Sigmoid"),
    "silu": silu,
    "soft_shrink": _operator("Shrink", lambd=0.5, bias=0.5),
    "softmax": softmax,
    "softplus": _operator("Softplus"),
    "softsign": _operator("Softsign"),
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": _operator("HardSigmoid", alpha=0.5, beta=0.5),
    "sparsemax": sparsemax,
    "squareplus": squareplus,
    "swish": silu,
    "tanh": _operator("Tanh"),
    "tanh_shrink": tanh_shrink,
}


def activate(layer: Layer, x: Tensor, builder: Builder, key: str = "activation") -> Tensor:
    """`x` behind the activation that the layer's configuration names under `key`."""
    activation = layer.config.get(key)
    if isinstance(activation, Mapping):
        found = converter(activation["class_name"])
        if found is not None:
            inner = Layer(layer.name, activation["class_name"], activation["config"])
            result = found.convert(inner, [x], builder)
            return result[0] if isinstance(result, list) else result
        activation = activation.get("config")
    if activation is None:
        return x
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise layer.unsupported(f"{key}: {activation}")
    return ACTIVATIONS[activation](builder, x)


@converts("Activation", passes_mask=True)
def activation_layer(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Activation by name."""
    return activate(layer, builder.floating(inputs[0]), builder)


@converts("ReLU", passes_mask=True)
def relu_layer(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """ReLU with its limits."""
    config = layer.config
    return relu(
        builder,
        inputs[0],
        float(config.get("negative_slope") or 0.0),
        config.get("max_value"),
        float(config.get("threshold") or 0.0),
    )


@converts("LeakyReLU", passes_mask=True)
def leaky_relu_layer(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """LeakyReLU."""
    return builder.elementwise("LeakyRelu", inputs[0], alpha=float(layer.config["negative_slope"]))


@converts("ELU", passes_mask=True)
def elu_layer(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """ELU."""
    return builder.elementwise("Elu", inputs[0], alpha=float(layer.config["alpha"]))


@converts("PReLU", passes_mask=True)
def prelu_layer(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """PReLU: a learned slope, shared along some axes."""
    return builder.elementwise("PRelu", inputs[0], layer.weights()[0])


@converts("Softmax", passes_mask=True)
def softmax_layer(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Softmax along one axis; masked places get no weight."""
    axis, x = layer.config["axis"], inputs[0]
    if isinstance(axis, list):
        if len(axis) != 1:
            raise layer.unsupported(f"axis: {axis}")
        axis = axis[0]
    mask = layer.mask
    if mask is None:
        return softmax(builder, x, axis)
    # Keras' own order of work: a large negative number, and zeros after the softmax.
    weighted = softmax(builder, builder.elementwise("Where", mask, x, -1e9), axis)
    return builder.elementwise("Where", mask, weighted, 0.0)

"""Normalisation layers.

Source: `keras/src/layers/normalization`; the arithmetic follows `tf.nn.batch_normalization`.
"""

from __future__ import annotations

import numpy as np

from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts


@converts("BatchNormalization", passes_mask=True)
def batch_normalization(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Batch normalisation with the moving statistics of training."""
    x = builder.floating(inputs[0])
    gamma, beta, mean, variance = _statistics(layer)
    axis = _axes(layer, x.rank)[0]
    if x.order.index(axis) == 1:
        raw = builder.logical(x, range(x.rank))
        epsilon = float(layer.config["epsilon"])
        normal = builder.op("BatchNormalization", raw, gamma, beta, mean, variance, epsilon=epsilon)
        return builder.logical(normal, x.order)
    scale = gamma / np.sqrt(variance + np.float32(layer.config["epsilon"]))
    shape = [1] * (x.rank - axis)
    shape[0] = -1
    scaled = builder.elementwise("Mul", x, scale.reshape(shape))
    return builder.elementwise("Add", scaled, (beta - mean * scale).reshape(shape))


def _statistics(layer: Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scale, offset, mean and variance; ones and zeros for what the layer doesn't learn."""
    weights = list(layer.weights())
    learned = [weights.pop(0) for flag in ("scale", "center") if layer.flag(flag)]
    # What batch renormalisation keeps for training stands behind them.
    mean, variance = weights[:2]
    gamma = learned.pop(0) if layer.flag("scale") else np.ones_like(mean)
    beta = learned.pop(0) if layer.flag("center") else np.zeros_like(mean)
    return gamma, beta, mean, variance


def _axes(layer: Layer, rank: int) -> list[int]:
    """The normalised axes, from zero, sorted."""
    axis = layer.config["axis"]
    return sorted(number % rank for number in (axis if isinstance(axis, list) else [axis]))


@converts("LayerNormalization", passes_mask=True)
def layer_normalization(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Layer normalisation over the last axes."""
    x = builder.floating(inputs[0])
    axes = _axes(layer, x.rank)
    if axes != list(range(axes[0], x.rank)):
        raise layer.unsupported(f"axis: {layer.config['axis']}")
    sizes = [x.size(axis) or 1 for axis in axes]
    weights = layer.weights()
    epsilon = float(layer.config["epsilon"])
    if layer.flag("rms_scaling"):
        return _scaled_by_variance(x, weights[0], axes[0], epsilon, builder)
    gamma = weights.pop(0) if layer.flag("scale") else np.ones(sizes, np.float32)
    beta = weights.pop(0) if layer.flag("center") else None
    return builder.op("LayerNormalization", x, gamma, beta, axis=axes[0], epsilon=epsilon)


@converts("RMSNormalization", passes_mask=False)
def rms_normalization(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Division by the root of the mean square over the last axes."""
    x = builder.floating(inputs[0])
    axes = _axes(layer, x.rank)
    if axes != list(range(axes[0], x.rank)):
        raise layer.unsupported(f"axis: {layer.config['axis']}")
    epsilon = float(layer.config["epsilon"])
    return _root_mean_square(x, layer.weights()[0], axes[0], epsilon, builder)


def _root_mean_square(
    x: Tensor, scale: np.ndarray, axis: int, epsilon: float, builder: Builder
) -> Tensor:
    axes = np.arange(axis - x.rank, 0, dtype=np.int64)
    mean = builder.op("ReduceMean", builder.op("Mul", x, x), axes)
    root = builder.op("Sqrt", builder.op("Add", mean, epsilon))
    return builder.op("Mul", builder.op("Div", x, root), scale)


def _scaled_by_variance(
    x: Tensor, scale: np.ndarray, axis: int, epsilon: float, builder: Builder
) -> Tensor:
    """What Keras' deprecated `rms_scaling` does: division by the deviation, mean left in."""
    axes = np.arange(axis - x.rank, 0, dtype=np.int64)
    distance = builder.op("Sub", x, builder.op("ReduceMean", x, axes))
    variance = builder.op("ReduceMean", builder.op("Mul", distance, distance), axes)
    root = builder.op("Sqrt", builder.op("Add", variance, epsilon))
    return builder.op("Mul", builder.op("Div", x, root), scale)


@converts("GroupNormalization", passes_mask=True)
def group_normalization(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Normalisation over groups of channels and all places."""
    x = builder.floating(inputs[0])
    axis = _axes(layer, x.rank)[0]
    channels = x.size(axis)
    if axis not in (1, x.rank - 1) or channels is None:
        raise layer.unsupported(f"axis: {layer.config['axis']}")
    weights = layer.weights()
    gamma = weights.pop(0) if layer.flag("scale") else np.ones(channels, np.float32)
    beta = weights.pop(0) if layer.flag("center") else np.zeros(channels, np.float32)
    groups = channels if layer.config["groups"] == -1 else int(layer.config["groups"])
    order = (0, axis, *(other for other in range(1, x.rank) if other != axis))
    raw = builder.stored(x, order)
    epsilon = float(layer.config["epsilon"])
    normal = builder.op("GroupNormalization", raw, gamma, beta, num_groups=groups, epsilon=epsilon)
    return builder.logical(normal, order)


@converts("UnitNormalization", passes_mask=True)
def unit_normalization(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Division by the Euclidean length."""
    x = builder.floating(inputs[0])
    axes = np.array(_axes(layer, x.rank), np.int64)
    square = builder.op("ReduceSumSquare", x, axes)
    # keras.ops.normalize lets the length be no smaller than its epsilon, 1e-12.
    length = builder.op("Sqrt", builder.op("Max", square, 1e-24))
    return builder.op("Div", x, length)

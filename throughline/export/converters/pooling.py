"""Pooling over windows and over everything.

Source: `keras/src/layers/pooling`. Average pooling counts no padded places.
"""

from __future__ import annotations

import numpy as np

from throughline.export.converters.windowed import channels_first, padding, per_axis, placed
from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts


def _pooled(layer: Layer, x: Tensor, operator: str, builder: Builder) -> Tensor:
    order = channels_first(layer, x.rank)
    raw = placed(x, order, builder)
    size = per_axis(layer.config["pool_size"], x.rank - 2)
    strides = per_axis(layer.config.get("strides") or size, x.rank - 2)
    attributes = padding(layer, raw, size, strides, [1] * len(size))
    result = builder.op(operator, raw, kernel_shape=size, strides=strides, **attributes)
    return builder.logical(result, order)


@converts("MaxPooling1D", "MaxPooling2D", "MaxPooling3D")
def max_pooling(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The largest value of each window."""
    return _pooled(layer, inputs[0], "MaxPool", builder)


@converts("AveragePooling1D", "AveragePooling2D", "AveragePooling3D")
def average_pooling(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The mean of each window."""
    return _pooled(layer, inputs[0], "AveragePool", builder)


def _reduced(layer: Layer, x: Tensor, operator: str, builder: Builder) -> Tensor:
    """One value per channel, in whatever order `x` is stored."""
    places = sorted(x.order.index(axis) for axis in channels_first(layer, x.rank)[2:])
    keep = layer.flag("keepdims")
    raw = builder.logical(builder.floating(x), range(x.rank))
    axes = np.array(places, np.int64)
    result = builder.op(operator, raw, axes, keepdims=int(keep))
    return builder.logical(result, x.order) if keep else result


@converts("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D")
def global_max_pooling(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The largest value of each channel."""
    return _reduced(layer, inputs[0], "ReduceMax", builder)


@converts("GlobalAveragePooling2D", "GlobalAveragePooling3D")
def global_average_pooling(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The mean of each channel."""
    return _reduced(layer, inputs[0], "ReduceMean", builder)


@converts("GlobalAveragePooling1D")
def global_average_pooling_of_steps(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The mean of each channel over the steps that the mask lets count."""
    x = builder.floating(inputs[0])
    if layer.mask is None:
        return _reduced(layer, x, "ReduceMean", builder)
    steps = channels_first(layer, 3)[2]
    axis = np.array([steps], np.int64)
    weights = builder.unsqueeze(builder.cast(layer.mask, "float32"), 3 - steps)
    keep = int(layer.flag("keepdims"))
    total = builder.op("ReduceSum", builder.op("Mul", x, weights), axis, keepdims=keep)
    return builder.op("Div", total, builder.op("ReduceSum", weights, axis, keepdims=keep))

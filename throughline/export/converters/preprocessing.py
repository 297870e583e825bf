"""Layers that prepare numbers and images inside a network.

Source: `keras/src/layers/preprocessing`.
"""

from __future__ import annotations

import numpy as np

from throughline.export.converters.reshaping import INTERPOLATIONS
from throughline.export.converters.windowed import channels_first
from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts

# keras.backend.epsilon(): a deviation is never taken to be smaller.
EPSILON = 1e-7


@converts("Rescaling", passes_mask=True)
def rescaling(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """x · scale + offset."""
    scale, offset = (np.asarray(layer.config[key], np.float32) for key in ("scale", "offset"))
    scaled = builder.elementwise("Mul", builder.floating(inputs[0]), scale)
    return builder.elementwise("Add", scaled, offset) if np.any(offset) else scaled


@converts("Normalization", passes_mask=True)
def normalization(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """(x − mean) / deviation, with statistics learned by `adapt` or given."""
    x = builder.floating(inputs[0])
    if layer.config.get("mean") is None:
        mean, variance = layer.weights()[:2]
    else:
        given = (layer.config["mean"], layer.config["variance"])
        mean, variance = (np.asarray(value, np.float32) for value in given)
    axis = layer.config.get("axis")
    axes = [] if axis is None else [axis] if isinstance(axis, int) else list(axis)
    kept = {number % x.rank for number in axes}
    shape = [(x.size(place) or 1) if place in kept else 1 for place in range(x.rank)]
    mean, variance = (
        np.broadcast_to(np.asarray(v).reshape(shape if np.ndim(v) else [1] * x.rank), shape)
        for v in (mean, variance)
    )
    deviation = np.maximum(np.sqrt(variance), np.float32(EPSILON))
    if layer.flag("invert"):
        return builder.elementwise("Add", builder.elementwise("Mul", x, deviation), mean)
    return builder.elementwise("Div", builder.elementwise("Sub", x, mean), deviation)


@converts("CategoryEncoding")
def category_encoding(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """One place per category: which is there, which are there, or how often each is."""
    mode = layer.config["output_mode"]
    ids = builder.cast(inputs[0], "int64")
    if layer.config.get("sparse"):
        raise layer.unsupported("sparse: True")
    if len(inputs) > 1:
        raise layer.unsupported("count_weights")
    if mode == "one_hot" and ids.rank > 1 and ids.size(-1) == 1:
        ids = builder.squeeze(ids, -1)
    places = np.arange(int(layer.config["num_tokens"]), dtype=np.int64)
    found = builder.op("Equal", builder.unsqueeze(ids, ids.rank), places)
    encoded = builder.cast(found, "float32")
    if mode == "one_hot" or ids.rank == 1:
        return encoded
    operator = "ReduceMax" if mode == "multi_hot" else "ReduceSum"
    return builder.op(operator, encoded, np.array([-2], np.int64), keepdims=0)


@converts("Discretization")
def discretization(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The number of the bin that each value lies in; a bin begins at its boundary."""
    boundaries = layer.config.get("bin_boundaries")
    if layer.config.get("output_mode") != "int" or not boundaries:
        raise layer.unsupported(f"output_mode: {layer.config.get('output_mode')}, or bins to learn")
    x = builder.floating(inputs[0])
    values = builder.unsqueeze(x, x.rank)
    reached = builder.op("GreaterOrEqual", values, np.asarray(boundaries, np.float32))
    return builder.op(
        "ReduceSum", builder.cast(reached, "int64"), np.array([-1], np.int64), keepdims=0
    )


@converts("Resizing")
def resizing(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Images of another height and width."""
    config, x = layer.config, builder.floating(inputs[0])
    kind = config.get("interpolation", "bilinear")
    for key in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
        if config.get(key):
            raise layer.unsupported(f"{key}: True")
    # onnxruntime refuses a cubic resize to given sizes.
    if kind != "bilinear" or x.rank != 4:
        raise layer.unsupported(f"interpolation: {kind}, input of rank {x.rank}")
    order = channels_first(layer, 4)
    raw = builder.stored(x, order)
    # Batch and channels keep their size: onnxruntime can't resize chosen axes to given sizes.
    kept = builder.op("Shape", raw, start=0, end=2)
    places = np.array([config["height"], config["width"]], np.int64)
    sizes = builder.op("Concat", kept, places, axis=0)
    result = builder.op(
        "Resize",
        raw,
        None,
        None,
        sizes,
        coordinate_transformation_mode="half_pixel",
        **INTERPOLATIONS[kind],
    )
    return builder.logical(result, order)


@converts("LayerScale")
def layer_scale(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A learned factor per channel, as ConvNeXt has it."""
    return builder.elementwise("Mul", inputs[0], layer.weights()[0])


@converts("StochasticDepth")
def stochastic_depth(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Nothing at inference, as ConvNeXt has it."""
    return inputs[0]

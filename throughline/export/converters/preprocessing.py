"""Layers that prepare numbers and images inside a network.

Source: `keras/src/layers/preprocessing`.
"""

from __future__ import annotations

import numpy as np

from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts, refuses

# keras.backend.epsilon(): a deviation is never taken to be smaller.
EPSILON = 1e-7

refuses(
    *("Hashing", "HashedCrossing"),
    expected="a layer that ONNX has operators for; no runtime has TensorFlow's hash",
    remedy="Leave the numbering to the column, which is categorical",
)
refuses(
    *("StringLookup", "TextVectorization"),
    expected="a layer that takes numbers, as every input of a network is",
    remedy="Let preprocessing number them: a categorical or a text column",
)
refuses(
    "MelSpectrogram",
    expected="a layer that answers a row by itself; decibels of MelSpectrogram depend on the "
    "loudest row of the batch, and ONNX has no operator that it could be written with",
    remedy="Use STFTSpectrogram, or the filter 'spectrogram' of a sound column",
)


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
    return _encoded(ids, mode, int(layer.config["num_tokens"]), builder)


def _encoded(ids: Tensor, mode: str, size: int, builder: Builder) -> Tensor:
    """Numbers below `size` as they are, or a place for each in one of Keras' output modes."""
    if mode == "int":
        return ids
    if mode == "one_hot" and ids.rank > 1 and ids.size(-1) == 1:
        ids = builder.squeeze(ids, -1)
    places = np.arange(size, dtype=np.int64)
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
    if layer.flag("sparse") or not boundaries:
        raise layer.unsupported("sparse: True" if boundaries else "bins to learn")
    x = builder.floating(inputs[0])
    values = builder.unsqueeze(x, x.rank)
    reached = builder.op("GreaterOrEqual", values, np.asarray(boundaries, np.float32))
    whole, last = builder.cast(reached, "int64"), np.array([-1], np.int64)
    bins = builder.op("ReduceSum", whole, last, keepdims=0)
    return _encoded(bins, layer.config["output_mode"], len(boundaries) + 1, builder)


@converts("IntegerLookup")
def integer_lookup(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The place of each number in the vocabulary, behind those of masked and unknown numbers."""
    config = layer.config
    mode, unknown = config["output_mode"], int(config["num_oov_indices"])
    vocabulary = config.get("vocabulary")
    for key in ("invert", "sparse", "pad_to_max_tokens"):
        if layer.flag(key):
            raise layer.unsupported(f"{key}: True")
    if mode == "tf_idf" or not isinstance(vocabulary, list | tuple) or unknown == 0:
        raise layer.unsupported(f"output_mode: {mode}, num_oov_indices: {unknown}, {vocabulary}")
    mask = config.get("mask_token")
    start = 1 if mask is not None and mode == "int" else 0
    words = np.asarray(vocabulary, np.int64)
    ids = builder.cast(inputs[0], "int64")
    same = builder.op("Equal", builder.unsqueeze(ids, ids.rank), words)
    # One more than its place, so that 0 is a number that is not there.
    counted = builder.op("Mul", builder.cast(same, "int64"), np.arange(1, len(words) + 1))
    place = builder.op("ReduceMax", counted, np.array([-1], np.int64), keepdims=0)
    other = builder.op("Mod", ids, np.array(unknown))
    known = builder.op("Greater", place, np.array(0))
    first = builder.op("Add", place, np.array(start + unknown - 1))
    found = builder.op("Where", known, first, builder.op("Add", other, np.array(start)))
    if mask is not None:
        masked = builder.op("Equal", ids, np.array(mask))
        # Places beyond all others are dropped.
        nowhere = np.array(0 if mode == "int" else -1)
        found = builder.op("Where", masked, nowhere, found)
    return _encoded(found, mode, start + unknown + len(words), builder)


@converts("LayerScale")
def layer_scale(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A learned factor per channel, as ConvNeXt has it."""
    return builder.elementwise("Mul", inputs[0], layer.weights()[0])


@converts("StochasticDepth")
def stochastic_depth(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Nothing at inference, as ConvNeXt has it."""
    return inputs[0]

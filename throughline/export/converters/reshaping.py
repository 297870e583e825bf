"""Layers that move values and change none.

Source: `keras/src/layers/reshaping`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from throughline.export.converters.windowed import channels_first, per_axis
from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts


@converts("Flatten")
def flatten(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """One row of values per sample."""
    x = inputs[0]
    if layer.config.get("data_format") == "channels_first" and x.rank > 2:
        x = x.transposed((0, *range(2, x.rank), 1))
    if x.rank == 2:
        return x
    return builder.op("Flatten", x, axis=1)


@converts("Reshape")
def reshape(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The same values in another shape."""
    x = inputs[0]
    target = [int(size) for size in layer.config["target_shape"]]
    sizes = [x.size(axis) for axis in range(1, x.rank)]
    if -1 in target and None not in sizes:
        known = -math.prod(target)
        target[target.index(-1)] = math.prod(size for size in sizes if size is not None) // known
    return builder.reshape(x, [0, *target])


@converts("Permute")
def permute(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Axes in another order."""
    return inputs[0].transposed((0, *layer.config["dims"]))


@converts("RepeatVector")
def repeat_vector(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The same vector at each of `n` steps."""
    shape = np.array([1, layer.config["n"], 1], np.int64)
    return builder.op("Expand", builder.unsqueeze(inputs[0], 1), shape)


def _margins(value: int | Sequence[int] | Sequence[Sequence[int]], axes: int) -> list[list[int]]:
    """(before, after) per axis from Keras' shorter forms."""
    if isinstance(value, int):
        return [[value, value]] * axes
    if axes == 1:
        return [list(per_axis(value, 2))]  # type: ignore[arg-type]
    return [[v, v] if isinstance(v, int) else list(v) for v in value]


@converts("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Zeros around the places."""
    x = inputs[0]
    margins = _margins(layer.config["padding"], x.rank - 2)
    places = [x.order.index(axis) for axis in channels_first(layer, x.rank)[2:]]
    pads = np.array([m[0] for m in margins] + [m[1] for m in margins], np.int64)
    raw = builder.logical(x, range(x.rank))
    padded = builder.op("Pad", raw, pads, None, np.array(places, np.int64))
    return builder.logical(padded, x.order)


@converts("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The places without a margin."""
    x = inputs[0]
    margins = _margins(layer.config["cropping"], x.rank - 2)
    places = [x.order.index(axis) for axis in channels_first(layer, x.rank)[2:]]
    ends = [-after if after else np.iinfo(np.int64).max for _, after in margins]
    raw = builder.logical(x, range(x.rank))
    bounds = [np.array(numbers, np.int64) for numbers in ([m[0] for m in margins], ends, places)]
    return builder.logical(builder.op("Slice", raw, *bounds), x.order)

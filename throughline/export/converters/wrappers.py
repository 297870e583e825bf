"""Layers around layers."""

from __future__ import annotations

import math

import numpy as np

from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts
from throughline.export.traversal import called

# Layers that treat the steps of a sequence alike anyway.
STEP_BY_STEP = frozenset(
    {"Activation", "Dense", "Dropout", "ELU", "LeakyReLU", "ReLU", "Rescaling"}
)


@converts("TimeDistributed", passes_mask=True)
def time_distributed(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The inner layer at every step: steps become rows, and rows steps again."""
    x, inner = inputs[0].masked(None), layer.part("layer")
    if inner.class_name in STEP_BY_STEP and x.rank > 2:
        return called(inner, [x], builder)[0]
    tail = _known(layer, x.shape[2:])
    rows = builder.reshape(x, [-1, *tail])
    result = called(inner, [rows], builder)[0]
    after = _known(layer, result.shape[1:])
    steps = x.size(1)
    if steps is not None:
        return builder.reshape(result, [-1, steps, *after])
    sizes = builder.op("Shape", x, start=0, end=2)
    shape = builder.op("Concat", sizes, np.array(after, np.int64), axis=0)
    return builder.op("Reshape", result, shape)


def _known(layer: Layer, shape: tuple[object, ...]) -> list[int]:
    """Sizes of a step; all but the first may not be open."""
    sizes = [size if isinstance(size, int) else -1 for size in shape]
    if sizes.count(-1) or math.prod(sizes) == 0:
        raise layer.unsupported(f"a step of open shape {shape}")
    return sizes

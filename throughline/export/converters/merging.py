"""Layers that join several tensors.

Source: `keras/src/layers/merging`.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts


def _same_rank(inputs: list[Tensor], builder: Builder) -> list[Tensor]:
    """Keras puts the missing axes of a smaller tensor behind the batch."""
    rank = max(tensor.rank for tensor in inputs)
    return [
        tensor
        if tensor.rank == rank
        else builder.unsqueeze(tensor, *range(1, rank - tensor.rank + 1))
        for tensor in inputs
    ]


def _either_mask(inputs: list[Tensor], builder: Builder) -> Tensor | None:
    """A step counts when it counts in any input; no mask when one input has none."""
    masks = [tensor.mask for tensor in inputs if tensor.mask is not None]
    if len(masks) != len(inputs):
        return None
    return reduce(lambda a, b: builder.op("Or", a, b), masks)


def _merged(inputs: list[Tensor], operator: str, builder: Builder) -> Tensor:
    mask = _either_mask(inputs, builder)
    return builder.elementwise(operator, *_same_rank(inputs, builder)).masked(mask)


@converts("Add")
def add(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The sum."""
    return _merged(inputs, "Add" if len(inputs) == 2 else "Sum", builder)


@converts("Average")
def average(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The mean."""
    return _merged(inputs, "Mean", builder)


@converts("Maximum")
def maximum(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The largest of the values that count."""
    return _extreme(inputs, "Max", builder)


@converts("Minimum")
def minimum(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The smallest of the values that count."""
    return _extreme(inputs, "Min", builder)


def _extreme(inputs: list[Tensor], operator: str, builder: Builder) -> Tensor:
    """Keras compares in turn, and takes the other side's value where one side is masked."""
    if all(tensor.mask is None for tensor in inputs):
        return _merged(inputs, operator, builder)
    result, *others = _same_rank(inputs, builder)
    mask = inputs[0].mask
    for tensor, other in zip(inputs[1:], others, strict=True):
        right = _where(tensor.mask, other, result, builder)
        left = _where(mask, result, right, builder)
        both = mask is not None and tensor.mask is not None
        mask = builder.op("Or", mask, tensor.mask) if both else None
        result = builder.op(operator, left, right)
    return result.masked(_either_mask(inputs, builder))


def _where(mask: Tensor | None, kept: Tensor, other: Tensor | float, builder: Builder) -> Tensor:
    """`kept` at the steps that count, `other` elsewhere."""
    if mask is None:
        return kept
    return builder.op("Where", builder.unsqueeze(mask, mask.rank), kept, other)


@converts("Subtract")
def subtract(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The difference."""
    return _merged(inputs, "Sub", builder)


@converts("Multiply")
def multiply(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The product."""
    mask = _either_mask(inputs, builder)
    # Keras counts masked steps of a factor as one, and steps masked in all factors as zero.
    factors = [
        _where(tensor.mask, same, 1.0, builder)
        for tensor, same in zip(inputs, _same_rank(inputs, builder), strict=True)
    ]
    product = reduce(lambda a, b: builder.elementwise("Mul", a, b), factors)
    return _where(mask, product, 0.0, builder).masked(mask)


@converts("Concatenate")
def concatenate(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """One after the other along an axis."""
    order = next((t.order for t in inputs if t.is_reordered), inputs[0].order)
    axis = int(layer.config["axis"]) % inputs[0].rank
    raw = [builder.stored(tensor, order) for tensor in inputs]
    joined = builder.logical(builder.op("Concat", *raw, axis=order.index(axis)), order)
    return joined.masked(_joined_mask(inputs, axis, builder))


def _joined_mask(inputs: list[Tensor], axis: int, builder: Builder) -> Tensor | None:
    """Masks joined as Keras joins them: along the features any of them, else one by one."""
    rank = inputs[0].rank
    if all(tensor.mask is None for tensor in inputs) or rank < 3:
        return None
    if axis == rank - 1 and rank == 3:
        # An input without a mask counts as all steps counting.
        if any(tensor.mask is None for tensor in inputs):
            return None
        return _either_mask(inputs, builder)
    masks = [tensor.mask or _every_step(tensor, builder) for tensor in inputs]
    return builder.op("Concat", *masks, axis=axis)


def _every_step(tensor: Tensor, builder: Builder) -> Tensor:
    sizes = builder.op("Shape", tensor, start=0, end=2)
    return builder.op("Expand", np.array([[True]]), sizes)


@converts("Dot")
def dot(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The product of two tensors summed along one axis of each."""
    axes = layer.config["axes"]
    pair = [axes, axes] if isinstance(axes, int) else list(axes)
    places = [axis % tensor.rank for axis, tensor in zip(pair, inputs, strict=True)]
    first, second = inputs
    if layer.flag("normalize"):
        first, second = (_unit(t, p, builder) for t, p in zip(inputs, places, strict=True))
    if first.rank > 3 or second.rank > 3:
        raise layer.unsupported(f"inputs of rank {first.rank} and {second.rank}")
    if first.rank == 2 and second.rank == 2:
        product = builder.op("Mul", first, second)
        return builder.op("ReduceSum", product, np.array([1], np.int64))
    left = builder.unsqueeze(first, 1) if first.rank == 2 else _moved(first, places[0], 2)
    right = builder.unsqueeze(second, 2) if second.rank == 2 else _moved(second, places[1], 1)
    product = builder.op("MatMul", left, right)
    if first.rank == 2:
        return builder.squeeze(product, 1)
    return builder.squeeze(product, 2) if second.rank == 2 else product


def _moved(tensor: Tensor, axis: int, place: int) -> Tensor:
    """A rank-3 tensor with one of its last two axes moved to `place`."""
    return tensor if axis == place else tensor.transposed((0, 2, 1))


def _unit(tensor: Tensor, axis: int, builder: Builder) -> Tensor:
    """`tensor` divided by its length along one axis."""
    square = builder.op("ReduceSumSquare", tensor, np.array([axis], np.int64))
    return builder.op("Div", tensor, builder.op("Sqrt", builder.op("Max", square, 1e-24)))

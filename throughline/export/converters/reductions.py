"""Operations of `keras.ops` that make one value of an axis, or go along it."""

from __future__ import annotations

import numpy as np

from throughline.export.converters.operations import name_of, names, setting
from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts

REDUCTIONS = {
    "All": "ReduceMin", "Any": "ReduceMax", "Max": "ReduceMax", "Mean": "ReduceMean",
    "Min": "ReduceMin", "Prod": "ReduceProd", "Sum": "ReduceSum", "Logsumexp": "ReduceLogSumExp",
}  # fmt: skip


@converts(*names(REDUCTIONS))
def reduction(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """One value along some axes."""
    axis = setting(layer, "axis", 1)
    axes = None if axis is None else np.array(np.atleast_1d(axis), np.int64)
    keep = int(bool(setting(layer, "keepdims", 2, False)))
    return builder.op(REDUCTIONS[name_of(layer)], inputs[0], axes, keepdims=keep)


@converts("ops.Var", "ops.Std")
def spread(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The mean square of what lies between the values and their mean, or its root."""
    x, axis = builder.floating(inputs[0]), setting(layer, "axis", 1)
    axes = None if axis is None else np.array(np.atleast_1d(axis), np.int64)
    keep = int(bool(setting(layer, "keepdims", 2, False)))
    apart = builder.op("Sub", x, builder.op("ReduceMean", x, axes, keepdims=1))
    square = builder.op("ReduceMean", builder.op("Mul", apart, apart), axes, keepdims=keep)
    return builder.op("Sqrt", square) if name_of(layer) == "Std" else square


@converts("ops.Norm")
def norm(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The length of vectors along one axis."""
    order, axis = setting(layer, "ord", 1), setting(layer, "axis", 2)
    if order not in (None, 1, 2) or not isinstance(axis, int):
        raise layer.unsupported(f"ord: {order}, axis: {axis}")
    keep = int(bool(setting(layer, "keepdims", 3, False)))
    operator = "ReduceL1" if order == 1 else "ReduceL2"
    return builder.op(operator, inputs[0], np.array([axis], np.int64), keepdims=keep)


@converts("ops.Argmax", "ops.Argmin")
def place_of_extreme(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Where along an axis the largest or smallest value stands first."""
    axis = setting(layer, "axis", 1)
    if axis is None:
        raise layer.unsupported("axis: none")
    operator = "ArgMax" if name_of(layer) == "Argmax" else "ArgMin"
    keep = int(bool(setting(layer, "keepdims", 2, False)))
    x = inputs[0]
    if "float" in x.dtype:
        # Keras takes -0 for less than 0, as where a negative number was masked; ONNX for the same.
        negative = builder.op("Less", builder.op("Reciprocal", x), 0.0)
        least = builder.op("And", builder.op("Equal", x, 0.0), negative)
        x = builder.op("Where", least, -float(np.finfo(np.float32).tiny), x)
    return builder.cast(builder.op(operator, x, axis=int(axis), keepdims=keep), "int32")


@converts("ops.Cumsum")
def running_sum(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The sum of what lies up to each place along an axis."""
    axis = setting(layer, "axis", 1)
    if axis is None:
        raise layer.unsupported("axis: none")
    dtype = setting(layer, "dtype", 2) or inputs[0].dtype
    counted = "int32" if dtype == "bool" else str(dtype)
    return builder.op("CumSum", builder.cast(inputs[0], counted), np.array(int(axis), np.int64))

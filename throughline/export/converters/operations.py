"""Operations of `keras.ops` in a functional graph: sums of tensors, masks, reductions.

Keras writes the masks of a functional network as such operations too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from throughline.export.converters.activations import ACTIVATIONS
from throughline.export.graph.builder import Builder, Value
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts, snake_case

BINARY = {
    "Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "TrueDivide": "Div",
    "Power": "Pow", "Maximum": "Max", "Minimum": "Min", "Equal": "Equal", "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual", "Less": "Less", "LessEqual": "LessOrEqual",
    "LogicalAnd": "And", "LogicalOr": "Or", "Matmul": "MatMul",
}  # fmt: skip
UNARY = {
    "Absolute": "Abs", "Abs": "Abs", "Ceil": "Ceil", "Exp": "Exp", "Floor": "Floor", "Log": "Log",
    "LogicalNot": "Not", "Negative": "Neg", "Reciprocal": "Reciprocal", "Sign": "Sign",
    "Sin": "Sin", "Cos": "Cos", "Sqrt": "Sqrt",
}  # fmt: skip
REDUCTIONS = {
    "All": "ReduceMin", "Any": "ReduceMax", "Max": "ReduceMax", "Mean": "ReduceMean",
    "Min": "ReduceMin", "Prod": "ReduceProd", "Sum": "ReduceSum",
}  # fmt: skip


def _names(table: Any) -> list[str]:
    return [f"ops.{name}" for name in table]


def _name(layer: Layer) -> str:
    return layer.class_name.removeprefix("ops.")


def _setting(layer: Layer, key: str, place: int, default: Any = None) -> Any:
    """A setting of an operation: from its configuration, its keywords or its arguments."""
    if key in layer.config:
        return layer.config[key]
    if key in layer.arguments:
        return layer.arguments[key]
    args = layer.arguments.get("args", [])
    return args[place] if len(args) > place else default


def _pair(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Value]:
    """The two operands, tensors or numbers, in the type that Keras promotes them to."""
    values = layer.arguments.get("args", inputs)[:2]
    tensors = [value for value in values if isinstance(value, Tensor)]
    numbers = [value for value in values if not isinstance(value, Tensor)]
    kind = np.result_type(*(tensor.dtype for tensor in tensors))
    real = _name(layer) in ("Divide", "TrueDivide")
    if real or kind.kind == "f" or any(isinstance(number, float) for number in numbers):
        kind = np.dtype(np.float32)
    elif kind.kind == "b" and numbers and not all(isinstance(n, bool) for n in numbers):
        kind = np.dtype(np.int32)
    return [
        builder.cast(value, str(kind)) if isinstance(value, Tensor) else np.asarray(value, kind)
        for value in values
    ]


@converts(*_names(BINARY))
def binary(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """An operator of two operands."""
    operator = BINARY[_name(layer)]
    run: Callable[..., Tensor] = builder.op if operator == "MatMul" else builder.elementwise
    return run(operator, *_pair(layer, inputs, builder))


@converts("ops.NotEqual")
def not_equal(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Where two operands differ."""
    return builder.op("Not", builder.elementwise("Equal", *_pair(layer, inputs, builder)))


@converts(*_names(UNARY))
def unary(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """An operator of one operand."""
    return builder.elementwise(UNARY[_name(layer)], inputs[0])


@converts("ops.Square")
def square(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """x²."""
    return builder.elementwise("Mul", inputs[0], inputs[0])


@converts("ops.Rsqrt")
def reciprocal_root(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """1 / √x."""
    return builder.elementwise("Reciprocal", builder.elementwise("Sqrt", inputs[0]))


@converts(*_names(REDUCTIONS))
def reduction(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """One value along some axes."""
    axis = _setting(layer, "axis", 1)
    axes = None if axis is None else np.array(np.atleast_1d(axis), np.int64)
    keep = int(bool(_setting(layer, "keepdims", 2, False)))
    return builder.op(REDUCTIONS[_name(layer)], inputs[0], axes, keepdims=keep)


@converts("ops.Cumsum")
def running_sum(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The sum of what lies up to each place along an axis."""
    axis = _setting(layer, "axis", 1)
    if axis is None:
        raise layer.unsupported("axis: none")
    dtype = _setting(layer, "dtype", 2) or inputs[0].dtype
    counted = "int32" if dtype == "bool" else str(dtype)
    return builder.op("CumSum", builder.cast(inputs[0], counted), np.array(int(axis), np.int64))


@converts("ops.ExpandDims")
def expand_dims(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A new axis of length one."""
    axes = np.atleast_1d(_setting(layer, "axis", 1))
    return builder.unsqueeze(inputs[0], *(int(axis) for axis in axes))


@converts("ops.Squeeze")
def squeeze(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Without an axis of length one."""
    axes = np.atleast_1d(_setting(layer, "axis", 1))
    return builder.squeeze(inputs[0], *(int(axis) for axis in axes))


@converts("ops.ZerosLike", "ops.OnesLike")
def filled_like(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Zeros or ones in the shape of a tensor."""
    value = np.asarray(1 if _name(layer) == "OnesLike" else 0)
    dtype = _setting(layer, "dtype", 1) or inputs[0].dtype
    return builder.op("Expand", value.astype(dtype), builder.op("Shape", inputs[0]))


@converts("ops.Concatenate")
def concatenate(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """One after the other along an axis."""
    return builder.op("Concat", *inputs, axis=int(_setting(layer, "axis", 1, -1)))


@converts("ops.ConvertToTensor")
def convert_to_tensor(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The same tensor, in another type where one is named."""
    dtype = _setting(layer, "dtype", 1)
    return builder.cast(inputs[0], str(dtype)) if dtype else inputs[0]


@converts("ops.Cast")
def cast(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Another type."""
    return builder.cast(inputs[0], str(_setting(layer, "dtype", 1)))


@converts("ops.Reshape")
def reshape(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Another shape."""
    shape = _setting(layer, "newshape", 1)
    if any(not isinstance(size, int) for size in shape):
        raise layer.unsupported(f"newshape: {shape}")
    return builder.reshape(inputs[0], shape)


@converts("ops.Transpose")
def transpose(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Axes in another order."""
    axes = _setting(layer, "axes", 1) or list(range(inputs[0].rank))[::-1]
    return inputs[0].transposed(axes)


@converts(*(f"ops.{name}" for name in ("Relu", "Relu6", "Sigmoid", "Silu", "Softplus", "Tanh")))
def activation(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """An activation function without settings."""
    return ACTIVATIONS[snake_case(_name(layer))](builder, inputs[0])


@converts("ops.Softmax")
def softmax(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Softmax along an axis."""
    return builder.along("Softmax", inputs[0], int(_setting(layer, "axis", 1, -1)))


@converts("ops.Gelu")
def gelu(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """GELU, by tanh where asked."""
    kind = "tanh" if _setting(layer, "approximate", 1, True) else "none"
    return builder.elementwise("Gelu", inputs[0], approximate=kind)

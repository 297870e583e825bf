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
    "Sin": "Sin", "Cos": "Cos", "Sqrt": "Sqrt", "Erf": "Erf", "Isnan": "IsNaN",
}  # fmt: skip
SIMPLE = (
    "HardSigmoid", "LogSigmoid", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Softplus", "Softsign",
    "Tanh",
)  # fmt: skip


def names(table: Any) -> list[str]:
    return [f"ops.{name}" for name in table]


def name_of(layer: Layer) -> str:
    return layer.class_name.removeprefix("ops.")


def setting(layer: Layer, key: str, place: int, default: Any = None) -> Any:
    """A setting of an operation: from its configuration, its keywords or its arguments."""
    if key in layer.config:
        return layer.config[key]
    if key in layer.arguments:
        return layer.arguments[key]
    args = layer.arguments.get("args", [])
    return args[place] if len(args) > place else default


def _pair(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Value]:
    """The two operands, tensors or numbers, in the type that Keras promotes them to."""
    real = name_of(layer) in ("Divide", "TrueDivide")
    return _promoted(layer.arguments.get("args", inputs)[:2], real, builder)


def _promoted(values: list[Any], real: bool, builder: Builder) -> list[Value]:
    """Tensors and numbers in the type that Keras promotes them to."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    numbers = [value for value in values if not isinstance(value, Tensor)]
    kind = np.result_type(*(tensor.dtype for tensor in tensors))
    if real or kind.kind == "f" or any(isinstance(number, float) for number in numbers):
        kind = np.dtype(np.float32)
    elif kind.kind == "b" and numbers and not all(isinstance(n, bool) for n in numbers):
        kind = np.dtype(np.int32)
    return [
        builder.cast(value, str(kind)) if isinstance(value, Tensor) else np.asarray(value, kind)
        for value in values
    ]


@converts(*names(BINARY))
def binary(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """An operator of two operands."""
    operator = BINARY[name_of(layer)]
    run: Callable[..., Tensor] = builder.op if operator == "MatMul" else builder.elementwise
    return run(operator, *_pair(layer, inputs, builder))


@converts("ops.NotEqual")
def not_equal(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Where two operands differ."""
    return builder.op("Not", builder.elementwise("Equal", *_pair(layer, inputs, builder)))


@converts(*names(UNARY))
def unary(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """An operator of one operand."""
    return builder.elementwise(UNARY[name_of(layer)], inputs[0])


@converts("ops.Square")
def square(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """x²."""
    return builder.elementwise("Mul", inputs[0], inputs[0])


@converts("ops.Rsqrt")
def reciprocal_root(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """1 / √x."""
    return builder.elementwise("Reciprocal", builder.elementwise("Sqrt", inputs[0]))


@converts("ops.OneHot")
def one_hot(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """1 at the place of each number, along a new last axis; nothing for numbers out of range."""
    axis = setting(layer, "axis", 2, -1)
    if axis not in (-1, inputs[0].rank) or setting(layer, "sparse", 4, False):
        raise layer.unsupported(f"axis: {axis}")
    numbers = builder.unsqueeze(builder.cast(inputs[0], "int32"), inputs[0].rank)
    places = np.arange(int(setting(layer, "num_classes", 1)), dtype=np.int32)
    same = builder.op("Equal", numbers, places)
    return builder.cast(same, str(setting(layer, "dtype", 3) or "float32"))


@converts("ops.Where")
def where(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """One value where a condition holds, another elsewhere."""
    condition, *values = layer.arguments["args"]
    if len(values) != 2 or not isinstance(condition, Tensor):
        raise layer.unsupported("places of a condition")
    if any(isinstance(value, Tensor) for value in values):
        values = _promoted(values, False, builder)
    else:
        real = any(isinstance(value, float) for value in values)
        values = [np.asarray(value, np.float32 if real else np.int32) for value in values]
    return builder.elementwise("Where", builder.cast(condition, "bool"), *values)


@converts("ops.Clip")
def clip(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Within two bounds."""
    low, high = setting(layer, "x_min", 1), setting(layer, "x_max", 2)
    if not inputs[0].is_float or any(isinstance(bound, Tensor | list) for bound in (low, high)):
        raise layer.unsupported("bounds that are tensors, or whole numbers")
    return builder.elementwise("Clip", inputs[0], low, high)


@converts("ops.Log1p")
def log_of_more(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """log(1 + x)."""
    return builder.elementwise("Log", builder.elementwise("Add", inputs[0], 1.0))


@converts("ops.Expm1")
def exponential_less(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """exp(x) - 1."""
    return builder.elementwise("Sub", builder.elementwise("Exp", inputs[0]), 1.0)


@converts("ops.Round")
def round_off(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The nearest whole number, the even one of two."""
    if setting(layer, "decimals", 1, 0):
        raise layer.unsupported(f"decimals: {setting(layer, 'decimals', 1)}")
    return builder.elementwise("Round", inputs[0])


@converts("ops.Einsum")
def einsum(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A product by Einstein's summation."""
    equation = str(layer.config.get("subscripts", "")).replace(" ", "")
    operands = layer.arguments.get("args", inputs)
    if "->" not in equation or "..." in equation or len(operands) != len(inputs):
        raise layer.unsupported(f"subscripts: {equation}")
    return builder.op("Einsum", *inputs, equation=equation)


@converts("ops.ExpandDims")
def expand_dims(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A new axis of length one."""
    axes = np.atleast_1d(setting(layer, "axis", 1))
    return builder.unsqueeze(inputs[0], *(int(axis) for axis in axes))


@converts("ops.Squeeze")
def squeeze(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Without an axis of length one."""
    axes = np.atleast_1d(setting(layer, "axis", 1))
    return builder.squeeze(inputs[0], *(int(axis) for axis in axes))


@converts("ops.ZerosLike", "ops.OnesLike")
def filled_like(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Zeros or ones in the shape of a tensor."""
    value = np.asarray(1 if name_of(layer) == "OnesLike" else 0)
    dtype = setting(layer, "dtype", 1) or inputs[0].dtype
    return builder.op("Expand", value.astype(dtype), builder.op("Shape", inputs[0]))


@converts("ops.Concatenate")
def concatenate(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """One after the other along an axis."""
    return builder.op("Concat", *inputs, axis=int(setting(layer, "axis", 1, -1)))


@converts("ops.ConvertToTensor")
def convert_to_tensor(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The same tensor, in another type where one is named."""
    dtype = setting(layer, "dtype", 1)
    return builder.cast(inputs[0], str(dtype)) if dtype else inputs[0]


@converts("ops.Cast")
def cast(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Another type."""
    return builder.cast(inputs[0], str(setting(layer, "dtype", 1)))


@converts("ops.Reshape")
def reshape(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Another shape."""
    shape = setting(layer, "newshape", 1)
    if any(not isinstance(size, int) for size in shape):
        raise layer.unsupported(f"newshape: {shape}")
    return builder.reshape(inputs[0], shape)


@converts("ops.Transpose")
def transpose(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Axes in another order."""
    axes = setting(layer, "axes", 1) or list(range(inputs[0].rank))[::-1]
    return inputs[0].transposed(axes)


@converts(*names(SIMPLE))
def activation(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """An activation function without settings."""
    return ACTIVATIONS[snake_case(name_of(layer))](builder, inputs[0])


@converts("ops.LeakyRelu")
def leaky_relu(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A rectifier with a slope below zero."""
    slope = float(setting(layer, "negative_slope", 1, 0.2))
    return builder.elementwise("LeakyRelu", inputs[0], alpha=slope)


@converts("ops.Elu")
def elu(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Exponential below zero."""
    return builder.elementwise("Elu", inputs[0], alpha=float(setting(layer, "alpha", 1, 1.0)))


@converts("ops.LogSoftmax")
def log_softmax(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """The logarithm of softmax along an axis."""
    return builder.along("LogSoftmax", inputs[0], int(setting(layer, "axis", 1, -1)))


@converts("ops.Softmax")
def softmax(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Softmax along an axis."""
    return builder.along("Softmax", inputs[0], int(setting(layer, "axis", 1, -1)))


@converts("ops.Gelu")
def gelu(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """GELU, by tanh where asked."""
    kind = "tanh" if setting(layer, "approximate", 1, True) else "none"
    return builder.elementwise("Gelu", inputs[0], approximate=kind)

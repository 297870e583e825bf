"""Random networks: graphs with branches, shared and repeated layers, masks, several inputs.

A number names a network: `network(17)` is the same one in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import keras
import numpy as np
from keras import layers, ops

from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts
from throughline.training.network.positions import KINDS, AddPositions

T = TypeVar("T")
ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "silu", "linear", "softplus", "selu")
SHAPES = {"table": (5,), "words": (6,), "series": (6, 3), "image": (10, 9, 2)}
WORDS = 8
SEQUENCES = ("words", "series")


@keras.saving.register_keras_serializable("random_networks")
class Gate(layers.Layer):
    """A layer of somebody's own, with a converter: x times the sigmoid of a multiple of x."""

    def build(self, shape: Any) -> None:
        self.slope = self.add_weight(shape=(shape[-1],), initializer="ones", name="slope")

    def call(self, x: Any) -> Any:
        return x * ops.sigmoid(self.slope * x)


@converts("Gate", passes_mask=False)
def gate(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    scaled = builder.elementwise("Mul", inputs[0], layer.weights()[0])
    return builder.elementwise("Mul", inputs[0], builder.elementwise("Sigmoid", scaled))


@keras.saving.register_keras_serializable("random_networks")
class Centred(layers.Layer):
    """A layer of somebody's own that nobody wrote a converter for."""

    def call(self, x: Any) -> Any:
        return x - ops.mean(x, axis=-1, keepdims=True)


@dataclass
class Random:
    """Choices, all drawn from one generator."""

    generator: np.random.Generator

    def of(self, options: Sequence[T]) -> T:
        return options[int(self.generator.integers(len(options)))]

    def whole(self, low: int, high: int) -> int:
        return int(self.generator.integers(low, high + 1))

    def chance(self, share: float = 0.5) -> bool:
        return bool(self.generator.random() < share)

    def seed(self) -> int:
        return self.whole(0, 999)


Make = Callable[[Random], Any]


def vector_layer(draw: Random) -> Any:
    """A layer that takes and gives a table of rows."""
    activation = draw.of(ACTIVATIONS)
    return draw.of((
        lambda: layers.Dense(draw.whole(1, 6), activation=activation),
        lambda: layers.BatchNormalization(),
        lambda: layers.LayerNormalization(),
        lambda: layers.UnitNormalization(),
        lambda: layers.Dropout(0.3, seed=draw.seed()),
        lambda: layers.Activation(activation),
        lambda: layers.GaussianNoise(0.1, seed=draw.seed()),
        lambda: layers.LeakyReLU(),
        lambda: layers.PReLU(),
        lambda: layers.Rescaling(0.5, 0.1),
    ))()  # fmt: skip


def sequence_layer(draw: Random) -> Any:
    """A layer that takes and gives sequences."""
    units = draw.whole(1, 5)
    options = {"return_sequences": True, "go_backwards": draw.chance(0.3)}
    return draw.of((
        lambda: layers.GRU(units, reset_after=draw.chance(), **options),
        lambda: layers.LSTM(units, **options),
        lambda: layers.SimpleRNN(units, **options),
        lambda: layers.LSTM(units, dropout=0.3, seed=draw.seed(), **options),
        lambda: layers.Bidirectional(layers.GRU(units, return_sequences=True)),
        lambda: layers.Bidirectional(
            layers.LSTM(units, return_sequences=True),
            merge_mode=draw.of(("sum", "mul", "ave", "concat")),
        ),
        lambda: layers.Conv1D(units, 3, padding=draw.of(("same", "causal"))),
        lambda: layers.Conv1D(units, 2, padding="causal", dilation_rate=2, activation="relu"),
        lambda: layers.DepthwiseConv1D(2, padding="same"),
        lambda: layers.SeparableConv1D(units, 2, padding="same"),
        lambda: layers.TimeDistributed(layers.Dense(units, activation="tanh")),
        lambda: layers.TimeDistributed(layers.LayerNormalization()),
        lambda: layers.Dense(units, activation=draw.of(ACTIVATIONS)),
        lambda: layers.LayerNormalization(),
        lambda: layers.BatchNormalization(),
        lambda: layers.SpatialDropout1D(0.2, seed=draw.seed()),
        lambda: layers.MaxPooling1D(2, 1, padding="same"),
        lambda: layers.AveragePooling1D(3, 1, padding="same"),
        lambda: layers.Masking(),
    ))()  # fmt: skip


def image_layer(draw: Random) -> Any:
    """A layer that takes and gives images, large enough for a few more."""
    filters, padding = draw.whole(1, 4), draw.of(("same", "valid"))
    return draw.of((
        lambda: layers.Conv2D(filters, draw.whole(1, 3), padding=padding),
        lambda: layers.Conv2D(filters, 3, 2, padding="same", activation="relu", use_bias=False),
        lambda: layers.Conv2D(4, 3, padding="same", dilation_rate=2),
        lambda: layers.DepthwiseConv2D(2, padding="same"),
        lambda: layers.SeparableConv2D(filters, 2, padding="same"),
        lambda: layers.Conv2DTranspose(filters, 2, draw.whole(1, 2), padding=padding),
        lambda: layers.MaxPooling2D(2, 1, padding=padding),
        lambda: layers.AveragePooling2D(2, 2, padding="same"),
        lambda: layers.BatchNormalization(),
        lambda: layers.GroupNormalization(1),
        lambda: layers.ReLU(max_value=3.0),
        lambda: layers.UpSampling2D(2, interpolation=draw.of(("nearest", "bilinear"))),
        lambda: layers.ZeroPadding2D(1),
        lambda: layers.Cropping2D(1),
        lambda: layers.RandomFlip(seed=draw.seed()),
        lambda: layers.PReLU(shared_axes=[1, 2]),
        lambda: layers.SpatialDropout2D(0.2, seed=draw.seed()),
        lambda: layers.Permute((2, 1, 3)),
    ))()  # fmt: skip


MAKERS: dict[str, Make] = {"table": vector_layer, "image": image_layer}


def residual(draw: Random, make: Make, x: Any) -> Any:
    y = make(draw)(x)
    if y.shape[:-1] != x.shape[:-1]:
        return y
    return layers.Add()([x, y if y.shape == x.shape else layers.Dense(x.shape[-1])(y)])


def shared(draw: Random, make: Make, x: Any) -> Any:
    """One layer on two tensors."""
    layer = make(draw)
    return draw.of((layers.Subtract, layers.Maximum, layers.Concatenate))()(
        [layer(x), layer(layers.Rescaling(0.5)(x))]
    )


def repeated(draw: Random, make: Make, x: Any) -> Any:
    """One layer on what it made."""
    layer = make(draw)
    y = layer(x)
    return layer(y) if y.shape == x.shape else y


def dense_block(draw: Random, make: Make, x: Any) -> Any:
    y = make(draw)(x)
    return layers.Concatenate()([x, y]) if y.shape[:-1] == x.shape[:-1] else y


def table(draw: Random, make: Make, x: Any) -> Any:
    values = np.linspace(-1, 1, x.shape[-1], dtype="float32")
    return draw.of((lambda: x + values, lambda: ops.multiply(values, x), lambda: x - 2))()


def operations(draw: Random, make: Make, x: Any) -> Any:
    return draw.of((
        lambda: layers.Activation("tanh")(x) / 2 + abs(x),
        lambda: ops.where(x > 0, x, 0.1 * x),
        lambda: x * ops.sigmoid(ops.mean(x, axis=-1, keepdims=True)),
        lambda: ops.clip(x, -1.0, 1.0) + ops.square(x) * 0.1,
        lambda: ops.stack([x, -x], axis=-1)[..., 0],
        lambda: ops.concatenate([x, ops.exp(-abs(x))], axis=-1),
        lambda: ops.maximum(x, 0.0) - ops.softplus(x),
    ))()  # fmt: skip


def gated(draw: Random, make: Make, x: Any) -> Any:
    """Squeeze and excite for images, a gate a step elsewhere."""
    if len(x.shape) == 4:
        whole = layers.GlobalAveragePooling2D(keepdims=True)(x)
        return layers.Multiply()([x, layers.Dense(x.shape[-1], activation="sigmoid")(whole)])
    gates = layers.Dense(x.shape[-1], activation="sigmoid")(x)
    return layers.Multiply()([gates, layers.Dense(x.shape[-1], activation="tanh")(x)])


def nested(draw: Random, make: Make, x: Any) -> Any:
    """A network as a layer of another, perhaps twice."""
    start = keras.Input(x.shape[1:])
    inner = [make(draw), layers.Dense(3)]
    if draw.chance():
        model = keras.Sequential([start, *inner])
    else:
        y = inner[0](start)
        y = layers.Add()([inner[1](y), layers.Dense(3)(y)])
        model = keras.Model(start, y)
    return layers.Average()([model(x), model(-x)]) if draw.chance() else model(x)


def own(draw: Random, make: Make, x: Any) -> Any:
    # Keras calls the product of a table and a tensor sparse, and then has no mean of it.
    return (Gate if draw.chance(0.8) or x.sparse else Centred)()(x)


def attention(draw: Random, make: Make, x: Any) -> Any:
    kind = draw.whole(0, 2)
    if kind == 0:
        heads = layers.MultiHeadAttention(2, 3, dropout=draw.of((0.0, 0.2)), seed=draw.seed())
        return layers.Add()([x, heads(x, x, use_causal_mask=draw.chance())])
    one = layers.Attention() if kind == 1 else layers.AdditiveAttention()
    return one([x, layers.Dense(x.shape[-1])(x)], use_causal_mask=draw.chance())


def positions(draw: Random, make: Make, x: Any) -> Any:
    """A learned vector for each step."""
    if x.shape[1] is None:
        return x
    if draw.chance():
        return AddPositions(draw.of(KINDS))(x)
    places = ops.cumsum(ops.ones_like(x[..., 0]), axis=1) - 1
    return x + layers.Embedding(x.shape[1], x.shape[-1])(places)


BLOCKS = (residual, shared, repeated, dense_block, table, operations, gated, nested, own)


def block(draw: Random, make: Make, x: Any, kind: str) -> Any:
    """A tensor after a layer, or after what people build of layers."""
    options = [*BLOCKS, attention, positions] if kind in SEQUENCES else list(BLOCKS)
    try:
        if draw.chance(0.3):
            return make(draw)(x)
        return draw.of(options)(draw, make, x)
    except ValueError:
        # What Keras refuses (an image too small for one more convolution) is no network.
        return x


def body(draw: Random, kind: str, inputs: list[Any]) -> Any:
    """A vector made of one input, which is appended to `inputs`."""
    shape = SHAPES[kind]
    open_time = kind in SEQUENCES and draw.chance(0.3)
    declared = (None, *shape[1:]) if open_time else shape
    dtype = "int32" if kind == "words" else "float32"
    x = keras.Input(declared, dtype=dtype, name=f"{kind}_{len(inputs)}")
    inputs.append(x)
    if kind == "words":
        x = layers.Embedding(WORDS, 3, mask_zero=draw.chance())(x)
    elif kind == "series" and draw.chance(0.3):
        x = layers.Masking()(x)
    elif kind == "image":
        x = layers.Conv2D(3, 2)(x)
    make = MAKERS.get(kind, sequence_layer)
    for _ in range(draw.whole(0, 3)):
        x = block(draw, make, x, kind)
    if draw.chance():
        branches = [layers.Dense(3)(x), layers.Dense(3, activation="tanh")(x)]
        merge = draw.of(("Add", "Multiply", "Concatenate", "Maximum", "Average", "Minimum"))
        x = getattr(layers, merge)()(branches)
    if kind == "image":
        return draw.of(
            (layers.Flatten, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
        )()(x)
    if kind == "table":
        return x
    heads = [layers.GlobalMaxPooling1D, layers.GlobalAveragePooling1D, lambda: layers.GRU(3)]
    heads += [lambda: layers.LSTM(2), lambda: layers.Bidirectional(layers.SimpleRNN(2))]
    return draw.of(heads if x.shape[1] is None else [*heads, layers.Flatten])()(x)


def joined(draw: Random, vectors: list[Any]) -> Any:
    """Several vectors as one."""
    if len(vectors) == 1:
        return vectors[0]
    same = [layers.Dense(3, activation="tanh")(x) for x in vectors]
    return draw.of((
        lambda: layers.Concatenate()(vectors),
        lambda: layers.Dot(axes=1, normalize=draw.chance())(same[:2]),
        lambda: layers.Concatenate()([layers.Multiply()(same), *same]),
        lambda: layers.Add()(same),
    ))()  # fmt: skip


@dataclass
class Network:
    """A random network, rows for it, and what it is to learn.

    Args:
        model: of one output, `answer`, or of one more, `beside`.
        rows: by the name of each input.
        target: a row for each row of the inputs.
        classes: whether the target is one of two classes, or two numbers.
    """

    model: Any
    rows: dict[str, np.ndarray]
    target: np.ndarray
    classes: bool


def network(number: int, rows: int = 12) -> Network:
    """The random network of a number, with its weights, and some rows."""
    draw = Random(np.random.default_rng(number))
    keras.utils.set_random_seed(number)
    kinds = [draw.of(tuple(SHAPES)) for _ in range(draw.of((1, 1, 1, 2, 3)))]
    inputs: list[Any] = []
    hidden = x = joined(draw, [body(draw, kind, inputs) for kind in kinds])
    for _ in range(draw.whole(0, 2)):
        x = block(draw, vector_layer, x, "table")
    classes = draw.chance()
    answer = layers.Dense(2, activation="softmax" if classes else None, name="answer")(x)
    model = keras.Model(inputs, answer)
    if draw.chance(0.2):
        model = keras.Model(inputs, [answer, layers.Dense(2, name="beside")(hidden)])
    given = {tensor.name: values(draw, tensor.name, rows) for tensor in inputs}
    generator = draw.generator
    target = generator.integers(0, 2, rows) if classes else generator.normal(size=(rows, 2))
    return Network(model, given, target.astype("int32" if classes else "float32"), classes)


def values(draw: Random, name: str, rows: int) -> np.ndarray:
    """Rows of an input: word numbers end or begin with zeros, some steps of a series are zero."""
    kind = name.partition("_")[0]
    shape = (rows, *SHAPES[kind])
    if kind == "words":
        ids = draw.generator.integers(0, WORDS, shape).astype("int32")
        steps = np.arange(shape[1])
        lengths = draw.generator.integers(0, shape[1] + 1, (rows, 1))
        return ids * (steps < lengths if draw.chance() else steps >= lengths).astype("int32")
    found = draw.generator.normal(size=shape).astype("float32")
    if kind == "series":
        found *= draw.generator.random((*shape[:2], 1)) < 0.8
    return found


def described(model: Any) -> list[str]:
    """The layers of a network with the options that matter."""
    keys = ("units", "go_backwards", "mask_zero", "activation", "padding", "strides", "merge_mode")
    found = []
    for layer in model.layers:
        config = layer.get_config()
        options = {key: config[key] for key in keys if key in config}
        found.append(f"{type(layer).__name__} {options}")
    return found

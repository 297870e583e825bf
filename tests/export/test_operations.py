"""Operations of `keras.ops` between layers have operators of their own in the file."""

from __future__ import annotations

import numpy as np
import pytest
from keras_parity import assert_parity, rows

OPERATIONS = {
    "places of a condition": lambda ops, x: ops.where(x > 0, x, 0.1 * x),
    "a number elsewhere": lambda ops, x: ops.where(x > 0, 1.0, x),
    "numbers alone": lambda ops, x: ops.where(x > 0, 1.0, -1.0),
    "bounds": lambda ops, x: ops.clip(x, -0.5, 0.5),
    "a slice": lambda ops, x: x[:, 1:],
    "a slice of a slice": lambda ops, x: x[:, ::2, -2:],
    "one place": lambda ops, x: x[:, 0],
    "the last place": lambda ops, x: x[:, -1, :],
    "behind an ellipsis": lambda ops, x: x[..., 1],
    "a new axis": lambda ops, x: x[..., None] * x[:, :, None],
    "backwards": lambda ops, x: x[:, ::-1],
    "stacked": lambda ops, x: ops.stack([x, -x], axis=1),
    "stacked at the end": lambda ops, x: ops.stack([x, -x], axis=-1),
    "parts": lambda ops, x: ops.multiply(*ops.split(x, 2, axis=1)),
    "parts between places": lambda ops, x: ops.split(x, [1, 3], axis=-2)[1],
    "flipped": lambda ops, x: ops.flip(x, axis=-1),
    "rolled": lambda ops, x: ops.roll(x, 1, axis=1),
    "padded": lambda ops, x: ops.pad(x, ((0, 0), (2, 0), (0, 1)), constant_values=0.5),
    "mirrored": lambda ops, x: ops.pad(x, ((0, 0), (1, 1), (0, 0)), mode="reflect"),
    "taken": lambda ops, x: ops.take(x, [0, -1], axis=1),
    "tiled": lambda ops, x: ops.tile(x, (2, 1)),
    "repeated": lambda ops, x: ops.repeat(x, 2, axis=1),
    "swapped": lambda ops, x: ops.swapaxes(x, 1, 2),
    "moved": lambda ops, x: ops.moveaxis(x, 1, -1),
    "variance": lambda ops, x: x - ops.var(x, axis=1, keepdims=True),
    "deviation": lambda ops, x: ops.std(x, axis=(1, 2)),
    "length": lambda ops, x: ops.norm(x, axis=-1, keepdims=True),
    "log of a sum": lambda ops, x: ops.logsumexp(x, axis=1),
    "one-hot": lambda ops, x: ops.one_hot(ops.argmax(x, axis=-1), 4),
    "one-hot of others": lambda ops, x: ops.one_hot(ops.cast(3 * x, "int32"), 2),
    "smallest": lambda ops, x: ops.argmin(x, axis=1),
    "einsum": lambda ops, x: ops.einsum("bij,bkj->bik", x, x),
    "log1p": lambda ops, x: ops.log1p(ops.square(x)),
    "expm1": lambda ops, x: ops.expm1(x),
    "round": lambda ops, x: ops.round(2.5 * x),
    "erf": lambda ops, x: ops.erf(x),
    "leaky": lambda ops, x: ops.leaky_relu(x, negative_slope=0.3),
    "elu": lambda ops, x: ops.elu(x, alpha=0.7),
    "selu": lambda ops, x: ops.selu(x),
    "hard": lambda ops, x: ops.hard_sigmoid(2 * x),
    "log of sigmoid": lambda ops, x: ops.log_sigmoid(x),
    "log of softmax": lambda ops, x: ops.log_softmax(x, axis=1),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_between_layers(name):
    """`exported` refuses what has no converter, where a file would go through tf2onnx."""
    import keras

    x = keras.Input((4, 3), name="x")
    y = OPERATIONS[name](keras.ops, keras.layers.Rescaling(0.5)(x))
    assert_parity(keras.Model(x, keras.layers.Rescaling(2.0)(y)), rows(5, 4, 3))


def test_of_images_stored_with_channels_first():
    import keras

    x = keras.Input((5, 4, 2), name="x")
    y = keras.layers.Conv2D(3, 2, padding="same")(x)
    y = keras.ops.concatenate([y[:, 1:, ::-1], keras.ops.flip(y, axis=1)[:, :4]], axis=-1)
    y = keras.layers.Conv2D(2, 2)(keras.ops.where(y > 0, y, -y))
    assert_parity(keras.Model(x, y), rows(3, 5, 4, 2))


@pytest.mark.parametrize("places", [np.array([[1, 2]]), np.array([0, 3])])
def test_a_table_is_taken_by_places(places):
    import keras

    x = keras.Input((4, 3), name="x")
    y = x + keras.layers.Embedding(4, 3)(np.arange(4)[None])
    assert_parity(keras.Model(x, keras.ops.take(y, places, axis=1)), rows(3, 4, 3))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_place_of_an_extreme_where_zeros_differ_by_their_sign(name):
    """As where steps are masked by a product: Keras takes -0 for less than 0."""
    import keras

    x = keras.Input((4,), name="x")
    given = np.array([[-0.0, 0.0, -0.0, 0.0], [0.0, -0.0, -1.0, 0.0]], "float32")
    place = keras.ops.cast(getattr(keras.ops, name)(x, axis=-1), "float32")
    assert_parity(keras.Model(x, place), given)

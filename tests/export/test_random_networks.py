"""Random networks over the supported layers: all exported, all loadable, all within parity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_parity import BATCHES, assert_parity, rows

ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "silu", "linear", "softplus", "selu")


def vector_layers(draw):
    """A layer that takes and gives a table of rows."""
    from keras import layers

    activation = draw(st.sampled_from(ACTIVATIONS))
    return draw(st.sampled_from((
        lambda: layers.Dense(draw(st.integers(1, 6)), activation=activation),
        lambda: layers.BatchNormalization(),
        lambda: layers.LayerNormalization(),
        lambda: layers.Dropout(0.3),
        lambda: layers.Activation(activation),
        lambda: layers.GaussianNoise(0.1),
    )))()  # fmt: skip


def sequence_layers(draw):
    """A layer that takes and gives sequences."""
    from keras import layers

    units, backward = draw(st.integers(1, 5)), draw(st.booleans())
    options = {"return_sequences": True, "go_backwards": backward}
    return draw(st.sampled_from((
        lambda: layers.GRU(units, reset_after=draw(st.booleans()), **options),
        lambda: layers.LSTM(units, **options),
        lambda: layers.SimpleRNN(units, **options),
        lambda: layers.Bidirectional(layers.GRU(units, return_sequences=True)),
        lambda: layers.Conv1D(units, 3, padding=draw(st.sampled_from(("same", "causal")))),
        lambda: layers.TimeDistributed(layers.Dense(units, activation="tanh")),
        lambda: layers.Dense(units),
        lambda: layers.LayerNormalization(),
        lambda: layers.SpatialDropout1D(0.2),
        lambda: layers.MaxPooling1D(2, 1, padding="same"),
        lambda: layers.BatchNormalization(),
    )))()  # fmt: skip


def image_layers(draw):
    """A layer that takes and gives images, large enough for a few more."""
    from keras import layers

    filters, padding = draw(st.integers(1, 4)), draw(st.sampled_from(("same", "valid")))
    return draw(st.sampled_from((
        lambda: layers.Conv2D(filters, draw(st.integers(1, 3)), padding=padding),
        lambda: layers.Conv2D(filters, 3, 2, padding="same", activation="relu", use_bias=False),
        lambda: layers.DepthwiseConv2D(2, padding="same"),
        lambda: layers.SeparableConv2D(filters, 2, padding="same"),
        lambda: layers.Conv2DTranspose(filters, 2, draw(st.integers(1, 2)), padding=padding),
        lambda: layers.MaxPooling2D(2, 1, padding=padding),
        lambda: layers.AveragePooling2D(2, 2, padding="same"),
        lambda: layers.BatchNormalization(),
        lambda: layers.ReLU(),
        lambda: layers.UpSampling2D(2),
        lambda: layers.ZeroPadding2D(1),
        lambda: layers.RandomFlip(),
        lambda: layers.PReLU(),
    )))()  # fmt: skip


def block(draw, make, x, sequences):
    """A tensor after a layer, or after what people build of layers."""
    import keras
    from keras import layers

    kinds = ["layer", "layer", "residual", "shared", "table", "operations"]
    kind = draw(st.sampled_from([*kinds, "attention"] if sequences else kinds))
    if kind == "attention":
        heads = layers.MultiHeadAttention(2, 3)
        return layers.Add()([x, heads(x, x, use_causal_mask=draw(st.booleans()))])
    if kind == "table":
        table = np.linspace(-1, 1, x.shape[-1], dtype="float32")
        return draw(
            st.sampled_from(
                (lambda: x + table, lambda: keras.ops.multiply(table, x), lambda: x - 2)
            )
        )()
    if kind == "operations":
        return layers.Activation("tanh")(x) / 2 + abs(x)
    layer = make(draw)
    if kind == "shared":
        return layers.Subtract()([layer(x), layer(x * 0.5)])
    y = layer(x)
    if kind == "residual" and y.shape[:-1] == x.shape[:-1]:
        return layers.Add()([x, y if y.shape == x.shape else layers.Dense(x.shape[-1])(y)])
    return y


@st.composite
def networks(draw):
    """A network and the shape of its rows: a body by kind, branches, a head."""
    import keras
    from keras import layers

    kind = draw(st.sampled_from(("table", "words", "series", "image")))
    shape = {"table": (5,), "words": (6,), "series": (6, 3), "image": (10, 9, 2)}[kind]
    time_open = kind in ("words", "series") and draw(st.booleans())
    declared = (None, *shape[1:]) if time_open else shape
    x = inputs = keras.Input(declared, dtype="int32" if kind == "words" else "float32")
    if kind == "words":
        x = layers.Embedding(8, 3, mask_zero=draw(st.booleans()))(x)
    make = {"table": vector_layers, "image": image_layers}.get(kind, sequence_layers)
    if kind == "image":
        x = layers.Conv2D(3, 2)(x)
    for _ in range(draw(st.integers(0, 3))):
        x = block(draw, make, x, kind in ("words", "series"))
    if draw(st.booleans()):
        branches = [layers.Dense(3)(x), layers.Dense(3, activation="tanh")(x)]
        merge = draw(st.sampled_from(("Add", "Multiply", "Concatenate", "Maximum", "Average")))
        x = getattr(layers, merge)()(branches)
    if kind == "image":
        x = draw(st.sampled_from((layers.Flatten, layers.GlobalAveragePooling2D)))()(x)
    elif kind != "table":
        heads = (layers.GlobalMaxPooling1D, lambda: layers.GRU(3), lambda: layers.LSTM(2))
        x = draw(st.sampled_from(heads))()(x)
    for _ in range(draw(st.integers(0, 2))):
        x = vector_layers(draw)(x)
    outputs = layers.Dense(2, activation=draw(st.sampled_from(("softmax", None))))(x)
    return keras.Model(inputs, outputs), kind, shape


def described(model):
    """The layers of a network with the options that matter."""
    keys = ("units", "go_backwards", "mask_zero", "activation", "padding", "strides", "merge_mode")
    for layer in model.layers:
        config = layer.get_config()
        options = {key: config[key] for key in keys if key in config}
        yield f"{type(layer).__name__} {options} {layer.output.shape}"


def check(case, batch, seed):
    """Parity of one random network."""
    model, kind, shape = case
    x = rows(batch, *shape, seed=seed)
    if kind == "words":
        x = np.random.default_rng(seed).integers(0, 8, size=(batch, *shape)).astype("int32")
    try:
        assert_parity(model, x, seed=seed)
    except AssertionError as error:
        error.add_note("\n".join(described(model)))
        raise


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@given(networks(), st.sampled_from(BATCHES), st.integers(0, 5))
@settings(max_examples=25, suppress_health_check=SLOW)
def test_random_networks(case, batch, seed):
    check(case, batch, seed)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(networks(), st.sampled_from(BATCHES), st.integers(0, 1000))
@settings(max_examples=500, suppress_health_check=SLOW)
def test_five_hundred_random_networks(case, batch, seed):
    check(case, batch, seed)

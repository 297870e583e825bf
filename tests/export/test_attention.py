"""Attention and layers over time steps answer as their ONNX nodes do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_parity import assert_parity, assert_same, rows

WORDS = np.array([[0, 1, 2, 0, 5], [3, 0, 0, 0, 0], [1, 2, 3, 4, 5]], "int32")


class TestMultiHeadAttention:
    @given(
        st.integers(1, 3), st.sampled_from((None, 5)), st.booleans(), st.booleans(),
        st.sampled_from((None, 6)), st.sampled_from((0.0, 0.3)),
    )  # fmt: skip
    def test_options(self, heads, value_size, bias, causal, output, dropout):
        import keras

        x = keras.Input((None, 4), name="features")
        layer = keras.layers.MultiHeadAttention(
            heads, 3, value_dim=value_size, use_bias=bias, output_shape=output, dropout=dropout
        )
        model = keras.Model(x, layer(x, x, use_causal_mask=causal))
        graph = assert_parity(model, rows(7, 5, 4))
        assert_same(model, graph, rows(1, 9, 4))

    @given(st.sampled_from((0.0, 0.3)), st.booleans())
    def test_masks(self, dropout, causal):
        import keras

        words = keras.Input((None,), dtype="int32", name="words")
        x = keras.layers.Embedding(6, 4, mask_zero=True)(words)
        y = keras.layers.MultiHeadAttention(2, 3, dropout=dropout)(x, x, use_causal_mask=causal)
        assert_parity(keras.Model(words, keras.layers.GRU(3)(y)), WORDS)

    def test_other_sequence_and_scores(self):
        import keras

        a, b = keras.Input((4, 6), name="a"), keras.Input((5, 3), name="b")
        layer = keras.layers.MultiHeadAttention(2, 3)
        model = keras.Model([a, b], layer(a, b, return_attention_scores=True))
        assert_parity(model, rows(7, 4, 6), rows(7, 5, 3))


class TestAttention:
    @given(
        st.sampled_from(("Attention", "AdditiveAttention")), st.booleans(), st.booleans(),
        st.sampled_from(("dot", "concat")),
    )  # fmt: skip
    def test_options(self, name, scaled, causal, mode):
        import keras

        options = {"score_mode": mode} if name == "Attention" else {}
        layer = getattr(keras.layers, name)(use_scale=scaled, **options)
        a, b = keras.Input((None, 4), name="a"), keras.Input((None, 4), name="b")
        model = keras.Model([a, b], layer([a, b], use_causal_mask=causal))
        assert_parity(model, rows(7, 5, 4), rows(7, 5, 4, seed=2))

    def test_masks(self):
        import keras

        words = keras.Input((None,), dtype="int32", name="words")
        x = keras.layers.Embedding(6, 4, mask_zero=True)(words)
        y = keras.layers.Attention()([x, x])
        assert_parity(keras.Model(words, keras.layers.LSTM(3)(y)), WORDS)

    def test_transformer_block(self):
        import keras
        from keras import layers

        x = inputs = keras.Input((None, 8), name="features")
        for _ in range(2):
            attended = layers.MultiHeadAttention(2, 4)(x, x)
            x = layers.LayerNormalization()(layers.Add()([x, attended]))
            fed = layers.Dense(8)(layers.Dense(16, activation="gelu")(x))
            x = layers.LayerNormalization()(x + fed)
        model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
        assert_parity(model, rows(7, 5, 8))


class TestTimeDistributed:
    @pytest.mark.parametrize("steps", [4, None])
    def test_inner_layers(self, steps):
        import keras
        from keras import layers

        inner = keras.Sequential([keras.Input((6, 5, 2)), layers.Conv2D(3, 2), layers.Flatten()])
        for layer in (inner, layers.Conv2D(3, 2, strides=2), layers.Flatten()):
            model = keras.Sequential(
                [keras.Input((steps, 6, 5, 2)), layers.TimeDistributed(layer)]
            )  # fmt: skip
            assert_parity(model, rows(7, 4, 6, 5, 2))
        model = keras.Sequential(
            [keras.Input((steps, 6)), layers.TimeDistributed(layers.Dense(3, "relu"))]
        )
        assert_parity(model, rows(7, 4, 6))

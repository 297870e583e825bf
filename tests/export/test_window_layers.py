"""Convolutions and pooling answer as Keras does, whatever their options."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras_parity import BATCHES, assert_parity, exported, operators, rows

from throughline.export.registry import UnsupportedLayer

SIZES = {1: (11,), 2: (9, 8), 3: (5, 6, 4)}


def build(layer, shape):
    import keras

    return keras.Sequential([keras.Input(shape), layer])


def geometry(draw, axes: int, dilated: bool = True) -> dict[str, object]:
    """Kernel, strides and dilations that TensorFlow accepts together."""
    options: dict[str, object] = {
        "kernel_size": draw(st.tuples(*[st.integers(1, 3)] * axes)),
        "padding": draw(st.sampled_from(("same", "valid"))),
    }
    if dilated and draw(st.booleans()):
        options["dilation_rate"] = draw(st.integers(1, 2))
    else:
        options["strides"] = draw(st.integers(1, 3))
    return options


@pytest.mark.parametrize("axes", [1, 2, 3])
class TestConvolution:
    @given(st.data(), st.sampled_from(BATCHES), st.booleans(), st.sampled_from(("relu", "linear")))
    def test_options(self, axes, data, batch, bias, activation):
        import keras

        options = geometry(data.draw, axes)
        groups = data.draw(st.sampled_from((1, 2))) if axes < 3 else 1
        layer = getattr(keras.layers, f"Conv{axes}D")(
            4, use_bias=bias, activation=activation, groups=groups, **options
        )
        assert_parity(build(layer, (*SIZES[axes], 2)), rows(batch, *SIZES[axes], 2))

    @given(st.data())
    def test_open_sizes(self, axes, data):
        import keras

        options = geometry(data.draw, axes)
        smallest = min((s for s in options["kernel_size"] if s > 1), default=9)
        assume(options["padding"] == "valid" or smallest >= options.get("strides", 1))
        layer = getattr(keras.layers, f"Conv{axes}D")(3, **options)
        assert_parity(build(layer, (*[None] * axes, 2)), rows(3, *SIZES[axes], 2))


class TestCausalConvolution:
    @given(st.integers(1, 4), st.integers(1, 3))
    def test_reads_no_later_step(self, kernel, dilation):
        import keras

        layer = keras.layers.Conv1D(3, kernel, padding="causal", dilation_rate=dilation)
        assert_parity(build(layer, (None, 2)), rows(7, 9, 2))


class TestDepthwiseAndSeparable:
    @given(st.data(), st.sampled_from((1, 2)), st.integers(1, 3), st.booleans())
    @settings(max_examples=24)
    def test_options(self, data, axes, multiplier, separable):
        import keras

        options = geometry(data.draw, axes)
        common = {"depth_multiplier": multiplier, **options}
        if separable:
            layer = getattr(keras.layers, f"SeparableConv{axes}D")(5, **common)
        else:
            layer = getattr(keras.layers, f"DepthwiseConv{axes}D")(**common)
        assert_parity(build(layer, (*SIZES[axes], 3)), rows(7, *SIZES[axes], 3))


@pytest.mark.parametrize("axes", [1, 2, 3])
class TestTransposedConvolution:
    @given(st.data())
    @settings(max_examples=16)
    def test_options(self, axes, data):
        import keras

        options = geometry(data.draw, axes, dilated=False)
        strides = options["strides"]
        if strides > 1 and data.draw(st.booleans()):
            options["output_padding"] = data.draw(st.integers(0, strides - 1))
            extra, sizes = options["output_padding"], options["kernel_size"]
            assume(min(sizes) > extra)
            # TensorFlow itself refuses the output size that Keras works out for these.
            assume(extra > 0 or options["padding"] == "valid" or all(s % 2 for s in sizes))
        layer = getattr(keras.layers, f"Conv{axes}DTranspose")(3, **options)
        assert_parity(build(layer, (*SIZES[axes], 2)), rows(3, *SIZES[axes], 2))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
class TestPooling:
    @given(st.integers(1, 3), st.integers(1, 3), st.sampled_from(("same", "valid")), st.booleans())
    def test_windows(self, axes, kind, size, strides, padding, open_sizes):
        import keras

        assume(not (open_sizes and padding == "same" and 1 < size < strides))
        layer = getattr(keras.layers, f"{kind}Pooling{axes}D")(size, strides, padding=padding)
        shape = [None] * axes if open_sizes else SIZES[axes]
        assert_parity(build(layer, (*shape, 2)), rows(7, *SIZES[axes], 2))

    @given(st.booleans())
    @settings(max_examples=2)
    def test_everything(self, axes, kind, keepdims):
        import keras

        layer = getattr(keras.layers, f"Global{kind}Pooling{axes}D")(keepdims=keepdims)
        assert_parity(build(layer, (*SIZES[axes], 2)), rows(7, *SIZES[axes], 2))


class TestOpenSizes:
    def test_a_window_smaller_than_its_stride_is_refused(self):
        import keras

        layer = keras.layers.MaxPooling2D(2, 3, padding="same")
        with pytest.raises(UnsupportedLayer, match="window 2 < stride 3"):
            exported(build(layer, (None, None, 2)))


class TestMaskedAveragePooling:
    @given(st.booleans())
    @settings(max_examples=2)
    def test_masked_steps_do_not_count(self, keepdims):
        import keras
        import numpy as np

        words = np.array([[1, 2, 0, 0], [0, 3, 0, 1], [4, 4, 4, 4]], "int32")
        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(6, 3, mask_zero=True),
                keras.layers.GlobalAveragePooling1D(keepdims=keepdims),
            ]
        )
        assert_parity(model, words)


class TestLayout:
    def test_blocks_of_convolution_need_one_transpose(self):
        import keras
        from keras import layers

        model = keras.Sequential(
            [
                keras.Input((16, 16, 3)),
                layers.Conv2D(4, 3, padding="same"),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.MaxPooling2D(),
                layers.Dropout(0.2),
                layers.Conv2D(4, 3, activation="relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(2, activation="softmax"),
            ]
        )
        graph = assert_parity(model, rows(7, 16, 16, 3))
        assert operators(graph) == [
            "Transpose", "Conv", "Relu", "MaxPool", "Conv", "Relu", "ReduceMean", "Gemm", "Softmax",
        ]  # fmt: skip

    def test_flattened_places_keep_keras_order(self):
        import keras
        from keras import layers

        model = keras.Sequential(
            [
                keras.Input((6, 5, 2)),
                layers.Conv2D(3, 2),
                layers.Flatten(),
                layers.Dense(4),
            ]
        )
        graph = assert_parity(model, rows(7, 6, 5, 2))
        assert operators(graph) == ["Transpose", "Conv", "Flatten", "Gemm"]

    def test_windows_over_time_are_widened_once(self):
        """onnxruntime is fast over two axes only; one more axis comes in and goes out again."""
        import keras
        from keras import layers

        model = keras.Sequential(
            [
                keras.Input((30, 2)),
                layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu"),
                layers.MaxPooling1D(3, padding="same"),
                layers.Conv1D(4, 3, strides=2, activation="relu"),
                layers.GlobalAveragePooling1D(),
                layers.Dense(2),
            ]
        )
        graph = assert_parity(model, rows(7, 30, 2))
        assert operators(graph) == [
            "Transpose", "Unsqueeze", "Conv", "Relu", "MaxPool", "Conv", "Relu", "Squeeze",
            "ReduceMean", "Gemm",
        ]  # fmt: skip

    def test_a_widened_value_that_is_read_twice(self):
        import keras
        from keras import layers

        features = keras.Input((20, 3))
        first = layers.Conv1D(4, 3, padding="same", activation="relu")(features)
        second = layers.Conv1D(4, 3, padding="same")(first)
        both = layers.Add()([first, second])
        model = keras.Model(features, [both, layers.Flatten()(first)])
        graph = assert_parity(model, rows(7, 20, 3))
        assert operators(graph).count("Unsqueeze") == 1

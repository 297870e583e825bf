"""Dense, activations, merging, reshaping, normalisation: every option answers as Keras does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_parity import BATCHES, assert_parity, operators, rows

from throughline.export.converters.activations import ACTIVATIONS
from throughline.export.converters.core import TRAINING_ONLY


def build(shape, *layers, dtype="float32"):
    import keras

    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers])


class TestDense:
    @given(
        st.integers(1, 4), st.sampled_from(BATCHES), st.booleans(), st.sampled_from(("relu", None))
    )
    def test_any_rank(self, rank, batch, bias, activation):
        import keras

        shape = (5, 4, 3, 2)[4 - rank :]
        layer = keras.layers.Dense(6, activation=activation, use_bias=bias)
        assert_parity(build(shape, layer), rows(batch, *shape))

    def test_reads_whole_numbers(self):
        import keras

        x = np.array([[1, 2, 3], [4, 5, 6]], "int32")
        assert_parity(build((3,), keras.layers.Dense(2), dtype="int32"), x)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
class TestActivations:
    @pytest.mark.parametrize("shape", [(6,), (4, 6)])
    def test_by_name(self, name, shape):
        import keras

        x = rows(7, *shape) * 3
        x.flat[:5] = [0.0, -1.0, 1.0, 30.0, -30.0]
        assert_parity(build(shape, keras.layers.Activation(name)), x)

    def test_behind_a_convolution(self, name):
        import keras

        model = build((6, 5, 2), keras.layers.Conv2D(4, 2, activation=name))
        assert_parity(model, rows(3, 6, 5, 2))


class TestActivationLayers:
    @given(
        st.sampled_from((0.0, 0.1)), st.sampled_from((None, 1.5, 6.0)), st.sampled_from((0.0, 0.5))
    )
    def test_relu_limits(self, slope, largest, threshold):
        import keras

        layer = keras.layers.ReLU(largest, slope, threshold)
        assert_parity(build((9,), layer), rows(7, 9) * 4)

    def test_others(self):
        import keras

        layers = keras.layers
        for layer in (
            layers.LeakyReLU(0.3), layers.ELU(0.7), layers.PReLU(), layers.PReLU(shared_axes=[1]),
            layers.Softmax(), layers.Softmax(1),
        ):  # fmt: skip
            assert_parity(build((4, 5), layer), rows(7, 4, 5))


@pytest.mark.parametrize("name", [*TRAINING_ONLY])
def test_training_only_layers_leave_no_node(name):
    import keras

    needs = {
        "ActivityRegularization": (), "Identity": (), "RandAugment": (), "AugMix": (),
        "CutMix": (), "MixUp": (), "RandomFlip": (), "RandomGrayscale": (), "RandomErasing": (),
        "RandomGaussianBlur": (), "RandomPerspective": (), "RandomElasticTransform": (),
        "RandomInvert": (), "RandomColorJitter": (), "RandomPosterization": (4,),
        "RandomTranslation": (0.1, 0.1),
    }  # fmt: skip
    arguments = needs.get(name, (0.2,))
    shape = {"SpatialDropout1D": (4, 3), "SpatialDropout3D": (4, 4, 4, 3)}.get(name, (8, 8, 3))
    model = build(shape, getattr(keras.layers, name)(*arguments))
    graph = assert_parity(model, np.abs(rows(3, *shape)))
    assert operators(graph) == ["Identity"]


class TestMerging:
    @given(
        st.sampled_from(("Add", "Average", "Maximum", "Minimum", "Multiply", "Concatenate")),
        st.integers(2, 4),
        st.sampled_from(BATCHES),
    )
    @settings(max_examples=20)
    def test_several_inputs(self, name, count, batch):
        import keras

        inputs = [keras.Input((3, 4), name=f"in{i}") for i in range(count)]
        model = keras.Model(inputs, getattr(keras.layers, name)()(inputs))
        assert_parity(model, *(rows(batch, 3, 4, seed=i) for i in range(count)))

    @given(st.sampled_from(("Add", "Multiply", "Subtract")))
    def test_broadcast(self, name):
        import keras

        inputs = [keras.Input((3, 4), name="a"), keras.Input((1, 4), name="b")]
        model = keras.Model(inputs, getattr(keras.layers, name)()(inputs))
        assert_parity(model, rows(7, 3, 4), rows(7, 1, 4))

    @given(st.integers(1, 3))
    def test_concatenate_axis(self, axis):
        import keras

        inputs = [keras.Input((3, 4, 2), name=f"in{i}") for i in range(2)]
        joined = keras.layers.Concatenate(axis=axis)(
            [keras.layers.Conv2D(2, 1)(tensor) for tensor in inputs]
        )
        assert_parity(keras.Model(inputs, joined), rows(7, 3, 4, 2), rows(7, 3, 4, 2, seed=2))

    @given(
        st.sampled_from(
            (((4,), (4,), 1), ((3, 4), (4,), (2, 1)), ((3, 4), (5, 4), 2), ((3, 4), (3, 5), 1))
        ),
        st.booleans(),
    )
    def test_dot(self, case, normalize):
        import keras

        first, second, axes = case
        inputs = [keras.Input(first, name="a"), keras.Input(second, name="b")]
        model = keras.Model(inputs, keras.layers.Dot(axes, normalize=normalize)(inputs))
        assert_parity(model, rows(7, *first), rows(7, *second, seed=2))

    @pytest.mark.parametrize(
        "name", ["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate"]
    )
    @pytest.mark.parametrize("both", [False, True])
    def test_masked_branches(self, name, both):
        import keras
        from keras import layers

        words = [keras.Input((4,), dtype="int32", name=f"words{i}") for i in range(2)]
        tables = [layers.Embedding(6, 3, mask_zero=both or i == 0) for i in range(2)]
        branches = [table(ids) for table, ids in zip(tables, words, strict=True)]
        merged = getattr(layers, name)()(branches)
        model = keras.Model(words, [merged, layers.LSTM(3)(merged)])
        ids = np.array([[0, 1, 2, 0], [3, 0, 0, 0], [0, 0, 0, 5]], "int32")
        assert_parity(model, ids, ids[:, ::-1].copy())

    def test_masks_one_after_the_other(self):
        import keras
        from keras import layers

        words = keras.Input((None,), dtype="int32", name="words")
        embedded = layers.Embedding(6, 3, mask_zero=True)(words)
        branches = [layers.GRU(4, return_sequences=True)(embedded) for _ in range(2)]
        model = keras.Model(words, layers.LSTM(3)(layers.Concatenate(axis=1)(branches)))
        assert_parity(model, np.array([[0, 1, 2, 0], [3, 0, 0, 0], [0, 0, 0, 5]], "int32"))


class TestReshaping:
    @pytest.mark.parametrize("after_convolution", [False, True])
    def test_layers(self, after_convolution):
        from keras import layers

        for layer in (
            layers.Flatten(), layers.Reshape((10, 6)), layers.Reshape((-1, 4)),
            layers.Permute((3, 1, 2)), layers.Cropping2D(((1, 0), (0, 2))), layers.Cropping2D(1),
            layers.ZeroPadding2D(((1, 0), (0, 2))), layers.ZeroPadding2D(2),
            layers.UpSampling2D(2), layers.UpSampling2D((2, 3)),
            layers.UpSampling2D(2, interpolation="bilinear"),
            layers.UpSampling2D(2, interpolation="bicubic"),
            layers.UpSampling2D((3, 4), interpolation="bicubic"),
            layers.UpSampling2D(3, interpolation="lanczos3"),
        ):  # fmt: skip
            first = [layers.Conv2D(3, 1)] if after_convolution else []
            assert_parity(build((4, 5, 3), *first, layer), rows(7, 4, 5, 3))

    def test_sequences_and_volumes(self):
        from keras import layers

        for layer in (
            layers.Cropping1D((1, 2)), layers.ZeroPadding1D((2, 1)), layers.UpSampling1D(3),
            layers.Flatten(),
        ):  # fmt: skip
            assert_parity(build((6, 2), layer), rows(7, 6, 2))
        for layer in (layers.Cropping3D(1), layers.ZeroPadding3D(1), layers.UpSampling3D(2)):
            assert_parity(build((4, 3, 5, 2), layer), rows(3, 4, 3, 5, 2))
        assert_parity(build((4,), layers.RepeatVector(3)), rows(7, 4))
        assert_parity(build((None, 4), layers.Reshape((-1, 2, 2))), rows(7, 3, 4))


class TestNormalization:
    @given(st.booleans(), st.booleans(), st.sampled_from((1, 2, 3)), st.sampled_from(BATCHES))
    @settings(max_examples=16)
    def test_batch(self, center, scale, axis, batch):
        import keras

        layer = keras.layers.BatchNormalization(axis=axis, center=center, scale=scale)
        assert_parity(build((4, 5, 3), layer), rows(batch, 4, 5, 3))

    @given(st.booleans(), st.booleans(), st.sampled_from((-1, [1, 2])))
    def test_layer(self, center, scale, axis):
        import keras

        layer = keras.layers.LayerNormalization(axis=axis, center=center, scale=scale)
        assert_parity(build((4, 5), layer), rows(7, 4, 5))

    @given(st.sampled_from((1, 2, 4, -1)), st.sampled_from((-1, 1)))
    def test_group(self, groups, axis):
        import keras

        layer = keras.layers.GroupNormalization(groups, axis=axis)
        assert_parity(build((4, 5, 4), layer), rows(7, 4, 5, 4))

    @pytest.mark.parametrize("center", [True, False])
    def test_renormalised_in_training(self, center):
        from keras import layers

        layer = layers.BatchNormalization(renorm=True, center=center)
        assert_parity(build((4, 5), layer), rows(7, 4, 5))

    def test_unit_and_root_mean_square(self):
        from keras import layers

        for layer in (
            layers.UnitNormalization(), layers.UnitNormalization(axis=(1, 2)),
            layers.RMSNormalization(), layers.LayerNormalization(rms_scaling=True),
        ):  # fmt: skip
            assert_parity(build((4, 5), layer), rows(7, 4, 5))

    @given(st.sampled_from(("Dense", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D")))
    def test_folded_into_the_layer_before(self, name):
        import keras
        from keras import layers

        before = {
            "Dense": lambda: layers.Dense(4, use_bias=False),
            "Conv2D": lambda: layers.Conv2D(4, 3),
            "Conv2DTranspose": lambda: layers.Conv2DTranspose(4, 3, strides=2),
            "DepthwiseConv2D": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
        }[name]()
        shape = (5,) if name == "Dense" else (8, 8, 3)
        model = build(shape, before, layers.BatchNormalization())
        graph = assert_parity(model, rows(7, *shape))
        assert "BatchNormalization" not in operators(graph)
        keras.backend.clear_session()

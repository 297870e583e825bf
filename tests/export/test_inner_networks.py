"""Prepared, nested and shared networks, their masks, several inputs and outputs."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_parity import assert_parity, assert_same, exported, operators, randomise, rows, session

from throughline.export.registry import UnsupportedLayer, snake_case

WORDS = np.array([[0, 1, 2, 0, 5], [3, 0, 0, 0, 0], [1, 2, 3, 4, 5]], "int32")


class TestPreparation:
    @given(st.sampled_from((-1, None, 1, (1, 2))), st.booleans())
    def test_normalization(self, axis, invert):
        import keras

        layer = keras.layers.Normalization(axis=axis, invert=invert)
        layer.adapt(rows(50, 4, 3) * 5 + 2)
        model = keras.Sequential([keras.Input((4, 3)), layer])
        assert_same(model, exported(model), rows(7, 4, 3))

    def test_given_statistics_rescaling_and_resizing(self):
        import keras
        from keras import layers

        for layer in (
            layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 2.0]),
            layers.Normalization(mean=1.0, variance=4.0),
            layers.Rescaling(1 / 255), layers.Rescaling(2.0, offset=-1.0),
            layers.Resizing(7, 9), layers.Resizing(3, 2),
        ):  # fmt: skip
            assert_parity(keras.Sequential([keras.Input((6, 5, 3)), layer]), rows(7, 6, 5, 3))

    @given(
        st.sampled_from(("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")),
        st.sampled_from(((26, 20), (7, 5), (9, 17))), st.booleans(),
        st.sampled_from(({}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True})),
    )  # fmt: skip
    def test_resizing_by_every_rule(self, kind, sides, antialias, shape):
        import keras

        layer = keras.layers.Resizing(*sides, kind, antialias=antialias, **shape)
        model = keras.Sequential([keras.Input((13, 10, 3)), layer])
        assert_same(model, exported(model), rows(3, 13, 10, 3))

    @given(
        st.sampled_from(("int", "multi_hot", "one_hot", "count")),
        st.integers(1, 3), st.sampled_from((None, 0)),
    )  # fmt: skip
    def test_numbers_of_a_vocabulary(self, mode, unknown, mask):
        import keras

        layer = keras.layers.IntegerLookup(
            vocabulary=[1, 2, 5], num_oov_indices=unknown, mask_token=mask, output_mode=mode
        )
        model = keras.Sequential([keras.Input((4,), dtype="int64"), layer])
        assert_same(model, exported(model), np.array([[0, 1, 2, 5], [7, -3, 8, 1]]))

    @given(st.sampled_from(("multi_hot", "one_hot", "count")))
    def test_bins_as_places(self, mode):
        import keras

        layer = keras.layers.Discretization([-0.5, 0.5], output_mode=mode)
        assert_parity(keras.Sequential([keras.Input((4,)), layer]), rows(7, 4))

    @given(st.lists(st.integers(-4, 4), min_size=1, max_size=5, unique=True).map(sorted))
    def test_discretization_puts_a_boundary_into_the_upper_bin(self, boundaries):
        import keras

        layer = keras.layers.Discretization(bin_boundaries=[float(each) for each in boundaries])
        model = keras.Sequential([keras.Input((9,)), layer, keras.layers.Embedding(6, 2)])
        assert_parity(model, np.stack([np.linspace(-4, 4, 9), rows(1, 9)[0]]).astype("float32"))

    @given(st.sampled_from(("multi_hot", "one_hot", "count")))
    def test_category_encoding(self, mode):
        import keras

        width = 1 if mode == "one_hot" else 5
        ids = WORDS[:, :width]
        layer = keras.layers.CategoryEncoding(6, output_mode=mode)
        model = keras.Sequential([keras.Input((width,), dtype="int32"), layer])
        assert_same(model, exported(model), ids)


class TestNames:
    def test_of_classes_that_keras_exports_under_another_are_found_among_the_weights(self):
        import keras

        x = keras.Input((4, 6))
        layer = keras.layers.GroupQueryAttention(3, 4, 2)
        with pytest.raises(UnsupportedLayer, match="GroupQueryAttention"):
            exported(keras.Model(x, layer(x, x)))

    def test_of_all_layers_are_those_that_keras_gives(self):
        from inspect import isclass

        import keras
        from keras.src.api_export import get_name_from_symbol
        from keras.src.utils.naming import to_snake_case

        layers = [each for each in vars(keras.layers).values() if isclass(each)]
        assert len(layers) > 100
        for each in layers:
            exported_as = get_name_from_symbol(each).rpartition(".")[2]
            assert snake_case(exported_as) == to_snake_case(each.__name__)


class TestNetworks:
    def test_nested_shared_and_several_outputs(self):
        import keras
        from keras import layers

        inner = keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3)])
        block_in = keras.Input((3,))
        block = keras.Model(block_in, [layers.Dense(2)(block_in), layers.Dense(3)(block_in)])
        a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
        shared = layers.Dense(4, name="shared")
        first, second = inner(shared(a)), inner(shared(b))
        left, right = block(layers.Subtract()([first, second]))
        model = keras.Model([a, b], [layers.Softmax(name="class")(right), left, shared(b)])
        graph = assert_parity(model, rows(7, 4), rows(7, 4, seed=2))
        assert [v.name for v in graph.graph.input] == ["a", "b"]
        assert graph.graph.output[0].name == "class"

    def test_inputs_outputs_and_open_dimensions(self):
        import keras

        model = keras.Sequential(
            [
                keras.Input((None, 3), name="features"),
                keras.layers.GRU(4, name="memory"),
                keras.layers.Dense(1, name="price"),
            ]
        )
        graph = exported(model)
        dims = [d.dim_param or d.dim_value for d in graph.graph.input[0].type.tensor_type.shape.dim]
        assert dims == ["N", "T", 3]
        assert graph.graph.output[0].name == "price"
        assert {node.name.split("/")[0] for node in graph.graph.node} == {"memory", "price"}

    def test_input_that_is_an_output(self):
        import keras

        x = keras.Input((3,), name="features")
        model = keras.Model(x, [x, keras.layers.Dense(2)(x)])
        assert_parity(model, rows(7, 3))

    def test_operations_between_layers(self):
        import keras

        x = keras.Input((5, 3), name="features")
        y = keras.layers.Dense(3)(x)
        z = (x - y) * 2.0 / (keras.ops.abs(y) + 1.0)
        z = keras.ops.mean(z, axis=1) + keras.ops.max(keras.ops.relu(z), axis=1)
        assert_parity(keras.Model(x, keras.ops.softmax(z)), rows(7, 5, 3))

    def test_stored_weights_of_two_networks_are_told_apart(self, tmp_path):
        import keras

        from throughline.export.graph.weights import MismatchedWeights, read_weights

        one = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        two = keras.Sequential([keras.Input((4, 3)), keras.layers.GRU(2)])
        one.save_weights(tmp_path / "one.weights.h5")
        with pytest.raises(MismatchedWeights, match="dense"):
            read_weights(tmp_path / "one.weights.h5", json.loads(two.to_json()))


class TestUnsupportedLayers:
    def test_the_error_names_the_layer_the_class_and_what_is_supported(self):
        import keras

        from throughline.export.registry import UnsupportedLayer

        model = keras.Sequential(
            [keras.Input((5, 6, 6, 2)), keras.layers.ConvLSTM2D(3, 2, name="film")]
        )
        with pytest.raises(UnsupportedLayer, match="film") as error:
            exported(model)
        assert "ConvLSTM2D" in str(error.value)
        assert "LSTM" in str(error.value) and "Dense" in str(error.value)

    def test_own_layer_registers_a_converter_in_three_lines(self):
        import keras

        from throughline.export.registry import converts

        @keras.saving.register_keras_serializable("tests")
        class Doubled(keras.layers.Layer):
            def call(self, x):
                return x * 2

        @converts("Doubled")
        def doubled(layer, inputs, builder):
            return builder.elementwise("Mul", inputs[0], 2.0)

        model = keras.Sequential([keras.Input((3,)), Doubled(), keras.layers.Dense(2)])
        assert operators(assert_parity(model, rows(7, 3))) == ["Mul", "Gemm"]

    def test_tf2onnx_takes_what_has_no_converter(self, tmp_path):
        import keras

        from throughline.export.fallback import tf2onnx_graph

        x = keras.Input((4, 6, 6, 2), name="features")
        model = keras.Model(x, keras.layers.ConvLSTM2D(3, 2, name="film")(x))
        randomise(model)
        (tmp_path / "network.json").write_text(model.to_json())
        model.save_weights(tmp_path / "network.weights.h5")
        graph = tf2onnx_graph(tmp_path)
        onnx.checker.check_model(graph)
        assert [v.name for v in session(graph).get_inputs()] == ["features"]
        assert [v.name for v in session(graph).get_outputs()] == ["film"]
        assert {p.key: p.value for p in graph.metadata_props}["exporter"] == "tf2onnx"
        assert_same(model, graph, rows(3, 4, 6, 6, 2))


class TestMasksInsideNetworks:
    @pytest.mark.parametrize("kind", ["GRU", "GlobalAveragePooling1D"])
    def test_reach_what_follows_the_network(self, kind):
        """Keras fills a mask in anew in each call; the configuration says that there is none."""
        import keras
        from keras import layers

        start = keras.Input((None, 2))
        masked = layers.Masking()(start)
        inner = keras.Model(start, layers.Add()([layers.Dense(3)(masked), layers.Dense(3)(masked)]))
        x = keras.Input((None, 2), name="steps")
        y = layers.Dense(3)(layers.Average()([inner(x), inner(-x)]))
        last = layers.GRU(2) if kind == "GRU" else layers.GlobalAveragePooling1D()
        steps = rows(4, 5, 2)
        steps[1:, 3:] = 0
        assert_parity(keras.Model(x, last(y)), steps)

    def test_end_at_a_layer_of_ones_own_that_takes_none(self):
        import keras
        from keras import layers
        from random_networks import Gate

        x = keras.Input((None, 2), name="steps")
        y = layers.GlobalAveragePooling1D()(Gate()(layers.Masking()(x)))
        steps = rows(4, 5, 2)
        steps[1:, 3:] = 0
        assert_parity(keras.Model(x, y), steps)

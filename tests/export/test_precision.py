"""Variants are smaller and answer nearly as the float32 model does."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from keras_parity import exported, randomise, rows, session
from onnx import helper
from onnx.reference import ReferenceEvaluator

from throughline.export.graph.canonical import canonical_bytes
from throughline.export.graph.constants import fold_constants
from throughline.export.precision import dynamic_int8, float16, static_int8


@pytest.fixture(scope="module")
def dense():
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((64,), name="features"),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="tanh"),
            layers.Dense(3, activation="softmax", name="answer"),
        ]
    )
    randomise(model)
    for weight in model.weights:
        weight.assign(weight * 0.3)
    return exported(model)


@pytest.fixture(scope="module")
def words():
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="features"),
            layers.Embedding(500, 16, mask_zero=True),
            layers.GRU(16),
            layers.Dense(1, activation="sigmoid", name="answer"),
        ]
    )
    randomise(model)
    return exported(model)


@pytest.fixture(scope="module")
def lstm():
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((10, 6), name="features"), layers.LSTM(24)])
    randomise(model)
    return exported(model)


@pytest.fixture(scope="module")
def lstm_of_ones():
    """A cell whose gates add 64 products of equal sign, to half of what saturates them."""
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((5, 64), name="features"), layers.LSTM(4)])
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 1 / 64 if "bias" not in weight.path else 0))
    return exported(model)


def product(weights):
    """A graph of one matrix product, of rows by the name `features`."""
    rows_in = helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["N", len(weights)])
    out = helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, ["N", weights.shape[1]])
    node = helper.make_node("MatMul", ["features", "weights"], ["answer"], "product")
    initializer = onnx.numpy_helper.from_array(weights, "weights")
    graph = helper.make_graph([node], "product", [rows_in], [out], [initializer])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def answer(graph, x):
    return session(graph).run(None, {"features": x})[0]


class TestFloat16:
    def test_half_the_size_and_nearly_the_same_answers(self, dense, words):
        ids = np.random.default_rng(0).integers(0, 500, size=(7, 9)).astype("int32")
        for graph, x in ((dense, rows(7, 64)), (words, ids)):
            small = float16(graph)
            onnx.checker.check_model(small)
            assert len(canonical_bytes(small)) < 0.6 * len(canonical_bytes(graph))
            difference = np.abs(answer(small, x) - answer(graph, x)).max()
            assert 0 < difference < 2e-3

    def test_values_beyond_half_precision_stay(self, dense):
        large = onnx.ModelProto()
        large.CopyFrom(dense)
        tensor = large.graph.initializer[0]
        array = onnx.numpy_helper.to_array(tensor).copy()
        array.flat[0] = 1e6
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        np.testing.assert_allclose(
            answer(float16(large), rows(7, 64)), answer(large, rows(7, 64)), atol=1e-2
        )


class TestInt8:
    def test_dynamic_is_smaller_and_near(self, dense):
        small = dynamic_int8(dense)
        assert len(canonical_bytes(small)) < 0.45 * len(canonical_bytes(dense))
        assert np.abs(answer(small, rows(64, 64)) - answer(dense, rows(64, 64))).max() < 0.05

    def test_static_is_smaller_and_near(self, dense):
        batches = [{"features": rows(32, 64, seed=seed)} for seed in range(4)]
        small = static_int8(dense, batches)
        assert len(canonical_bytes(small)) < 0.6 * len(canonical_bytes(dense))
        assert np.abs(answer(small, rows(64, 64)) - answer(dense, rows(64, 64))).max() < 0.05

    def test_no_sum_of_two_products_leaves_sixteen_bits(self, dense, lstm):
        batches = [{"features": rows(32, 64)}]
        for small in (dynamic_int8(dense), dynamic_int8(lstm), static_int8(dense, batches)):
            weights = [onnx.numpy_helper.to_array(tensor) for tensor in small.graph.initializer]
            products = [w.astype(int) for w in weights if w.dtype == np.int8 and w.ndim > 1]
            assert products
            for weight in products:
                # An unsigned byte of the inputs, two at a time, as VPMADDUBSW adds them.
                assert 2 * 255 * np.abs(weight).max() <= np.iinfo(np.int16).max

    @pytest.mark.parametrize("kind", ["dynamic", "static"])
    def test_largest_bytes_are_added_as_integers_are(self, kind):
        """Every input is the largest byte, every weight the largest of its sign."""
        weights = np.ones((64, 4), np.float32) * [1, -1, 0.5, 1]
        weights[::4, 3] = -1
        graph = product(weights.astype(np.float32))
        x = np.ones((3, 64), np.float32)
        x[1] = np.linspace(0, 1, 64)
        small = dynamic_int8(graph) if kind == "dynamic" else static_int8(graph, [{"features": x}])
        expected = ReferenceEvaluator(small).run(None, {"features": x})[0]
        # A step of the answer's own eight bits; what is cut off would be half of the answer.
        allowed = 0 if kind == "dynamic" else np.ptp(expected) / 255 * 1.01
        assert np.abs(answer(small, x) - expected).max() <= allowed + 1e-4
        assert np.abs(expected - x @ weights).max() < 1.1

    def test_an_lstm_that_adds_the_largest_bytes(self, lstm_of_ones):
        x = np.ones((3, 5, 64), np.float32)
        small = dynamic_int8(lstm_of_ones)
        assert "DynamicQuantizeLSTM" in {node.op_type for node in small.graph.node}
        assert np.abs(answer(small, x) - answer(lstm_of_ones, x)).max() < 0.01

    def test_same_model_and_rows_give_the_same_bytes(self, dense):
        batches = [{"features": rows(32, 64)}]
        first, second = (canonical_bytes(static_int8(dense, batches)) for _ in range(2))
        assert first == second


class TestFoldedConstants:
    """Small networks used to be written in single precision, whatever was asked for."""

    @pytest.mark.parametrize("kind", ["float16", "static"])
    def test_weights_stay_small(self, kind):
        graph = product(np.linspace(-1, 1, 64 * 4, dtype=np.float32).reshape(64, 4))
        calibration = [{"features": rows(32, 64)}]
        small = float16(graph) if kind == "float16" else static_int8(graph, calibration)
        stored = {"float16": np.float16, "static": np.int8}[kind]
        fold_constants(small)
        weights = [onnx.numpy_helper.to_array(tensor) for tensor in small.graph.initializer]
        assert [w.dtype for w in weights if w.size == 256] == [stored]

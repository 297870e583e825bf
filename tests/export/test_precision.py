"""Variants are smaller and answer nearly as the float32 model does."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from keras_parity import exported, randomise, rows, session

from throughline.export.graph.canonical import canonical_bytes
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

    def test_same_model_and_rows_give_the_same_bytes(self, dense):
        batches = [{"features": rows(32, 64)}]
        first, second = (canonical_bytes(static_int8(dense, batches)) for _ in range(2))
        assert first == second

"""What people write between layers: tables, positions, shared layers, ids that nobody knows."""

from __future__ import annotations

import numpy as np
import pytest
from keras_parity import assert_parity, assert_same, exported, randomise, rows, session

from throughline.errors import RefusedByGate
from throughline.export.fallback import converted
from throughline.export.graph.reach import lower
from throughline.export.network import stored_network
from throughline.export.proof.parity_contract import running
from throughline.export.registry import UnsupportedLayer

IDS = np.array([[1, 2, 0, 4], [5, 5, 5, 5], [3, 0, 0, 0]], "int32")
TABLE = np.sin(np.arange(4)[:, None] / 10.0 ** (np.arange(6)[None] / 4)).astype("float32")


class TestTables:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("first", [True, False])
    def test_of_positions(self, dtype, first):
        import keras

        ids = keras.Input((4,), dtype="int32", name="ids")
        words = keras.layers.Embedding(6, 6, mask_zero=True)(ids)
        table = TABLE.astype(dtype)
        x = keras.ops.subtract(table, words) if first else words + table
        x = keras.layers.LayerNormalization()(x)
        assert_parity(keras.Model(ids, keras.layers.GlobalAveragePooling1D()(x)), IDS)

    def test_among_the_tensors_of_a_layer(self):
        import keras

        x = keras.Input((4, 6), name="x")
        y = keras.layers.Multiply()([keras.layers.Add()([x, TABLE[None]]), x])
        assert_parity(keras.Model(x, y), rows(3, 4, 6))

    def test_behind_a_convolution(self):
        import keras

        x = keras.Input((4, 6), name="x")
        y = keras.layers.Conv1D(6, 3, padding="same")(x) * TABLE
        assert_parity(keras.Model(x, keras.layers.Conv1D(2, 2)(y)), rows(3, 4, 6))

    def test_as_a_matrix(self):
        import keras

        x = keras.Input((4,), name="x")
        assert_parity(keras.Model(x, keras.ops.matmul(x, TABLE)), rows(3, 4))

    def test_as_a_mask(self):
        import keras

        x = keras.Input((4,), name="x")
        y = x * np.array([True, False, True, True]) + (x > np.array([0, 1, 0, -1], "int32"))
        assert_parity(keras.Model(x, y), rows(3, 4))


class TestNumbersOfTwoTypes:
    @pytest.mark.parametrize(
        "write",
        [
            lambda ids, x: ids * 0.5,
            lambda ids, x: ids + x,
            lambda ids, x: x - ids,
            lambda ids, x: ids / 2,
            lambda ids, x: (ids > 2) * x,
            lambda ids, x: (ids > 2.5) * 1.0,
            lambda ids, x: ids * np.array([0.5, 1, 2, 3], "float32"),
        ],
    )
    def test_become_one_as_in_keras(self, write):
        import keras

        ids, x = keras.Input((4,), dtype="int32", name="ids"), keras.Input((4,), name="x")
        model = keras.Model([ids, x], keras.layers.Dense(2)(write(ids, x)))
        randomise(model)
        graph = exported(model)
        given = {"ids": IDS, "x": rows(3, 4)}
        names = [value.name for value in graph.graph.input]
        assert_same(model, graph, *(given[name] for name in names))


class TestPositions:
    def test_counted_from_the_input(self):
        import keras

        ids = keras.Input((4,), dtype="int32", name="ids")
        places = keras.ops.cumsum(keras.ops.ones_like(ids), axis=1) - 1
        x = keras.layers.Add()(
            [keras.layers.Embedding(6, 5)(ids), keras.layers.Embedding(4, 5)(places)]
        )
        x = keras.layers.LayerNormalization()(keras.layers.Dense(5, activation="gelu")(x))
        assert_parity(keras.Model(ids, keras.layers.GlobalAveragePooling1D()(x)), IDS)

    @pytest.mark.parametrize("kind", ["learned", "sine"])
    def test_added_by_a_layer_of_ours(self, kind):
        import keras

        from throughline.training.network.positions import AddPositions

        ids = keras.Input((4,), dtype="int32", name="ids")
        x = AddPositions(kind)(keras.layers.Embedding(6, 5, mask_zero=True)(ids))
        assert_parity(keras.Model(ids, keras.layers.GRU(3)(x)), IDS)


class TestIdsThatNobodyKnows:
    def test_have_a_row_of_their_own(self):
        import keras

        ids = keras.Input((1,), name="ids")
        model = keras.Model(ids, keras.layers.Flatten()(keras.layers.Embedding(5, 3)(ids)))
        graph = assert_parity(model, np.arange(5, dtype="float32")[:, None])
        unknown = np.array([[-1.0], [-2.0], [4.0]], "float32")
        (answers,) = session(graph).run(None, {"ids": unknown})
        assert not answers[:2].any()
        assert answers[2].any()

    def test_cost_token_numbers_nothing(self):
        import keras

        ids = keras.Input((4,), dtype="int32", name="ids")
        graph = exported(keras.Model(ids, keras.layers.Embedding(6, 3)(ids)))
        assert [node.op_type for node in graph.graph.node] == ["Gather"]


class TestSharedLayers:
    @pytest.mark.parametrize("normalised", [True, False])
    def test_have_names_of_their_own_in_every_call(self, normalised):
        import keras

        a, b = keras.Input((9, 2), name="a"), keras.Input((9, 2), name="b")
        convolution = keras.layers.Conv1D(3, 3, name="conv")
        normalisation = keras.layers.BatchNormalization(name="norm")
        pool = keras.layers.MaxPooling1D(2, name="pool")

        def branch(x):
            x = convolution(x)
            return pool(normalisation(x) if normalised else x)

        graph = assert_parity(
            keras.Model([a, b], keras.layers.Subtract()([branch(a), branch(b)])),
            rows(3, 9, 2),
            rows(3, 9, 2, seed=2),
        )
        for names in (
            [node.name for node in graph.graph.node],
            [value for node in graph.graph.node for value in node.output],
        ):
            assert len(set(names)) == len(names)


class TestFallback:
    def test_leaves_no_operator_that_no_runtime_has(self):
        import keras

        x = keras.Input((4, 6), name="x")
        y = keras.layers.Dense(5, activation="gelu")(keras.ops.roll(x, 1, axis=1))
        model = keras.Model(x, keras.layers.Activation("gelu")(y))
        randomise(model)
        graph = lower(converted(model))
        assert "Erfc" not in {node.op_type for node in graph.graph.node}
        assert_same(model, graph, rows(3, 4, 6))

    def test_that_fails_is_one_line(self, tmp_path, monkeypatch):
        import keras

        from throughline.training.save import save

        def failing(folder):
            raise ValueError("no such\noperation")

        x = keras.Input((3, 5, 5, 1), name="x")
        save(keras.Model(x, keras.layers.ConvLSTM2D(2, 3, name="film")(x)), tmp_path)
        monkeypatch.setattr("throughline.export.fallback.tf2onnx_graph", failing)
        with pytest.raises(UnsupportedLayer) as error:
            stored_network(tmp_path)
        for words in ("by tf2onnx", "ValueError: no such operation", "'film'", "ConvLSTM2D"):
            assert words in str(error.value)

    def test_that_no_runtime_can_run_is_one_line(self):
        with pytest.raises(RefusedByGate, match=r"must run .* 'main'.*a b"), running("main"):
            raise RuntimeError("a\nb")

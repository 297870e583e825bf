"""Every recurrent layer is one native operator and answers as Keras does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_parity import BATCHES, assert_parity, assert_same, exported, operators, rows

from throughline.export.registry import UnsupportedLayer

NATIVE = {"SimpleRNN": "RNN", "GRU": "GRU", "LSTM": "LSTM"}
# A plain SimpleRNN is faster as a Scan.
UNMASKED = NATIVE | {"SimpleRNN": "Scan"}
ACTIVATIONS = ("tanh", "relu", "sigmoid", "linear", "elu", "softsign", "hard_sigmoid")


def recurrent(kind: str, units: int, **options: object):
    """A layer of the kind; options that the kind doesn't have are left out."""
    from keras import layers

    if kind != "GRU":
        options.pop("reset_after", None)
    if kind == "SimpleRNN":
        options.pop("recurrent_activation", None)
    return getattr(layers, kind)(units, **options)


def options() -> st.SearchStrategy[dict[str, object]]:
    """Settings of a recurrent layer."""
    return st.fixed_dictionaries(
        {
            "return_sequences": st.booleans(),
            "go_backwards": st.booleans(),
            "use_bias": st.booleans(),
            "reset_after": st.booleans(),
            "activation": st.sampled_from(ACTIVATIONS),
            "recurrent_activation": st.sampled_from(("sigmoid", "hard_sigmoid", "tanh")),
        }
    )


def ids(batch: int, time: int, padding: str) -> np.ndarray:
    """Word ids with zeros before, behind or between; one row is empty, one is full."""
    generator = np.random.default_rng(0)
    array = generator.integers(1, 6, size=(batch, time))
    for row in range(batch):
        length = generator.integers(0, time + 1)
        if padding == "left":
            array[row, : time - length] = 0
        elif padding == "right":
            array[row, length:] = 0
        else:
            array[row, generator.random(time) < 0.4] = 0
    array[0] = 0
    array[-1] = 3
    return array.astype("int32")


@pytest.mark.parametrize("kind", list(NATIVE))
class TestWithoutMask:
    @given(options(), st.sampled_from(BATCHES), st.integers(1, 9))
    def test_every_option_gives_one_native_operator(self, kind, settings_, batch, time):
        import keras

        model = keras.Sequential([keras.Input((None, 3)), recurrent(kind, 4, **settings_)])
        graph = assert_parity(model, rows(batch, time, 3))
        assert operators(graph).count(UNMASKED[kind]) == 1
        assert "Loop" not in operators(graph)

    def test_a_function_that_the_operators_overflow_in_has_no_native_form(self, kind):
        """Softplus of 89 is 89, and infinity in onnxruntime's recurrent operators."""
        import keras

        layer = recurrent(kind, 2, activation="softplus")
        model = keras.Sequential([keras.Input((4, 3)), layer])
        if kind == "SimpleRNN":
            assert_parity(model, 1000 * rows(7, 4, 3))
        else:
            with pytest.raises(UnsupportedLayer, match="activation: softplus"):
                exported(model)

    def test_stacked_layers_need_no_transposes_between(self, kind):
        import keras

        layers = [recurrent(kind, 4, return_sequences=True) for _ in range(3)]
        model = keras.Sequential([keras.Input((None, 3)), *layers, recurrent(kind, 2)])
        graph = assert_parity(model, rows(7, 5, 3))
        assert operators(graph).count("Transpose") == 1

    def test_one_graph_serves_every_length_and_batch(self, kind):
        import keras

        model = keras.Sequential([keras.Input((None, 3)), recurrent(kind, 4)])
        graph = assert_parity(model, rows(7, 5, 3))
        for batch, time in ((1, 1), (64, 30), (7, 12)):
            assert_same(model, graph, rows(batch, time, 3))

    @given(st.booleans(), st.booleans())
    def test_initial_and_returned_states(self, kind, backwards, sequences):
        import keras

        x = keras.Input((None, 3), name="features")
        states = [keras.Input((4,), name=f"s{i}") for i in range(2 if kind == "LSTM" else 1)]
        layer = recurrent(
            kind, 4, return_state=True, return_sequences=sequences, go_backwards=backwards
        )
        model = keras.Model([x, *states], layer(x, initial_state=states))
        assert_parity(model, rows(7, 5, 3), *(rows(7, 4, seed=i) for i in range(len(states))))

    def test_stateful_states_are_inputs_and_outputs(self, kind):
        import keras
        from keras_parity import exported, randomise, session

        layer = recurrent(kind, 4, stateful=True)
        model = keras.Sequential([keras.Input(batch_shape=(2, 5, 3)), layer, keras.layers.Dense(1)])
        randomise(model)
        layer.reset_state()
        runtime = session(exported(model))
        names = [value.name for value in runtime.get_inputs()]
        states = [np.zeros((2, 4), np.float32) for _ in names[1:]]
        for seed in range(3):
            x = rows(2, 5, 3, seed=seed)
            answer, *states = runtime.run(None, dict(zip(names, [x, *states], strict=True)))
            np.testing.assert_allclose(answer, np.asarray(model(x)), atol=1e-5)


@pytest.mark.parametrize("kind", list(NATIVE))
@pytest.mark.parametrize("padding", ["left", "right", "between"])
class TestWithMask:
    @given(options(), st.booleans())
    @settings(max_examples=8)
    def test_embedding_mask(self, kind, padding, settings_, zero):
        import keras

        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(6, 3, mask_zero=True),
                recurrent(kind, 4, **settings_, zero_output_for_mask=zero),
            ]
        )
        graph = assert_parity(model, ids(9, 6, padding))
        assert operators(graph).count(NATIVE[kind]) == 1

    def test_mask_reaches_stacked_layers(self, kind, padding):
        import keras

        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(6, 3, mask_zero=True),
                recurrent(kind, 4, return_sequences=True),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(3, activation="tanh"),
                recurrent(kind, 4, return_sequences=True, go_backwards=True),
                recurrent(kind, 4),
            ]
        )
        assert_parity(model, ids(9, 6, padding))

    @given(st.booleans(), st.sampled_from(("concat", "sum", "mul", "ave")))
    @settings(max_examples=4)
    def test_bidirectional(self, kind, padding, sequences, merge):
        import keras

        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(6, 3, mask_zero=True),
                keras.layers.Bidirectional(
                    recurrent(kind, 4, return_sequences=True), merge_mode=merge
                ),
                keras.layers.Bidirectional(
                    recurrent(kind, 4, return_sequences=sequences), merge_mode=merge
                ),
            ]
        )
        assert_parity(model, ids(9, 6, padding))

    def test_functional_model_stores_the_mask_as_operations(self, kind, padding):
        import keras

        words = keras.Input((None,), dtype="int32", name="features")
        x = keras.layers.Embedding(6, 3, mask_zero=True)(words)
        x = recurrent(kind, 4, return_sequences=True)(x)
        x = keras.layers.Bidirectional(recurrent(kind, 2))(x)
        assert_parity(keras.Model(words, x), ids(9, 6, padding))

    def test_a_row_without_a_step_keeps_its_first_state(self, kind, padding):
        import keras

        words = keras.Input((None,), dtype="int32", name="features")
        states = [keras.Input((4,), name=f"state_{i}") for i in range(1 + (kind == "LSTM"))]
        layer = recurrent(kind, 4, return_state=True)
        x = layer(keras.layers.Embedding(6, 3, mask_zero=True)(words), initial_state=states)
        model = keras.Model([words, *states], x)
        assert_parity(model, ids(9, 6, padding), *(rows(9, 4) for _ in states))

    def test_the_operator_s_last_state_of_no_step_is_not_taken(self, kind, padding):
        """Which up to onnxruntime 1.30 was what stood in memory; where the states are zeros."""
        import keras

        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(6, 3, mask_zero=True),
                keras.layers.Bidirectional(recurrent(kind, 4)),
            ]
        )
        graph = assert_parity(model, ids(9, 6, padding)).graph
        (state,) = (node.output[1] for node in graph.node if node.op_type == NATIVE[kind])
        readers = {node.op_type for node in graph.node if state in node.input}
        assert (readers == {"Where"}) == (kind == "SimpleRNN")


class TestMaskingLayer:
    @given(st.sampled_from((0.0, -1.0)), st.booleans())
    def test_steps_of_the_mask_value_are_skipped(self, value, sequences):
        import keras

        x = rows(7, 6, 3)
        x[0, :2] = value
        x[1, 4:] = value
        x[2] = value
        x[3, 1, 0] = value
        model = keras.Sequential(
            [
                keras.Input((None, 3)),
                keras.layers.Masking(value),
                keras.layers.GRU(4, return_sequences=sequences),
            ]
        )
        assert_parity(model, x)


@pytest.mark.parametrize("kind", list(NATIVE))
class TestBidirectional:
    @given(
        options(), st.sampled_from(("concat", "sum", "mul", "ave", None)), st.sampled_from(BATCHES)
    )
    def test_every_option_gives_one_native_operator(self, kind, settings_, merge, batch):
        import keras

        settings_ = settings_ | {"go_backwards": False}
        x = keras.Input((None, 3))
        layer = keras.layers.Bidirectional(recurrent(kind, 4, **settings_), merge_mode=merge)
        graph = assert_parity(keras.Model(x, layer(x)), rows(batch, 5, 3))
        assert operators(graph).count(NATIVE[kind]) == 1

    @given(st.booleans())
    def test_states(self, kind, sequences):
        import keras

        x = keras.Input((None, 3), name="features")
        states = [keras.Input((4,), name=f"s{i}") for i in range(4 if kind == "LSTM" else 2)]
        layer = keras.layers.Bidirectional(
            recurrent(kind, 4, return_state=True, return_sequences=sequences)
        )
        model = keras.Model([x, *states], layer(x, initial_state=states))
        assert_parity(model, rows(7, 5, 3), *(rows(7, 4, seed=i) for i in range(len(states))))

    @given(st.booleans(), st.sampled_from(("concat", "sum")))
    def test_directions_of_different_kinds(self, kind, sequences, merge):
        import keras

        layer = keras.layers.Bidirectional(
            recurrent(kind, 4, return_sequences=sequences),
            backward_layer=recurrent("GRU", 4, return_sequences=sequences, go_backwards=True,
                                     activation="relu"),
            merge_mode=merge,
        )  # fmt: skip
        model = keras.Sequential([keras.Input((None, 3)), layer])
        assert_parity(model, rows(7, 5, 3))


def test_directions_of_cells_without_an_operator_are_refused_by_name():
    """Not by a KeyError, after which nobody asks tf2onnx."""
    import keras
    from keras import layers

    x = keras.Input((4, 3))
    y = layers.Bidirectional(layers.RNN([layers.GRUCell(2), layers.GRUCell(3)]))(x)
    with pytest.raises(UnsupportedLayer, match="directions of class RNN"):
        exported(keras.Model(x, y))

"""Networks of the pipeline file become the right models, or a message that names the mistake."""

from __future__ import annotations

import random
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from throughline.errors import BadPipeline
from throughline.training.catalogue import catalogue
from throughline.training.network.build import BadNetwork, Output, build
from throughline.training.network.seeds import counted_anew

TABLE = {"features": (5,)}
THREE = Output(3, "softmax")


def until(model: Any, layer: str) -> Any:
    """The network up to a layer."""
    import keras

    return keras.Model(model.inputs, model.get_layer(layer).output)


def kinds(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


class TestLists:
    def test_output_layer_is_added(self) -> None:
        model = build(
            [{"Dense": {"units": 4, "activation": "relu"}}, "BatchNormalization"], TABLE, THREE
        )
        assert kinds(model) == ["InputLayer", "Dense", "BatchNormalization", "Dense"]
        assert [layer.name for layer in model.layers] == [
            "features", "dense", "batch_normalization", "output",
        ]  # fmt: skip
        assert model.output.shape == (None, 3)

    def test_empty_list_is_the_output_alone(self) -> None:
        assert kinds(build([], TABLE, Output(1, "sigmoid"))) == ["InputLayer", "Dense"]

    def test_layers_after_the_output(self) -> None:
        network = [
            {"Output": {"activation": "linear", "kernel_initializer": "ones"}},
            "BatchNormalization",
            {"Activation": {"activation": "softmax"}},
        ]
        model = build(network, TABLE, THREE)
        assert kinds(model) == ["InputLayer", "Dense", "BatchNormalization", "Activation"]
        assert model.layers[1].get_weights()[0].tolist() == [[1.0] * 3] * 5

    def test_several_inputs_are_joined(self) -> None:
        model = build([{"Dense": {"units": 2}}], {"a": (2,), "b": (3,)}, THREE)
        assert model.layers[2].output.shape == (None, 5)

    def test_wrapped_layers_and_objects_by_name(self) -> None:
        layer = {"LSTM": {"units": 2, "kernel_regularizer": {"L2": 0.5}}}
        model = build([{"Bidirectional": {"layer": layer}}], {"x": (4, 3)}, THREE)
        assert float(model.layers[1].forward_layer.cell.kernel_regularizer.l2) == 0.5

    def test_same_configuration_in_one_process_whatever_the_seed(self) -> None:
        network = [{"Dense": {"units": 4}}, {"Dropout": {"rate": 0.5}}, {"Dense": {"units": 4}}]
        one, other = (build(network, TABLE, THREE, seed=seed) for seed in (1, 2))
        assert one.to_json() == other.to_json()
        assert (one.get_weights()[0] != other.get_weights()[0]).any()

    def test_masks_are_named_alike_whatever_the_process_built_before(self) -> None:
        masked = {"Embedding": {"input_dim": 9, "output_dim": 2, "mask_zero": True}}
        layers = [
            {"name": "a", **masked},
            {"name": "b", "from": "tokens", **masked},
            {"Concatenate": {}, "from": ["a", "b"]},
            {"LSTM": {"units": 2}},
        ]
        one, other = (build({"layers": layers}, {"tokens": (4,)}, THREE) for _ in range(2))
        assert one.to_json() == other.to_json()
        names = [operation.name for operation in one.operations]
        assert "not_equal" in names and "concatenate_of_masks" in names

    def test_what_is_added_later_has_a_name_of_its_own(self) -> None:
        import keras

        with counted_anew():
            model = build(["Masking", {"LSTM": {"units": 2}}], {"x": (4, 3)}, THREE)
            later = keras.ops.not_equal(model.inputs[0], 0.0)._keras_history.operation.name
        names = [operation.name for operation in model.operations]
        assert "not_equal" in names and later not in names

    def test_draws_the_weights_of_its_seed_whatever_other_threads_draw(self) -> None:
        """A client that waits a random while moved the seeds in the middle of a network."""
        network = [{"Dense": {"units": 4}}] * 12
        alone = build(network, TABLE, THREE, seed=1).get_weights()
        over = threading.Event()

        def draw() -> None:
            while not over.is_set():
                random.random()

        drawing = threading.Thread(target=draw)
        drawing.start()
        try:
            builds = [build(network, TABLE, THREE, seed=1).get_weights() for _ in range(5)]
        finally:
            over.set()
            drawing.join()
        for weights in builds:
            for one, other in zip(alone, weights, strict=True):
                np.testing.assert_array_equal(one, other)


class TestGraphs:
    def test_named_inputs_and_layers(self) -> None:
        network = {
            "layers": [
                {"Dense": {"units": 8}, "name": "h1", "from": "numbers"},
                {"Dense": {"units": 4}, "name": "h2", "from": "department"},
                {"Concatenate": {}, "from": ["h1", "h2"]},
            ]
        }
        model = build(network, {"numbers": (3,), "department": (2,)}, THREE)
        assert model.get_layer("concatenate").output.shape == (None, 12)

    @pytest.mark.parametrize("source", ["e", ["e", "e"], ["e", "f"], ["e", "f", "f"]])
    def test_attention_takes_a_query_and_a_value(self, source: Any) -> None:
        network = {
            "layers": [
                {"Dense": {"units": 4}, "name": "f", "from": "steps"},
                {"Dense": {"units": 4}, "name": "e", "from": "steps"},
                {"MultiHeadAttention": {"num_heads": 2, "key_dim": 3}, "from": source},
                {"GlobalAveragePooling1D": {}},
            ]
        }
        model = build(network, {"steps": (7, 2)}, THREE)
        (attention,) = (m for m in model.layers if type(m).__name__ == "MultiHeadAttention")
        read = [tensor._keras_history.operation.name for tensor in attention.input]
        given = [source] if isinstance(source, str) else source
        assert set(read) == set(given)
        assert attention.output.shape == (None, 7, 4)

    def test_an_unknown_source(self) -> None:
        network = {"layers": [{"Dense": {"units": 8}, "from": "featuers"}]}
        with pytest.raises(BadNetwork, match="Did you mean 'features'"):
            build(network, TABLE, THREE)


class TestSharedLayers:
    TWINS: ClassVar[list[Any]] = [
        {"Dense": {"units": 4}, "name": "encoder", "from": "left"},
        {"Shared": {"layer": "encoder"}, "name": "other", "from": "right"},
        {"Subtract": {}, "from": ["encoder", "other"]},
    ]

    def test_have_one_set_of_weights(self) -> None:
        model = build({"layers": self.TWINS}, {"left": (3,), "right": (3,)}, Output(1, "linear"))
        assert [weight.shape for weight in model.weights] == [(3, 4), (4,), (4, 1), (1,)]
        same = np.ones((2, 3), "float32")
        (bias,) = model.layers[-1].get_weights()[1:]
        assert np.allclose(model([same, same]), bias)

    def test_without_a_name_leave_the_first_call_its_own(self) -> None:
        network = {
            "layers": [
                {"Dense": {"units": 3}, "name": "step", "from": "features"},
                {"Shared": {"layer": "step"}},
                {"Shared": {"layer": "step"}},
                {"Concatenate": {}, "from": ["step", "shared", "shared_1"]},
            ]
        }
        model = build(network, {"features": (3,)}, THREE)
        assert model.get_layer("concatenate").output.shape == (None, 9)

    def test_are_there_already(self) -> None:
        network = {"layers": [{"Shared": {"layer": "encodr"}, "from": "left"}, *self.TWINS]}
        with pytest.raises(BadNetwork, match=r"Shared\.layer should name an earlier layer"):
            build(network, {"left": (3,), "right": (3,)}, THREE)


class TestPositions:
    def test_are_added_and_keep_the_mask(self) -> None:
        network = [
            {"Embedding": {"input_dim": 9, "output_dim": 4, "mask_zero": True}},
            "AddPositions",
            {"GlobalAveragePooling1D": {}},
        ]
        model = build(network, {"words": (5,)}, THREE, {"words": "int32"})
        assert [w.shape for w in model.layers[2].trainable_weights] == [(5, 4)]
        inner = until(model, "global_average_pooling1d")
        words, positions = (model.layers[i].get_weights()[0] for i in (1, 2))
        found = inner(np.array([[3, 2, 0, 0, 0]], "int32"))
        assert np.allclose(found, (words[[3, 2]] + positions[:2]).mean(0), atol=1e-6)

    def test_as_waves_are_not_learned(self) -> None:
        network = [{"AddPositions": {"kind": "sine"}}, "Flatten"]
        model = build(network, {"steps": (5, 4)}, THREE)
        (waves,) = model.layers[1].get_weights()
        assert not model.layers[1].trainable_weights
        assert np.allclose(waves[3], [np.sin(3), np.cos(3), np.sin(0.03), np.cos(0.03)])

    def test_are_known_to_who_reads_the_network(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As in a process that built none."""
        import keras

        from throughline.training.save import load, save

        model = build(["AddPositions", "Flatten"], {"steps": (5, 4)}, THREE)
        save(model, tmp_path)
        monkeypatch.delitem(keras.saving.get_custom_objects(), "throughline>AddPositions")
        monkeypatch.delitem(sys.modules, "throughline.training.network.positions")
        assert load(tmp_path).layers[1].kind == "learned"

    def test_of_open_length_are_refused(self) -> None:
        with pytest.raises(BadNetwork, match="positions need sequences of one length"):
            build(["AddPositions"], {"steps": (None, 4)}, THREE)


class TestFunctions:
    def test_missing_module_and_function(self) -> None:
        with pytest.raises(BadPipeline, match=r"no_such_module"):
            build("no_such_module:net", TABLE, THREE)
        with pytest.raises(BadPipeline, match="must name a module of the project's own"):
            build("json:net", TABLE, THREE)


class TestCatalogue:
    def test_is_that_of_the_installed_keras(self) -> None:
        assert catalogue.written(catalogue.collect()) == catalogue.FILE.read_text(encoding="utf-8")

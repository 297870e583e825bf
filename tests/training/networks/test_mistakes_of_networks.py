"""Mistakes in a network are named with their place, in words of the pipeline file."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest

from throughline.training.catalogue import catalogue
from throughline.training.network import spec
from throughline.training.network.build import BadNetwork, Output, build, check

TABLE = {"features": (5,)}
THREE = Output(3, "softmax")


def kinds(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


class TestMistakes:
    @pytest.mark.parametrize(
        ("network", "message"),
        [
            ([{"Dense": {"unitz": 3}}], r"network\[0\]\.Dense\.unitz .* Did you mean 'units'"),
            ([{"AugMix": {}}], r"network\[0\].* from a source that no seed reaches.*RandAugment"),
            (["Flaten"], r"network\[0\] .* Did you mean 'Flatten'"),
            ([{"Dense": {"units": 1, "activation": "rellu"}}], "Did you mean 'relu'"),
            ([{"Dense": {"units": 1, "kernel_initializer": "he_norml"}}], "HeNormal"),
            ([{"Dense": {"units": 1, "kernel_constraint": {"MaxNorm": {"max": 1}}}}], "max_value"),
            ([{"TimeDistributed": {"layer": {"Dens": {}}}}], r"TimeDistributed\.layer .*'Dense'"),
            ([{"Dense": {}, "Dropout": {}}], "one layer with its arguments"),
            ({"layer": []}, "network should be a list"),
            ("networks.captioner", "package.module:function"),
            ([{"Shared": {"of": "encoder"}}], "Write - Shared: {layer: NAME}"),
            (
                ["Output", {"Output": {"name": "b"}}],
                r"network\[1\]\.Output .* the only output.*task",
            ),
            (
                [{"Dense": {"use_causal_mask": True}}],
                r"Dense\.use_causal_mask .* of Dense",
            ),
            (["AddPosition"], "Did you mean 'AddPositions'"),
            ([{"AddPositions": {"kinds": "sine"}}], "Did you mean 'kind'"),
            ({"layers": [{"Flatten": {}, "from": None}]}, r"layers\[0\]\.from should be the name"),
            ({"layers": [{"Flatten": {}, "from": [["a"]]}]}, r"Received: \[\['a'\]\]"),
            ({"layers": [{"Flatten": {}, "name": 3}]}, r"layers\[0\]\.name should be a text"),
            ([{"InputLayer": {"shape": [5]}}], r"network\[0\]\.InputLayer .*Remove it"),
            (
                [{"RNN": {"cell": {"StackedRNNCells": {"cells": []}}}}],
                r"RNN\.cell\.StackedRNNCells .*one after another",
            ),
            ([{"RNN": {"cell": ["LSTMCell", "LSTMCell"]}}], r"RNN\.cell should be one layer"),
            (
                [{"LSTM": {"units": 2, "return_state": True}}],
                r"LSTM\.return_state .*one tensor on",
            ),
            (
                [{"Bidirectional": {"layer": {"GRU": {"units": 2, "return_state": True}}}}],
                r"layer\.GRU\.return_state .*one tensor on",
            ),
            ([{"GRU": {"units": 2, "recurrent_activation": "sigmod"}}], "Did you mean 'sigmoid'"),
            (
                [{"Dense": {"units": 2, "activation": {"LeakyReLU": {"negative_slope": 0.3}}}}],
                r"Dense\.activation should be the name .*next layer",
            ),
            ([{"Dense": {"units": 2, "activation": "glu"}}], r"halves.*keras\.ops\.glu"),
            ([{"Activation": {"activation": "threshold"}}], "two numbers more"),
            ([{"LSTMCell": {"units": 2}}], r"LSTMCell should be a layer.*Write LSTM"),
            (["TFSMLayer"], r"TFSMLayer .*package\.module:function"),
            (
                {"layers": [{"Flatten": {}, "name": "a"}, {"Dense": {"units": 2}, "name": "a"}]},
                r"layers\[1\]\.Dense should have a name that no .*Received: a\.",
            ),
            (
                {"layers": [{"Flatten": {}, "name": "a"}, {"Dense": {"units": 2, "name": "a"}}]},
                r"layers\[1\]\.Dense should have a name that no",
            ),
        ],
    )
    def test_named_without_keras(self, network: Any, message: str) -> None:
        (problem,) = check(network)
        with pytest.raises(AssertionError, match=message):
            raise AssertionError(problem)

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            ({"CuDNNLSTM": {"units": 2}}, r"network\[0\] should be .* Write LSTM"),
            ({"LocallyConnected1D": {"filters": 2}}, "Keras 3 has none; write Conv1D"),
            ({"tf.keras.layers.Dense": {"units": 2}}, "Write Dense, without the module"),
            ({"Dense": {"units": 2, "activation": "tf.nn.relu"}}, "Write relu, without"),
            ({"Dense": {"units": 2, "input_shape": [5]}}, "Dense.input_shape.*from the columns"),
            ({"Dense": {"units": 2, "input_dim": 5}}, "Dense.input_dim.*from the columns"),
            ({"Embedding": {"input_dim": 5, "output_dim": 2, "input_length": 3}}, "columns"),
            ({"Dense": {"units": 2, "kernel_initializer": "glorot"}}, "Write GlorotUniform or"),
            ({"Dense": {"units": 2, "kernel_initializer": "normal"}}, "Write RandomNormal"),
            ({"Dense": {"units": 2, "kernel_regularizer": "keras.regularizers.l2"}}, "Write L2,"),
        ],
    )
    def test_names_of_keras_2_are_told_their_successor(self, layer: Any, message: str) -> None:
        (problem,) = check([layer])
        with pytest.raises(AssertionError, match=message):
            raise AssertionError(problem)

    @pytest.mark.parametrize(
        ("layer", "place"),
        [
            ({"Dense": {"units": True}}, "Dense.units"),
            ({"Output": {"activation": True}}, "Output.activation"),
            ({"Rescaling": {"scale": True}}, "Rescaling.scale"),
            ({"Bidirectional": {"layer": {"LSTM": {"units": True}}}}, "layer.LSTM.units"),
            ({"Dense": {"units": 2, "kernel_regularizer": {"L2": {"l2": True}}}}, "regularizer.l2"),
            ({"Dense": {"units": 2, "kernel_regularizer": {"L2": True}}}, "regularizer.L2"),
        ],
    )
    def test_true_is_no_number(self, layer: Any, place: str) -> None:
        (problem,) = check([layer])
        assert f"{place} should not be true or false. Received: true." in problem

    @pytest.mark.parametrize(
        ("layer", "place"),
        [
            ({"Dense": {"units": "eight"}}, "network[0].Dense.units"),
            ({"Conv2D": {"filters": 2, "kernel_size": "3x3"}}, "network[0].Conv2D.kernel_size"),
            ({"Dropout": {"rate": "half"}}, "network[0].Dropout.rate"),
            ({"Bidirectional": {"layer": {"LSTM": {"units": "two"}}}}, "layer.LSTM.units"),
            (
                {"Dense": {"units": 2, "kernel_regularizer": {"L2": {"l2": "much"}}}},
                "regularizer.l2",
            ),
        ],
    )
    def test_a_text_is_no_number(self, layer: Any, place: str) -> None:
        problems = check([layer])
        assert any("should be a number. Received: " in each and place in each for each in problems)

    def test_no_text_that_keras_has_as_a_default_is_refused(self) -> None:
        import keras

        tried = 0
        for kind in catalogue.KINDS:
            for name, arguments in catalogue.read()[kind].items():
                signature = inspect.signature(getattr(getattr(keras, kind), name).__init__)
                for argument in set(arguments) & set(signature.parameters):
                    default = signature.parameters[argument].default
                    if isinstance(default, str | bool):
                        assert spec.misplaced(name, argument, default, "") is None
                        tried += 1
        assert tried > 300

    def test_truths_stay_allowed(self) -> None:
        network = [
            {"BatchNormalization": {"scale": False, "trainable": False}},
            {"LSTM": {"units": 2, "return_sequences": True, "use_cudnn": False}},
            {"MultiHeadAttention": {"num_heads": 1, "key_dim": 2, "use_causal_mask": True}},
            {"MultiHeadAttention": {"num_heads": 1, "key_dim": 2, "flash_attention": True}},
            {"Output": {"use_bias": False}},
        ]
        assert check(network) == []

    def test_values_that_keras_refuses(self) -> None:
        with pytest.raises(BadNetwork, match=r"network\[0\]\.Dense could not be made.*units"):
            build([{"Dense": {"units": -1}}], TABLE, THREE)
        with pytest.raises(BadNetwork, match=r"what comes before it, of shape \(None, 5\)"):
            build([{"LSTM": {"units": 2}}], TABLE, THREE)
        with pytest.raises(BadNetwork, match=r"BatchNormalization should fit .*out of range"):
            build([{"BatchNormalization": {"axis": 9}}], TABLE, THREE)

    def test_checking_imports_no_keras(self) -> None:
        code = (
            "import sys; from throughline.training.network.build import check; "
            "check([{'Dense': {'unitz': 3}}]); assert 'keras' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    @pytest.mark.parametrize("name", ["features", "hidden"])
    def test_a_name_that_is_taken(self, name: str) -> None:
        network = [{"Dense": {"units": 2, "name": "hidden"}}, {"Dense": {"units": 2, "name": name}}]
        with pytest.raises(BadNetwork, match=rf"network\[1\].*Received: {name}"):
            build(network, {"features": (3,)}, Output(1, "linear"))


class TestWhatKerasSays:
    def test_of_a_layer_that_does_not_fit_is_the_reason(self) -> None:
        with pytest.raises(
            BadNetwork, match=r"must be unchanged\. Received: input_shape="
        ) as refused:
            build([{"Reshape": {"target_shape": [4]}}], TABLE, THREE)
        assert "\x1b" not in str(refused.value)

    def test_a_layer_that_gives_back_its_input_is_refused(self) -> None:
        """Equalization: the network ended in a cycle, with a traceback."""
        with pytest.raises(BadNetwork, match=r"network\[0\].* Equalization"):
            build(["Equalization", "Flatten"], {"picture": (4, 4, 3)}, THREE)

    @pytest.mark.parametrize("dtype", ["float16", "mixed_float16"])
    def test_float16_is_refused(self, dtype: str) -> None:
        """TensorFlow's product of float16 ended the process on a CPU."""
        with pytest.raises(BadNetwork, match=r"network\[0\]\.Dense\.dtype should be .*bfloat16"):
            build([{"Dense": {"units": 2, "dtype": dtype}}], TABLE, THREE)

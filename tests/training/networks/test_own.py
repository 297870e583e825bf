"""Code of the user's own is checked at once: one line says what it should return."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.errors import BadPipeline
from throughline.figures.learned import figure, loss
from throughline.pipeline.schema.training import Training
from throughline.stages.digests.code import references
from throughline.training.engine.runs import Run
from throughline.training.learner import Learner
from throughline.training.network import checks, own
from throughline.training.network.build import BadNetwork, Output, build
from throughline.training.objects import losses
from throughline.training.objects.section import check_training
from throughline.training.save import load, save

MODULE = """
import keras
from keras import layers as L, ops

def _end(x, output):
    return L.Dense(output.units, activation=output.activation, name=output.name)(x)

def _start(inputs, name="features"):
    return keras.Input(inputs["features"], name=name)

def right(inputs, output):
    i = _start(inputs)
    return keras.Model(i, _end(L.Dense(8)(i), output))

def sequential(inputs, output):
    return keras.Sequential([L.Dense(8), L.Dense(output.units, activation=output.activation)])

def built_sequential(inputs, output):
    return keras.Sequential([_start(inputs), L.Dense(output.units, activation=output.activation)])

def returns_none(inputs, output):
    return None

def fails(inputs, output):
    return inputs["nothing"]

def two_outputs(inputs, output):
    i = _start(inputs)
    return keras.Model(i, [_end(i, output), L.Dense(1)(i)])

def wrong_units(inputs, output):
    i = _start(inputs)
    return keras.Model(i, L.Dense(2, activation="softmax")(i))

def logits(inputs, output):
    i = _start(inputs)
    return keras.Model(i, L.Dense(output.units)(i))

def other_inputs(inputs, output):
    i = _start(inputs, "mine")
    return keras.Model(i, _end(i, output))

def lambdas(inputs, output):
    i = _start(inputs)
    return keras.Model(i, _end(L.Lambda(lambda t: t * 2)(i), output))

def subclassed(inputs, output):
    class Net(keras.Model):
        def call(self, x):
            return x
    return Net()

@keras.saving.register_keras_serializable("mine")
class Scaled(L.Layer):
    def __init__(self, factor=2.0, **more):
        super().__init__(**more)
        self.factor = factor
    def call(self, x):
        return x * self.factor
    def get_config(self):
        return {**super().get_config(), "factor": self.factor}

class Forgetful(L.Layer):
    def __init__(self, factor, **more):
        super().__init__(**more)
        self.factor = factor
    def call(self, x):
        return x * self.factor

def own_layer(inputs, output):
    i = _start(inputs)
    return keras.Model(i, _end(Scaled(3.0)(i), output))

def forgetful(inputs, output):
    i = _start(inputs)
    return keras.Model(i, _end(Forgetful(3.0)(i), output))

def pinball(y, p, quantile=0.5):
    error = y - p
    return ops.mean(ops.maximum(quantile * error, (quantile - 1) * error), axis=-1)

def of_all(y, p):
    return ops.mean(ops.abs(y - p))

class Doubled(keras.losses.Loss):
    def call(self, y, p):
        return 2 * ops.mean((y - p) ** 2, axis=-1)

class Largest(keras.metrics.Metric):
    def __init__(self, **more):
        super().__init__(**more)
        self.largest = self.add_variable((), "zeros", name="largest")
    def update_state(self, y, p, sample_weight=None):
        self.largest.assign(ops.maximum(self.largest, ops.max(ops.abs(y - p))))
    def result(self):
        return self.largest

nothing = 3
"""
OUTPUT = Output(1, "sigmoid")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A project with a module of its own, forgotten afterwards."""
    (tmp_path / "own_code.py").write_text(MODULE)
    (tmp_path / "broken_code.py").write_text("import no_such_module\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("own_code", "broken_code"):
        sys.modules.pop(name, None)


def made(name: str, task: str = "binary") -> Any:
    section = Training(batch_size=16, epochs=2)
    shapes, dtypes = {"features": (4,)}, {"features": "float32"}
    return Learner(f"own_code:{name}", section, task, 1, shapes, dtypes, 0).build(3)


@pytest.mark.parametrize("name", ["right", "sequential", "built_sequential", "own_layer"])
def test_networks_that_are_right(name: str, tmp_path: Path) -> None:
    model = made(name)
    assert [tensor.name for tensor in model.inputs] == ["features"]
    x = np.ones((2, 4), np.float32)
    save(model, tmp_path / "kept")
    np.testing.assert_allclose(model([x]), load(tmp_path / "kept")([x]), rtol=1e-6)


def test_layers_are_named_alike_whatever_the_process_built_before() -> None:
    """Else the bytes of network.json follow from how many folds came before it."""
    one, other = made("right"), made("right")
    assert one.to_json() == other.to_json()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("returns_none", r"own_code:returns_none should return a functional network.*NoneType"),
        ("fails", "should return a network and raises KeyError"),
        ("subclassed", "should return a functional network.*Net"),
        ("two_outputs", "one output. Received: 2 outputs"),
        ("wrong_units", "should end with 1 units.*Received: 2 units"),
        ("logits", "The last activation should be sigmoid.*Received: linear"),
        ("other_inputs", "should have the inputs .*'features': .4,.*'mine'"),
        ("lambdas", "layer 'lambda.*should be a layer that can be stored"),
        ("forgetful", "layers that can be stored.*get_config"),
        ("nothing", "must name a function that the project defines"),
        ("absent", "must name a function that the project defines"),
    ],
)
def test_networks_that_are_not_are_told_in_a_line(name: str, message: str) -> None:
    """Each was a traceback behind a `check` that said right."""
    with pytest.raises(BadPipeline, match=message) as caught:
        made(name)
    assert "\n" not in str(caught.value)


def test_a_module_that_does_not_run_is_told() -> None:
    with pytest.raises(BadNetwork, match="ModuleNotFoundError: No module named 'no_such_module'"):
        build("broken_code:net", {"features": (4,)}, OUTPUT)


@pytest.mark.parametrize(
    ("choice", "power"),
    [
        ("own_code:pinball", 1),
        ({"own_code:pinball": {"quantile": 0.9}}, 1),
        ("own_code:Doubled", 2),
    ],
)
def test_a_loss_of_ones_own_is_trained(choice: Any, power: int) -> None:
    x = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    target = x.sum(1, keepdims=True)
    training = Training(
        optimizer={"Adam": {"learning_rate": 0.05}}, loss=choice, batch_size=16, epochs=15,
        metrics=["own_code:Largest", {"own_code:pinball": {"quantile": 0.9, "name": "high"}}],
        xla=False,
    )  # fmt: skip
    assert check_training(training) == []
    learns = Learner([], training, "regression", 1, {"features": (4,)}, {"features": "float32"}, 0)
    run = Run({"features": x}, target, np.arange(30), np.arange(30, 40), 0)
    (fitted,) = learns.fit([run], title="")
    assert set(fitted.history) == {
        "loss", "Largest", "high", "val_loss", "val_Largest", "val_high",
    }  # fmt: skip
    assert fitted.history["loss"][-1] < fitted.history["loss"][0]
    error = target[30:] - fitted.validation_predictions
    high = np.maximum(0.9 * error, -0.1 * error).mean()
    assert fitted.history["val_high"][-1] == pytest.approx(high, rel=1e-4)
    assert fitted.history["val_Largest"][-1] == pytest.approx(np.abs(error).max(), rel=1e-4)


def test_a_metric_of_a_whole_batch_is_refused() -> None:
    target = np.zeros((4, 1), np.float32)
    with pytest.raises(BadNetwork, match=r"training.metrics\[1\].*of_all.*axis=-1"):
        losses.metrics_of(["mae", "own_code:of_all"], target, target)


def test_nobody_says_which_way_a_figure_of_ones_own_is_better() -> None:
    assert figure("own_code:Largest").name == "Largest"
    assert figure("own_code:Largest").rises is None
    assert loss("own_code:pinball").rises is False


def test_its_module_is_what_the_stages_depend_on() -> None:
    document = {
        "network": "a.nets:net",
        "training": {"loss": {"b:pinball": {}}, "metrics": ["mae", "c.d:error", {"e:f": {}}]},
        "title": "note: this",
    }
    assert set(references(document)) == {"a.nets", "b", "c.d", "e"}


PARTS = """
import keras
from keras import ops

@keras.saving.register_keras_serializable("parts")
class Fours(keras.initializers.Initializer):
    def __init__(self, factor=1.0):
        self.factor = factor
    def __call__(self, shape, dtype=None):
        return ops.full(shape, 4 * self.factor, dtype)
    def get_config(self):
        return {"factor": self.factor}

@keras.saving.register_keras_serializable("parts")
class AtMostOne(keras.constraints.Constraint):
    def __call__(self, weights):
        return ops.minimum(weights, 1.0)

@keras.saving.register_keras_serializable("parts")
class Times(keras.layers.Layer):
    def __init__(self, factor, **more):
        super().__init__(**more)
        self.factor = factor
    def call(self, x):
        return self.factor * x
    def get_config(self):
        return super().get_config() | {"factor": self.factor}

class Unknown(keras.constraints.Constraint):
    pass

def function(x):
    return x
"""


class TestPartsOfALayer:
    LAYERS = [  # noqa: RUF012
        {"Dense": {"units": 2, "kernel_initializer": {"parts:Fours": {"factor": 0.5}},
                   "bias_initializer": "parts:Fours", "kernel_constraint": "parts:AtMostOne"}},
        {"parts:Times": {"factor": 3}},
    ]  # fmt: skip

    @pytest.fixture(autouse=True)
    def _module(self, tmp_path: Path) -> Iterator[None]:
        (tmp_path / "parts.py").write_text(PARTS)
        yield
        sys.modules.pop("parts", None)

    def test_are_built_trained_and_read_again(self, tmp_path: Path) -> None:
        assert checks.check(self.LAYERS) == []
        assert set(references({"network": self.LAYERS})) == {"parts"}
        network = build(self.LAYERS, {"features": (3,)}, OUTPUT)
        kernel, bias = network.layers[1].get_weights()
        assert (kernel == 2).all() and (bias == 4).all()
        assert [layer.name for layer in network.layers[1:3]] == ["dense", "times"]
        training = Training(epochs=1, batch_size=4, xla=False)
        learns = Learner(
            self.LAYERS, training, "binary", 1, {"features": (3,)}, {"features": "float32"}, 0
        )
        rows = np.ones((8, 3), np.float32)
        run = Run({"features": rows}, np.ones((8, 1)), np.arange(6), np.arange(6, 8), 0)
        (fitted,) = learns.fit([run], title="")
        network.set_weights(fitted.weights)
        assert (network.layers[1].get_weights()[0] <= 1).all()
        save(network, tmp_path)
        np.testing.assert_array_equal(load(tmp_path)(rows), network(rows))

    @pytest.mark.parametrize(
        ("layer", "says"),
        [
            ({"Dense": {"units": 2, "kernel_constraint": "parts:Unknown"}}, "registered"),
            ({"Dense": {"units": 2, "kernel_constraint": "parts:function"}}, "a class"),
            ({"parts:Times": {"facto": 3}}, "network\\[0\\].parts:Times.*facto"),
            ({"parts:Tims": {"factor": 3}}, "Did you mean 'Times'"),
            ({"json:loads": {}}, "project's own"),
        ],
    )
    def test_that_keras_cannot_store_are_a_line(self, layer: Any, says: str) -> None:
        with pytest.raises(BadPipeline, match=says):
            build([layer], {"features": (3,)}, OUTPUT)


CONVERTED = """
import keras
from throughline.export.registry import converts

@keras.saving.register_keras_serializable("own")
class Factors(keras.layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones", name="factor")
    def call(self, x):
        return x * self.factor

@converts("Factors")
def factors(layer, inputs, builder):
    return builder.elementwise("Mul", inputs[0], layer.weights()[0])

def net(inputs, output):
    i = keras.Input(inputs["features"], name="features")
    return keras.Model(i, keras.layers.Dense(output.units)(Factors()(i)))
"""
EXPORTED = """
from pathlib import Path
from throughline.export.network import stored_network
from throughline.stages.own_layers import import_own
import_own({"variants": {"v": {"network": "converted:net"}}}, ["network", "variants"])
print(stored_network(Path("network"))[1])
"""


def test_export_knows_its_layers_and_their_converters(tmp_path: Path) -> None:
    """In a process of its own, as a stage runs: here the module is imported already."""
    (tmp_path / "converted.py").write_text(CONVERTED)
    network = own.network("converted:net", {"features": (3,)}, [Output(1, "linear")], {})
    save(network, tmp_path / "network")
    done = subprocess.run(
        [sys.executable, "-c", EXPORTED], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "throughline\n" and done.stderr == ""

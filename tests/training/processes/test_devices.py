"""`device`, `threads` and `backend` are what the user asked for, or an error says why not."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from throughline.errors import BadPipeline
from throughline.pipeline.schema.training import Training
from throughline.training.engine.devices import configure, configured, gpus
from throughline.training.engine.runs import Run
from throughline.training.engine.trainer import Trainer
from throughline.training.network.build import Output, build
from throughline.training.network.layers import max_pooling, quick_under_xla
from throughline.training.xla import check


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.setenv(name, "false")


class TestDevice:
    def test_gpu_without_one_says_what_to_install(self) -> None:
        if gpus():
            pytest.skip("this machine has a GPU")
        with pytest.raises(BadPipeline, match=r"device: gpu needs a GPU.*and-cuda.*device: auto"):
            configure(device="gpu")

    def test_auto_takes_what_is_there(self) -> None:
        before = configured()
        configure(device="auto")
        assert configured() == {**before, "device": "auto"}
        configure(device=before["device"])

    @pytest.mark.parametrize(
        ("setting", "told"),
        [
            ({"device": "gpus"}, r"device should be one of auto, cpu, gpu.*'gpu'"),
            ({"backend": "tensorfow"}, r"backend should be one of.*'tensorflow'"),
            ({"precision": "half"}, r"precision should be one of float32, mixed"),
            ({"backend": "jax"}, r"already runs on tensorflow.*new process"),
            ({"threads": 7}, r"threads should be set before.*new process"),
        ],
    )
    def test_what_cannot_be_is_an_error(self, setting: dict[str, Any], told: str) -> None:
        np.asarray(build([], {"x": (1,)}, Output(1, "linear"), seed=0)({"x": np.ones((1, 1))}))
        with pytest.raises(BadPipeline, match=told):
            configure(**setting)

    def test_every_gpu_has_the_name_that_cuda_gives_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import tensorflow as tf

        monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["first", "second"])
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
        assert gpus() == ["3", "5"]
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        assert gpus() == ["0", "1"]


class TestXla:
    """The rule of docs/backends.md."""

    @pytest.mark.parametrize(
        ("layers", "shape", "fewest"),
        [
            ([{"Dense": {"units": 4}}], (3,), 2000),
            ([{"Conv1D": {"filters": 2, "kernel_size": 2}}, "Flatten"], (5, 3), None),
            ([{"Dense": {"units": 4}}, {"Dropout": {"rate": 0.5}}], (3,), None),
            ([{"LSTM": {"units": 2}}], (5, 3), 200),
            ([{"GRU": {"units": 2, "dropout": 0.1}}], (5, 3), 200),
            (["MaxPooling1D", "Flatten"], (5, 3), None),
        ],
    )
    def test_on_a_cpu(self, layers: list[Any], shape: tuple[int, ...], fewest: int | None) -> None:
        model = build(layers, {"features": shape}, Output(1, "linear"), seed=0)
        for steps in (199, 200, 1999, 2000, 10**6):
            expected = fewest is not None and steps >= fewest
            assert quick_under_xla(model, "tensorflow", gpu=False, steps=steps) is expected
        pooled = bool(max_pooling(model))
        assert quick_under_xla(model, "tensorflow", gpu=True, steps=1) is not pooled
        assert quick_under_xla(model, "tensorflow", gpu=True, steps=1, deterministic=False)
        assert quick_under_xla(model, "jax", gpu=False, steps=1)

    @pytest.mark.parametrize(
        ("xla", "network", "backend", "told"),
        [
            (True, ["MaxPooling2D", "Flatten"], "tensorflow", r"network\[0\].MaxPooling2D"),
            (
                True,
                [{"TimeDistributed": {"layer": "MaxPooling1D"}}],
                "tensorflow",
                r"network\[0\].TimeDistributed",
            ),
            (True, ["MaxPooling2D"], "jax", ""),
            (True, [{"MaxPooling3D": {}}, "Flatten"], "tensorflow", ""),
            (True, ["GlobalMaxPooling2D"], "tensorflow", ""),
            (False, ["MaxPooling2D"], "tensorflow", ""),
            ("auto", ["MaxPooling2D"], "tensorflow", ""),
            (False, [], "jax", "JAX always compiles by XLA"),
        ],
    )
    def test_what_the_file_asks_for_is_checked_before_anything_runs(
        self, xla: Any, network: list[Any], backend: str, told: str
    ) -> None:
        found = check(Training(xla=xla), network, backend)
        assert len(found) == bool(told)
        for problem in found:
            assert re.search(told, problem)

    def test_a_pooling_layer_is_named_when_training_is_asked_for(self) -> None:
        with pytest.raises(BadPipeline, match=r"gradient of max pooling.*Received: max_pooling1d"):
            trained(["MaxPooling1D", "Flatten"], True)

    def test_what_xla_cannot_compile_is_one_line(self) -> None:
        with pytest.raises(BadPipeline, match=r"Compiled by XLA.*widest.*xla to false") as caught:
            trained("tests.training.processes.test_devices:pooled_in_code", True)
        assert "\n" not in str(caught.value)

    def test_the_file_decides(self) -> None:
        """Of 2 steps, which the rule leaves to TensorFlow's own kernels."""
        layers = [{"Dense": {"units": 3}}]
        found = {xla: trained(layers, xla) for xla in (True, False, "auto")}
        compiled = {xla: by_xla for xla, (_, by_xla) in found.items()}
        assert compiled == {True: True, False: False, "auto": False}
        for one, _ in found.values():
            for a, b in zip(one, found["auto"][0], strict=True):
                np.testing.assert_allclose(a, b, atol=1e-6)


def pooled_in_code(inputs: Any, output: Any) -> Any:
    """A network whose pooling no layer's name shows."""
    import keras

    @keras.saving.register_keras_serializable("tests")
    class Widest(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return keras.ops.max_pool(x, 2)

    ((name, shape),) = inputs.items()
    start = keras.Input(shape, name=name)
    x = keras.layers.Flatten()(Widest(name="widest")(keras.layers.Dense(2)(start)))
    return keras.Model(start, keras.layers.Dense(output.units)(x))


def trained(network: Any, xla: Any) -> tuple[list[Any], bool]:
    """Weights after two steps, and whether XLA compiled them."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 6, 2)).astype(np.float32), rng.normal(size=8)
    run = Run({"features": x}, y.astype(np.float32), np.arange(8), None, 0)

    def make(seed: int) -> Any:
        return build(network, {"features": (6, 2)}, Output(1, "linear"), seed=seed)

    training = Training(optimizer="adam", batch_size=4, epochs=1, xla=xla)
    trainer = Trainer(make, training, [run], "mse", (), None, (), None, None)
    return trainer.fitted(run, predictions=False).weights, trainer.shape.xla

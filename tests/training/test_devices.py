"""`device`, `threads` and `backend` are what the user asked for, or an error says why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.errors import BadPipeline
from tasks.training.devices import configure, configured, gpus
from tasks.training.layers import quick_under_xla
from tasks.training.network import Output, build


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
            ([{"GRU": {"units": 2, "dropout": 0.1}}], (5, 3), None),
        ],
    )
    def test_on_a_cpu(self, layers: list[Any], shape: tuple[int, ...], fewest: int | None) -> None:
        model = build(layers, {"features": shape}, Output(1, "linear"), seed=0)
        for steps in (199, 200, 1999, 2000, 10**6):
            expected = fewest is not None and steps >= fewest
            assert quick_under_xla(model, "tensorflow", gpu=False, steps=steps) is expected
        assert quick_under_xla(model, "tensorflow", gpu=True, steps=1)
        assert quick_under_xla(model, "jax", gpu=False, steps=1)

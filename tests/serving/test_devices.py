"""What computes: the processor, or a GPU; asked for and missing is an error that says why."""

from __future__ import annotations

import ctypes

import onnxruntime
import pytest

from throughline.serving import devices
from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor


class Session:
    """A session as onnxruntime-gpu gives it: with the provider that could be loaded."""

    def __init__(self, providers):
        self.providers = providers

    def get_providers(self):
        return self.providers


@pytest.fixture
def cuda(monkeypatch):
    """An onnxruntime that is built for CUDA, whose provider lacks `what`."""

    def built(what: str, gpu: bool = True):
        def load(path):
            raise OSError(what)

        def session(path, options, providers):
            return Session(providers if gpu else [devices.CPU])

        monkeypatch.setattr(
            onnxruntime, "get_available_providers", lambda: [devices.CUDA, devices.CPU]
        )
        monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: print("Failed to load"))
        monkeypatch.setattr(onnxruntime, "InferenceSession", session)
        monkeypatch.setattr(ctypes, "CDLL", load)

    return built


LOADED = f"undefined symbol: {devices.HOST}"


def open_on(device):
    return devices.opened("model.onnx", onnxruntime.SessionOptions(), device)


class TestOpened:
    def test_gpu_on_a_processor_s_runtime_is_an_error(self, monkeypatch):
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [devices.CPU])
        with pytest.raises(BadRequest, match=r"processor alone.*onnxruntime-gpu\[cuda,cudnn\]"):
            open_on("gpu")

    def test_a_missing_library_is_named(self, cuda, capsys):
        cuda("libcublasLt.so.12: cannot open shared object file")
        with pytest.raises(BadRequest, match=r"libcublasLt\.so\.12"):
            open_on("gpu")
        assert capsys.readouterr().out == ""
        assert devices.device_of(open_on("auto")) == "cpu"

    def test_a_gpu_that_answers_is_taken(self, cuda):
        cuda(LOADED)
        assert devices.device_of(open_on("gpu")) == "gpu"
        assert devices.device_of(open_on("auto")) == "gpu"
        assert devices.device_of(open_on("cpu")) == "cpu"

    def test_no_gpu_behind_the_libraries_is_an_error_where_it_was_asked_for(self, cuda):
        cuda(LOADED, gpu=False)
        with pytest.raises(BadRequest, match="no GPU"):
            open_on("gpu")
        assert devices.device_of(open_on("auto")) == "cpu"

    def test_another_name_is_refused(self):
        with pytest.raises(BadRequest, match="auto, cpu, gpu"):
            open_on("cuda")


class TestPredictor:
    def test_says_what_answers(self, model_path):
        assert Predictor(model_path).device == "cpu"
        assert Predictor(model_path, device="auto").device == "cpu"

"""Keras and onnxruntime side by side on the same weights and rows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from throughline.export.graph.reach import lower
from throughline.export.network import network_graph, read_weights
from throughline.export.proof.parity import TOLERANCE, compare

BATCHES = (1, 7, 64)


def randomise(model: Any, seed: int = 0) -> None:
    """Give every weight a value that a training could have given it; variances stay positive."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        if "float" not in weight.dtype:
            continue
        values = generator.normal(0, 0.4, size=weight.shape)
        if "variance" in weight.path:
            values = np.abs(values) + 0.3
        weight.assign(values.astype("float32"))


def exported(model: Any) -> onnx.ModelProto:
    """The model through its stored configuration and weights, as a training leaves them."""
    configuration = json.loads(model.to_json())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.weights.h5"
        model.save_weights(path)
        graph = lower(network_graph(configuration, read_weights(path, configuration)))
    onnx.checker.check_model(graph)
    return graph


def session(graph: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A session with one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph.SerializeToString(), options)


def keras_outputs(model: Any, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The trained network's answers, as a list."""
    import keras

    tensors = [keras.ops.convert_to_tensor(array) for array in inputs]
    # Augmentation layers train by default when they are called.
    answers = model(tensors[0] if len(tensors) == 1 else tensors, training=False)
    return [keras.ops.convert_to_numpy(answer) for answer in keras.tree.flatten(answers)]


def assert_parity(model: Any, *inputs: np.ndarray, seed: int = 0) -> onnx.ModelProto:
    """The exported graph answers as the model does, within the contract's tolerance."""
    randomise(model, seed)
    graph = exported(model)
    assert_same(model, graph, *inputs)
    return graph


def assert_same(model: Any, graph: onnx.ModelProto, *inputs: np.ndarray) -> None:
    """`graph` answers as `model` does."""
    runtime = session(graph)
    names = [value.name for value in runtime.get_inputs()]
    received = runtime.run(None, dict(zip(names, inputs, strict=True)))
    outputs = [value.name for value in runtime.get_outputs()]
    expected = keras_outputs(model, inputs)
    parities = compare(
        dict(zip(outputs, expected, strict=True)),
        dict(zip(outputs, received, strict=True)),
        TOLERANCE,
    )
    assert all(parity.passed for parity in parities), parities


def rows(batch: int, *shape: int, seed: int = 1) -> np.ndarray:
    """Random float rows."""
    return np.random.default_rng(seed).normal(size=(batch, *shape)).astype("float32")


def operators(graph: onnx.ModelProto) -> list[str]:
    """The operators of a graph, in order."""
    return [node.op_type for node in graph.graph.node]

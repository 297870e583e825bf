"""On the same batches the engine ends with the weights of `model.fit`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.pipeline.schema.training import Training
from throughline.training.engine.engine import fit
from throughline.training.engine.runs import Run
from throughline.training.network.build import Output, build
from throughline.training.objects import optimizers

ROOT = Path(__file__).parents[3]
ROWS, STEPS = 75, 50  # 75 rows in batches of 16: five steps an epoch, the last one of 11 rows.
EPOCHS = STEPS // 5

DENSE = {"Dense": {"units": 8, "activation": "relu"}}
IMAGE, SERIES, TABLE = (6, 6, 2), (7, 3), (5,)
NETWORKS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "dense": ([DENSE, DENSE], TABLE),
    "batch-norm": ([DENSE, "BatchNormalization", DENSE], TABLE),
    "conv1d": ([{"Conv1D": {"filters": 4, "kernel_size": 3}}, "Flatten"], SERIES),
    "conv2d": (
        [{"Conv2D": {"filters": 4, "kernel_size": 3}}, {"MaxPooling2D": {}}, "Flatten"],
        IMAGE,
    ),
    # Without max pooling, whose gradient XLA does not have; see TestXla in test_devices.py.
    "strided": (
        [{"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 2}}, "Flatten"],
        IMAGE,
    ),
    "simple-rnn": ([{"SimpleRNN": {"units": 6}}], SERIES),
    "gru": ([{"GRU": {"units": 6}}], SERIES),
    "lstm": ([{"LSTM": {"units": 6, "return_sequences": True}}, {"LSTM": {"units": 4}}], SERIES),
    "embedding": (
        [
            {"Embedding": {"input_dim": 20, "output_dim": 4, "mask_zero": True}},
            {"LSTM": {"units": 4}},
        ],
        (7,),
    ),
}
OPTIMIZERS: dict[str, Any] = {
    "sgd": {"SGD": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}},
    "rmsprop": "rmsprop",
    "adam": {"Adam": {"learning_rate": 0.003, "clipnorm": 1.0}},
    "adagrad": {"Adagrad": {"learning_rate": 0.05}},
}
QUICK = [("conv2d", "adam"), ("embedding", "adagrad")]
POOLED = "conv2d"
EVERY = [(n, o) for n in NETWORKS for o in OPTIMIZERS if n != POOLED]


def data(shape: tuple[int, ...], classes: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    if shape == (7,):
        x: np.ndarray = rng.integers(0, 20, (rows, *shape)).astype(np.int32)
    else:
        x = rng.normal(size=(rows, *shape)).astype(np.float32)
    y = (rng.random(rows) * classes).astype(np.int32) if classes else rng.normal(size=rows)
    return x, y


def both(
    network: list[Any],
    shape: tuple[int, ...],
    training: Training,
    classes: int = 3,
    xla: bool = True,
    validated: bool = True,
    rows: int = ROWS,
    **more: Any,
) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, list[float]], dict[str, list[float]]]:
    """Weights and history: of the engine, and of Keras.

    Where operations are deterministic, as here, Keras never uses XLA.
    """
    x, y = data(shape, classes, rows)
    output = Output(max(classes, 1), "softmax" if classes else "linear")
    types = {"features": "int32" if shape == (7,) else "float32"}
    loss = "sparse_categorical_crossentropy" if classes else "mse"
    metric = "accuracy" if classes else "mae"
    make = lambda seed: build(network, {"features": shape}, output, types, seed)  # noqa: E731
    train, held = np.arange(rows), np.arange(0, rows, 3)
    watched = held if validated else None
    run = Run({"features": x}, y, train, watched, 7, more.get("sample_weight"))
    (ours,) = fit(make, training, [run], loss=loss, metrics=[metric], epochs=EPOCHS, xla=xla)
    model = make(7)
    optimizer = optimizers.optimizer(training)
    model.compile(optimizer, loss=loss, metrics=[metric], jit_compile=False)
    theirs = model.fit(
        x, y, batch_size=16, epochs=EPOCHS, shuffle=False, verbose=0,
        validation_data=(x[held], y[held]) if validated else None,
        class_weight=training.class_weight, **more,
    )  # fmt: skip
    if validated:
        predicted = np.asarray(model([x[held]], training=False))
        assert np.allclose(ours.validation_predictions, predicted, atol=1e-4)
    return ours.weights, model.get_weights(), ours.history, theirs.history


def farthest(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """Largest difference of a weight, relative to the largest weight of its array."""
    assert [w.shape for w in ours] == [w.shape for w in theirs]
    pairs = zip(ours, theirs, strict=True)
    return max(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-3)) for a, b in pairs)


def same_curves(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> None:
    assert set(ours) == set(theirs)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-4, atol=2e-5, err_msg=name)


def plain(optimizer: Any, **more: Any) -> Training:
    return Training(optimizer=optimizer, batch_size=16, shuffle=False, **more)


class TestWeightsAfterFiftySteps:
    @pytest.mark.parametrize(("network", "optimizer"), QUICK)
    def test_layer_and_optimizer(self, network: str, optimizer: str) -> None:
        """Whole batches without XLA and validation, since compiling takes nearly all the time."""
        layers, shape = NETWORKS[network]
        training = plain(OPTIMIZERS[optimizer])
        ours, theirs, history, other = both(
            layers, shape, training, xla=False, validated=False, rows=80
        )
        assert farthest(ours, theirs) < 1e-4
        same_curves(history, other)

    @pytest.mark.slow
    @pytest.mark.parametrize(("network", "optimizer"), EVERY)
    def test_every_pair_under_xla(self, network: str, optimizer: str) -> None:
        layers, shape = NETWORKS[network]
        ours, theirs, _, _ = both(layers, shape, plain(OPTIMIZERS[optimizer]))
        assert farthest(ours, theirs) < 1e-4

    @pytest.mark.slow
    @pytest.mark.parametrize("optimizer", OPTIMIZERS)
    def test_max_pooling_with_every_optimizer(self, optimizer: str) -> None:
        """Without XLA, which has no gradient of it that gives the same bits every time."""
        layers, shape = NETWORKS[POOLED]
        ours, theirs, _, _ = both(layers, shape, plain(OPTIMIZERS[optimizer]), xla=False)
        assert farthest(ours, theirs) < 1e-4


class TestEverythingThatChangesTheLoss:
    def test_penalties_norms_and_class_weights(self) -> None:
        layer = {
            "units": 8,
            "activation": "tanh",
            "kernel_regularizer": {"L1L2": {"l1": 0.01, "l2": 0.02}},
        }
        bounded = {
            "units": 6,
            "kernel_constraint": {"MaxNorm": 0.5},
            "bias_regularizer": {"L2": 0.1},
        }
        training = plain(OPTIMIZERS["sgd"], class_weight={0: 3.0, 1: 0.5})
        layers = [{"Dense": layer}, {"Dense": bounded}]
        ours, theirs, history, other = both(layers, TABLE, training, xla=False)
        assert farthest(ours, theirs) < 1e-4
        same_curves(history, other)
        assert np.linalg.norm(ours[2], axis=0).max() <= 0.5001

    @pytest.mark.slow
    def test_sample_weights_in_a_regression(self) -> None:
        weight = np.random.default_rng(2).random(ROWS)
        ours, theirs, history, other = both(
            [DENSE], TABLE, plain("rmsprop"), classes=0, sample_weight=weight
        )
        assert farthest(ours, theirs) < 1e-4
        same_curves(history, other)

    @pytest.mark.slow
    def test_dropout_of_the_same_seed(self) -> None:
        """Without XLA on both sides: TensorFlow draws other numbers under it."""
        layers = [DENSE, {"Dropout": {"rate": 0.4, "seed": 3}}, "BatchNormalization"]
        ours, theirs, _, _ = both(layers, TABLE, plain("sgd"), xla=False)
        assert farthest(ours, theirs) < 1e-4

    @pytest.mark.slow
    def test_learning_rate_schedule(self) -> None:
        schedule = {
            "ExponentialDecay": {
                "initial_learning_rate": 0.05,
                "decay_steps": 10,
                "decay_rate": 0.5,
            }
        }
        ours, theirs, _, _ = both([DENSE], TABLE, plain("sgd", schedule=schedule))
        assert farthest(ours, theirs) < 1e-4

    @pytest.mark.slow
    @pytest.mark.parametrize("clipping", ["clipnorm", "global_clipnorm", "clipvalue"])
    def test_gradient_clipping(self, clipping: str) -> None:
        """Clipped hard enough to change the weights, and as Keras does it."""
        clipped = plain({"SGD": {"learning_rate": 0.05, clipping: 0.02}})
        ours, theirs, _, _ = both([DENSE], TABLE, clipped, xla=False)
        assert farthest(ours, theirs) < 1e-4
        free, _, _, _ = both([DENSE], TABLE, plain(OPTIMIZERS["sgd"]), xla=False)
        assert farthest(ours, free) > 1e-2

    @pytest.mark.slow
    def test_mixed_precision(self) -> None:
        """bfloat16 has 8 bits, so that weights agree to its precision; they stay float32."""
        import keras

        mixed = plain({"SGD": {"learning_rate": 0.05}}, precision="mixed")
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            ours, theirs, _, _ = both([DENSE, DENSE], TABLE, mixed, xla=False, validated=False)
        finally:
            keras.config.set_dtype_policy(before)
        full, _, _, _ = both(
            [DENSE, DENSE], TABLE, plain({"SGD": {"learning_rate": 0.05}}), xla=False
        )
        assert {w.dtype for w in ours} == {np.dtype(np.float32)}
        assert farthest(ours, theirs) < 2**-8
        assert farthest(ours, full) > 0


@pytest.mark.slow
class TestJax:
    def test_dense_and_recurrent(self) -> None:
        """The tests above again, in a process whose Keras runs on JAX."""
        pytest.importorskip("jax", reason="the extra 'jax' is not installed")
        names = "under_xla and (dense-sgd or lstm-adam) or penalties or learning_rate"
        command = [
            sys.executable,
            "-m",
            "pytest",
            __file__,
            "-m",
            "",
            "-k",
            names,
            "-p",
            "no:cacheprovider",
        ]
        environment = {**os.environ, "KERAS_BACKEND": "jax"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0 and "4 passed" in done.stdout, done.stdout[-3000:]

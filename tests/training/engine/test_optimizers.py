"""Every optimizer of Keras takes the steps of `model.fit`, or is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from throughline.pipeline.schema.training import Epochs, Training
from throughline.training.catalogue import catalogue
from throughline.training.engine.engine import fit
from throughline.training.engine.runs import Run
from throughline.training.network.build import Output, build
from throughline.training.objects import optimizers
from throughline.training.objects.section import check_training

ROWS, BATCH, EPOCHS, RATE = 24, 8, 2, 0.01
GENERATOR = np.random.default_rng(3)
X = GENERATOR.normal(size=(ROWS, 4)).astype(np.float32)
Y = GENERATOR.normal(size=(ROWS, 1)).astype(np.float32)
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    # At once: a setting that is dropped moves the weights, whatever the others do.
    "decayed, clipped, scaled": {
        "weight_decay": 0.05,
        "global_clipnorm": 0.1,
        "loss_scale_factor": 8.0,
    },
}
# Of a wrapper the file cannot say what it wraps.
OPTIMIZERS = [
    name
    for name, arguments in catalogue.read()["optimizers"].items()
    if not set(optimizers.WRAPPING).intersection(arguments)
]
# Keras' own `fit` departs from the paper here, see below.
SCHEDULE_FREE = "ScheduleFreeAdamW"


def network(seed: int = 5) -> Any:
    layers = [{"Dense": {"units": 3, "activation": "tanh"}}]
    return build(layers, {"features": (4,)}, Output(1, "linear"), seed=seed)


def section(name: str, **settings: Any) -> Training:
    return Training(
        optimizer={name: {"learning_rate": RATE, **settings}}, batch_size=BATCH, shuffle=False,
        epochs=EPOCHS, xla=False,
    )  # fmt: skip


def trained(training: Training) -> list[np.ndarray]:
    run = Run({"features": X}, Y, np.arange(ROWS), None, 5)
    (found,) = fit(network, training, [run], loss="mse", predictions=False)
    return found.weights


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != SCHEDULE_FREE])
def test_ends_with_the_weights_of_keras(name: str, settings: str) -> None:
    """Nadam was NaN at its second step; Muon decayed nothing; scaled losses were not scaled."""
    training = section(name, **SETTINGS[settings])
    model = network()
    # Without a graph, which would take longer to make than all steps.
    model.compile(optimizers.optimizer(training), loss="mse", run_eagerly=True)
    model.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    for ours, theirs in zip(trained(training), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("settings", [
    {"gradient_accumulation_steps": 2},
    {"gradient_accumulation_steps": 4, "clipnorm": 0.1, "weight_decay": 0.05},
    {"use_ema": True, "ema_momentum": 0.9},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
    {"use_ema": True, "gradient_accumulation_steps": 3},
])  # fmt: skip
def test_averages_and_accumulates_as_keras(name: str, settings: dict[str, Any]) -> None:
    """Six steps, an Embedding's gradient by rows among them."""
    training = section(name, **settings)
    ids = GENERATOR.integers(0, 5, (ROWS, 3)).astype(np.int32)
    layers = [{"Embedding": {"input_dim": 5, "output_dim": 2}}, "Flatten"]
    make = lambda seed: build(layers, {"ids": (3,)}, Output(1, "linear"), {"ids": "int32"}, seed)  # noqa: E731
    run = Run({"ids": ids}, Y, np.arange(ROWS), np.arange(5), 5)
    (found,) = fit(make, training, [run], loss="mse")
    model = make(5)
    model.compile(optimizers.optimizer(training), loss="mse", run_eagerly=True)
    model.fit(ids, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    for ours, theirs in zip(found.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.validation_predictions, model(ids[:5]), rtol=1e-4, atol=1e-6)


def test_averages_are_not_of_what_a_rule_watches() -> None:
    training = section("Adam", use_ema=True).model_copy(
        update={"epochs": Epochs(max=9, patience=2)}
    )
    (problem,) = check_training(training)
    assert "use_ema should have a number of epochs" in problem and "remove use_ema" in problem


def test_a_rate_that_warms_up() -> None:
    schedule = {
        "CosineDecay": {
            "initial_learning_rate": 0.0, "decay_steps": 4, "warmup_target": 0.1, "warmup_steps": 3,
        }
    }  # fmt: skip
    training = section("SGD").model_copy(update={"optimizer": "SGD", "schedule": schedule})
    model = network()
    model.compile(optimizers.optimizer(training), loss="mse", run_eagerly=True)
    model.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    for ours, theirs in zip(trained(training), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_schedule_free_takes_the_steps_of_its_paper() -> None:
    """Defazio et al. (2024), "The Road Less Scheduled", algorithm 1 with Adam's denominator.

    Under TensorFlow `model.fit` of Keras 3.15 reads the old momentum after it has written the new
    one, and sets it to the weights again in every step; called eagerly it does only the first.
    """
    import tensorflow as tf

    ours = trained(section(SCHEDULE_FREE))
    model = network()
    variables = model.trainable_variables
    z = [variable.numpy().astype(np.float64) for variable in variables]
    mean, square = [each.copy() for each in z], [0 * each for each in z]
    for step in range(1, EPOCHS * ROWS // BATCH + 1):
        rows = slice((step - 1) * BATCH % ROWS, (step - 1) * BATCH % ROWS + BATCH)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(X[rows]) - Y[rows]) ** 2)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        for i, gradient in enumerate(gradient.numpy() for gradient in gradients):
            square[i] = 0.999 * square[i] + 0.001 * gradient**2
            root = np.sqrt(square[i] / (1 - 0.999**step)) + 1e-8
            z[i] = z[i] - RATE * gradient / root
            mean[i] = (1 - 1 / step) * mean[i] + z[i] / step
            variables[i].assign(0.1 * z[i] + 0.9 * mean[i])
    for one, other in zip(ours, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"optimizer": {"Adam": {"lr": 0.1}}}, r"Adam\.lr .*Write learning_rate"),
        ({"optimizer": {"SGD": {"decay": 0.1}}}, r"SGD\.decay .*InverseTimeDecay"),
        ({"optimizer": "tf.keras.optimizers.Adam"}, "Write Adam, without the module before it"),
        ({"loss": "kullback_leibler_divergence"}, "Write KLDivergence"),
        ({"metrics": ["keras.metrics.AUC"]}, "Write AUC, without the module before it"),
        ({"optimizer": {"Adam": {"learning_rate": True}}}, "should not be true or false"),
        ({"loss": {"BinaryCrossentropy": {"label_smoothing": True}}}, "true or false"),
    ],
)
def test_names_of_keras_2_and_truths_for_numbers_are_told(section: Any, message: str) -> None:
    (problem,) = check_training(Training(**section))
    assert re.search(message, problem)


def test_truths_stay_allowed() -> None:
    section = {
        "optimizer": {"SGD": {"nesterov": True, "momentum": 0.9}},
        "schedule": {"PolynomialDecay": {"decay_steps": 9, "cycle": True}},
        "loss": {"BinaryCrossentropy": {"from_logits": True}},
    }
    assert check_training(Training(**section)) == []

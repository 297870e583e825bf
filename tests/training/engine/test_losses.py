"""Every setting of a loss has the effect that it has in `model.fit`, or is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from throughline.figures.learned import figure
from throughline.pipeline.schema.training import Training
from throughline.training.engine.engine import fit
from throughline.training.engine.runs import Run
from throughline.training.network.build import Output, build
from throughline.training.objects import losses, optimizers
from throughline.training.objects.section import check_training

ROWS, BATCH, EPOCHS = 41, 8, 2
TRAINED, HELD = np.arange(29), np.arange(29, ROWS)
GENERATOR = np.random.default_rng(3)
X = GENERATOR.normal(size=(ROWS, 4)).astype(np.float32)
NUMBERS = GENERATOR.normal(size=(ROWS, 1)).astype(np.float32)
CLASSES = GENERATOR.integers(0, 3, ROWS).astype(np.int32)
ONE_HOT = np.eye(3, dtype=np.float32)[CLASSES]
LABELS = GENERATOR.integers(0, 2, (ROWS, 3)).astype(np.float32)
SHARES = GENERATOR.uniform(size=(ROWS, 1)).astype(np.float32)
OUTPUTS = {
    "numbers": (Output(1, "linear"), NUMBERS, NUMBERS),
    "classes": (Output(3, "softmax"), CLASSES, CLASSES),
    # What the engine is given, and what Keras asks for.
    "rows of classes": (Output(3, "softmax"), CLASSES, ONE_HOT),
    "labels": (Output(3, "sigmoid"), LABELS, LABELS),
    "one class or the other": (Output(1, "sigmoid"), LABELS[:, :1], LABELS[:, :1]),
    "shares": (Output(1, "sigmoid"), SHARES, SHARES),
}
DENSE = {"Dense": {"units": 6, "activation": "tanh"}}
SUM = {"reduction": "sum"}


def compare(
    of: str, network: list[Any], loss: Any, metrics: list[Any] | None = None, held: Any = HELD
) -> dict[str, list[float]]:
    """Train by the engine and by Keras, and hold weights and curves against each other."""
    output, ours, theirs = OUTPUTS[of]
    training = Training(
        optimizer={"SGD": {"learning_rate": 0.01}}, loss=loss, metrics=metrics or [],
        batch_size=BATCH, shuffle=False, epochs=EPOCHS, xla=False,
    )  # fmt: skip
    make = lambda seed: build(network, {"features": (4,)}, output, seed=seed)  # noqa: E731
    run = Run({"features": X}, ours, TRAINED, held, 5)
    (found,) = fit(make, training, [run], loss="mse")
    model = make(5)
    answers = model(X[:2])
    model.compile(
        optimizers.optimizer(training), loss=losses.loss_of(loss, theirs[:2], answers),
        metrics=losses.metrics_of(metrics or [], theirs[:2], answers), jit_compile=False,
    )  # fmt: skip
    other = model.fit(
        X[TRAINED], theirs[TRAINED], validation_data=(X[held], theirs[held]), batch_size=BATCH,
        epochs=EPOCHS, shuffle=False, verbose=0,
    )  # fmt: skip
    for one, two in zip(found.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
    assert set(found.history) == set(other.history)
    for name, values in other.history.items():
        np.testing.assert_allclose(found.history[name], values, rtol=1e-4, err_msg=name)
    return found.history


@pytest.mark.parametrize("network", [[DENSE], [DENSE, "BatchNormalization"]])
def test_a_sum_is_a_sum(network: list[Any]) -> None:
    """It was a mean where the last batch is filled up, as it is without BatchNormalization."""
    history = compare("numbers", network, {"MeanSquaredError": SUM})
    mean = compare("numbers", network, "mse")
    assert history["loss"][0] > 4 * mean["loss"][0]


def test_a_mean_by_weights_divides_by_them() -> None:
    weight = GENERATOR.uniform(0.1, 3.0, ROWS).astype(np.float32)
    loss = {"MeanSquaredError": {"reduction": "mean_with_sample_weight"}}
    output, target, _ = OUTPUTS["numbers"]
    training = Training(
        optimizer={"SGD": {"learning_rate": 0.01}}, loss=loss, batch_size=BATCH, shuffle=False,
        epochs=EPOCHS, xla=False,
    )  # fmt: skip
    make = lambda seed: build([DENSE], {"features": (4,)}, output, seed=seed)  # noqa: E731
    (found,) = fit(
        make, training, [Run({"features": X}, target, TRAINED, None, 5, weight)], loss="mse"
    )
    model = make(5)
    model.compile(optimizers.optimizer(training), loss=losses.loss_of(loss, None, None))
    model.fit(
        X[TRAINED], target[TRAINED], sample_weight=weight[TRAINED], batch_size=BATCH,
        epochs=EPOCHS, shuffle=False, verbose=0,
    )  # fmt: skip
    for one, two in zip(found.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_an_ignored_class_is_ignored() -> None:
    ignoring = {"SparseCategoricalCrossentropy": {"ignore_class": 1}}
    # In one batch: the mean of a batch is over those of its rows that count.
    held = HELD[:BATCH]
    assert compare("classes", [DENSE], ignoring, held=held) != compare(
        "classes", [DENSE], "sparse_categorical_crossentropy", held=held
    )


@pytest.mark.parametrize(
    ("of", "loss"),
    [
        ("rows of classes", {"CategoricalCrossentropy": {"label_smoothing": 0.1}}),
        ("rows of classes", "CategoricalFocalCrossentropy"),
        ("rows of classes", "Dice"),
        ("labels", "Dice"),
        ("labels", {"Tversky": {"alpha": 0.3, "beta": 0.7}}),
        ("labels", {"BinaryFocalCrossentropy": {"apply_class_balancing": True}}),
        ("labels", {"BinaryCrossentropy": {"label_smoothing": 0.2}}),
        ("one class or the other", {"BinaryCrossentropy": {"label_smoothing": 0.2}}),
        ("one class or the other", {"BinaryFocalCrossentropy": {"gamma": 3.0}}),
        ("shares", {"BinaryFocalCrossentropy": {"label_smoothing": 0.1}}),
    ],
)
def test_losses_of_rows_of_classes(of: str, loss: Any) -> None:
    """Class numbers against probabilities were a ValueError, and so was a loss of a whole batch."""
    compare(of, [DENSE], loss, ["accuracy"])


def test_metrics_of_rows_of_classes() -> None:
    compare(
        "rows of classes", [DENSE], "CategoricalCrossentropy", [{"F1Score": {"average": "macro"}}]
    )


@pytest.mark.parametrize("network", [
    [{"Dense": {"units": 6, "activity_regularizer": {"L2": 0.1}}}],
    [DENSE, {"ActivityRegularization": {"l1": 0.1}}],
])  # fmt: skip
def test_activities_of_rows_that_fill_up_do_not_count(network: list[Any]) -> None:
    compare("numbers", network, "mse")


def test_trainings_together_measure_the_same() -> None:
    """Last batches of their own size differ from run to run."""
    output, target, _ = OUTPUTS["labels"]
    training = Training(
        optimizer="sgd", loss="Dice", batch_size=BATCH, shuffle=False, epochs=1, xla=False
    )
    make = lambda seed: build([DENSE], {"features": (4,)}, output, seed=seed)  # noqa: E731
    runs = [
        Run({"features": X}, target, np.arange(20), np.arange(20, last), 5) for last in (31, 39, 41)
    ]
    one = fit(make, training, runs, loss="mse", together=True)
    other = fit(make, training, runs, loss="mse")
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.history["val_loss"], b.history["val_loss"], rtol=1e-5)


def test_a_name_of_an_accuracy_is_taken() -> None:
    training = Training(metrics=[{"accuracy": {"name": "mine"}}])
    assert check_training(training) == []
    assert figure({"accuracy": {"name": "mine"}}).name == "mine"
    history = compare("classes", [DENSE], "crossentropy", [{"accuracy": {"name": "mine"}}, "ce"])
    assert set(history) == {"loss", "mine", "ce", "val_loss", "val_mine", "val_ce"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metrics": [{"accuracy": {"threshold": 0.3}}]}, "no arguments but `name`"),
        ({"loss": {"crossentropy": {"from_logits": True}}}, "should have no arguments"),
        ({"loss": {"MeanSquaredError": {"reduction": None}}}, "one number of a batch"),
        ({"loss": {"MeanSquaredError": {"reduction": "none"}}}, "one number of a batch"),
        ({"optimizer": "LossScaleOptimizer"}, "needs no other"),
        ({"optimizer": {"MultiOptimizer": {}}}, "needs no other"),
    ],
)
def test_what_would_have_no_effect_is_refused(settings: dict[str, Any], message: str) -> None:
    (problem,) = check_training(Training(**settings))
    assert message in problem

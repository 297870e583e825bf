"""The last layer fits the loss and the task, and what leaves a classification is a probability."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from throughline.pipeline.schema.training import Training
from throughline.training.engine.runs import Run
from throughline.training.learner import Learner
from throughline.training.network import agreement, heads
from throughline.training.network.build import BadNetwork

LOGITS = {"BinaryCrossentropy": {"from_logits": True}}
AMONG_LOGITS = {"SparseCategoricalCrossentropy": {"from_logits": True}}
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(60, 4)).astype(np.float32)


def problems(task: str, output: Any = None, **training: Any) -> list[str]:
    network = [] if output is None else [{"Output": {"activation": output}}]
    return agreement.check(network, Training(**training), task)


@pytest.mark.parametrize(
    ("task", "output", "loss"),
    [
        ("binary", None, None), ("binary", "sigmoid", "mse"), ("binary", "hard_sigmoid", None),
        ("binary", "linear", LOGITS), ("binary", None, LOGITS), ("multiclass", "softmax", None),
        ("multiclass", "linear", AMONG_LOGITS), ("multilabel", None, "Dice"),
        ("multiclass", None, {"CategoricalCrossentropy": {"label_smoothing": 0.1}}),
        ("regression", "softplus", "Poisson"), ("regression", "tanh", "mse"),
        ("proportion", None, "BinaryCrossentropy"), ("proportion", None, LOGITS),
    ],
)  # fmt: skip
def test_what_fits_is_right(task: str, output: Any, loss: Any) -> None:
    assert problems(task, output, loss=loss) == []


@pytest.mark.parametrize(
    ("task", "output", "loss", "message"),
    [
        ("binary", "linear", None, r"network\[0\]\.Output\.activation should be sigmoid"),
        ("binary", "tanh", "Hinge", "should be sigmoid or hard_sigmoid"),
        ("binary", "softmax", None, "should be sigmoid"),
        ("binary", "sigmoid", LOGITS, "should be linear, because training.loss takes logits"),
        ("multiclass", "sigmoid", None, "should be softmax"),
        ("multiclass", "softmax", AMONG_LOGITS, "should be linear"),
        ("multilabel", "softmax", None, "should be sigmoid"),
        ("multiclass", None, LOGITS, "answers by a softmax"),
        ("binary", None, "SparseCategoricalCrossentropy", "a probability for each class"),
        ("multilabel", None, "CategoricalCrossentropy", "a probability for each class"),
        ("regression", None, "binary_crossentropy", "answers with numbers"),
        ("forecast", None, LOGITS, "answers with numbers"),
    ],
)
def test_a_contradiction_is_one_line(task: str, output: Any, loss: Any, message: str) -> None:
    """Logits left as probabilities, and a traceback followed in `evaluate`."""
    (problem,) = problems(task, output, loss=loss)
    assert re.search(message, problem), problem


@pytest.mark.parametrize("task", ["regression", "proportion", "forecast", "multilabel"])
def test_weights_of_classes_are_for_classes(task: str) -> None:
    (problem,) = problems(task, class_weight="balanced")
    assert "training.class_weight weighs classes" in problem


def learner(task: str, network: Any, units: int = 1, **training: Any) -> Learner:
    section = Training(batch_size=16, epochs=2, shuffle=False, xla=False, **training)
    return Learner(network, section, task, units, {"features": (4,)}, {"features": "float32"}, 0)


@pytest.mark.parametrize(
    ("task", "units", "loss"), [("binary", 1, LOGITS), ("multiclass", 3, AMONG_LOGITS)]
)
def test_logits_get_their_activation_in_the_network_that_is_kept(
    task: str, units: int, loss: Any
) -> None:
    learns = learner(task, [{"Dense": {"units": 5}}], units, loss=loss, metrics=["accuracy"])
    target = GENERATOR.integers(0, max(units, 2), 60).astype(np.int32)
    run = Run({"features": X}, target, np.arange(40), np.arange(40, 60), 0)
    (fitted,) = learns.fit([run], title="")
    model = learns.build(0)
    model.set_weights(fitted.weights)
    raw = np.asarray(model([X[40:]]))
    kept = heads.with_answers(model, learns.heads)
    answers = np.asarray(kept([X[40:]]))
    assert raw.min() < 0
    agreement.are_probabilities(answers, task)
    np.testing.assert_allclose(fitted.validation_predictions, answers, atol=1e-6)
    # Metrics judge answers, not logits, of which a half is no threshold.
    said = answers.argmax(1) if units > 1 else (answers[:, 0] > 0.5).astype(int)
    assert fitted.history["val_accuracy"][-1] == pytest.approx((said == target[40:]).mean())

    plain = learner(task, [{"Dense": {"units": 5}}], units, metrics=["accuracy"])
    (other,) = plain.fit([run], title="")
    for one, two in zip(fitted.weights, other.weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)


def test_what_comes_behind_the_output_counts() -> None:
    network = [{"Output": {"activation": "linear"}}, {"Activation": {"activation": "sigmoid"}}]
    learner("binary", network).build(0)
    with pytest.raises(BadNetwork, match="should be sigmoid or hard_sigmoid"):
        learner("binary", [*network[:1], {"Activation": {"activation": "relu"}}]).build(0)


@pytest.mark.parametrize(
    ("answers", "task"),
    [([[-0.1], [0.4]], "binary"), ([[0.2], [1.3]], "multilabel"), ([[0.9, 0.9]], "multiclass"),
     ([[float("nan")]], "binary")],
)  # fmt: skip
def test_answers_that_are_no_probabilities_are_not_kept(answers: Any, task: str) -> None:
    with pytest.raises(BadNetwork, match="with probabilities"):
        agreement.are_probabilities(np.array(answers), task)
    agreement.are_probabilities(np.array(answers), "regression")

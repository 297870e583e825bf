"""Problem types and what follows from them: the last layer, the loss and the metrics.

The table is the texts' own ("choose the last-layer activation and loss function by problem type").
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# The task of a pipeline whose `targets` have tasks of their own.
SEVERAL = "several"
Task = Literal[
    "binary", "multiclass", "multilabel", "regression", "proportion", "forecast", "several"
]


class Problem(NamedTuple):
    """What a problem type implies, with Keras' names."""

    activation: str
    loss: str
    metrics: tuple[str, ...]
    classifies: bool
    baseline: str
    # Outputs of model.onnx, whose inputs, the raw columns, cannot be called so too.
    answers: tuple[str, ...]


QUANTITY = ("prediction",)
PROBLEMS: dict[str, Problem] = {
    "binary": Problem(
        "sigmoid", "binary_crossentropy", ("accuracy",), True, "majority",
        ("probability", "label"),
    ),
    "multiclass": Problem(
        "softmax", "sparse_categorical_crossentropy", ("accuracy",), True, "majority",
        ("probabilities", "label"),
    ),
    "multilabel": Problem(
        "sigmoid", "binary_crossentropy", ("accuracy",), True, "majority",
        ("probabilities", "labels"),
    ),
    "regression": Problem("linear", "mean_squared_error", ("mae",), False, "mean", QUANTITY),
    # A regression whose target lies in [0, 1].
    "proportion": Problem("sigmoid", "mean_squared_error", ("mae",), False, "mean", QUANTITY),
    # A regression on the future of a series.
    "forecast": Problem("linear", "mean_squared_error", ("mae",), False, "persistence", QUANTITY),
    # Nothing by itself: each of its targets has a problem.
    SEVERAL: Problem("linear", "", (), False, "", ()),
}  # fmt: skip

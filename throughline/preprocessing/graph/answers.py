"""The end of the graph: from the network's numbers to probabilities, labels and quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.reconstruction import FittedReconstruction
from throughline.preprocessing.target import FittedTarget

if TYPE_CHECKING:
    import onnx

# A binary model says the positive class from this probability on.
THRESHOLD = 0.5
# What a network that gives back its input answers beside `prediction`.
ERROR = "reconstruction_error"


def answers(target: FittedTarget, network_output: str) -> onnx.ModelProto:
    """A graph from the network's output (N, units) to named answers.

    binary: `probability` (N,) of the last class and `label` (N,). multiclass: `probabilities`
    (N, classes) and `label` (N,). multilabel: `probabilities` (N, labels) and `labels` (N, labels)
    of booleans. regression and proportion: `prediction` (N,), or (N, targets) when there are
    several, in the target's own unit.
    """
    from onnx import TensorProto

    graph = Graph()
    value = graph.input(network_output, "number", ["N", target.units])
    if target.task == "binary":
        flat = graph.constant([-1], "flat", np.int64)
        probability = graph.node("Reshape", [value, flat], "probability", exact=True)
        graph.output(probability, TensorProto.FLOAT, ["N"])
        threshold = graph.constant(THRESHOLD, "threshold")
        positive = graph.node("GreaterOrEqual", [probability, threshold], "is_positive")
        _label(graph, graph.node("Cast", [positive], "class", to=TensorProto.INT64), target)
    elif target.task == "multiclass":
        graph.node("Identity", [value], "probabilities", exact=True)
        graph.output("probabilities", TensorProto.FLOAT, ["N", target.units])
        _label(graph, graph.node("ArgMax", [value], "class", axis=1, keepdims=0), target)
    elif target.task == "multilabel":
        graph.node("Identity", [value], "probabilities", exact=True)
        graph.output("probabilities", TensorProto.FLOAT, ["N", target.units])
        threshold = graph.constant(THRESHOLD, "threshold")
        graph.node("GreaterOrEqual", [value, threshold], "labels", exact=True)
        graph.output("labels", TensorProto.BOOL, ["N", target.units])
    else:
        _quantity(graph, value, target)
    return graph.model()


def reconstruction(
    target: FittedReconstruction, network_output: str, given: str
) -> onnx.ModelProto:
    """A graph from what a network gives back, and what it was given, to named answers.

    `prediction` (N,), or (N, columns) when there are several, in the columns' own units, and
    `reconstruction_error` (N,): the mean over the columns of the squared difference of both, as the
    network sees them. It is the loss of a row, by which rows that are unlike the training's stand
    out.

    Args:
        target: the columns.
        network_output: name of what the network answers, (N, columns).
        given: name of its input, (N, columns).
    """
    from onnx import TensorProto

    graph = Graph()
    answer = graph.input(network_output, "number", ["N", target.units])
    features = graph.input(given, "number", ["N", target.units])
    difference = graph.node("Sub", [features, answer], "difference")
    square = graph.node("Mul", [difference, difference], "square")
    axis = graph.constant([1], "axis", np.int64)
    graph.node("ReduceMean", [square, axis], ERROR, exact=True, keepdims=0)
    if target.scaled:
        divide = graph.constant(target.divide[None], "divide")
        value = graph.node("Mul", [answer, divide], "rescaled")
        answer = graph.node(
            "Add", [value, graph.constant(target.subtract[None], "subtract")], "shifted"
        )
    _prediction(graph, answer, target.units)
    graph.output(ERROR, TensorProto.FLOAT, ["N"])
    return graph.model()


def _label(graph: Graph, number: str, target: FittedTarget) -> None:
    from onnx import TensorProto

    assert target.classes is not None
    whole = all(isinstance(value, int) for value in target.classes)
    classes = graph.constant(list(target.classes), "classes", np.int64 if whole else str)
    graph.node("Gather", [classes, number], "label", exact=True, axis=0)
    graph.output("label", TensorProto.INT64 if whole else TensorProto.STRING, ["N"])


def _quantity(graph: Graph, value: str, target: FittedTarget) -> None:
    if (target.subtract, target.divide) != (0.0, 1.0):
        divide = graph.constant(target.divide, "divide")
        value = graph.node("Mul", [value, divide], "rescaled")
        value = graph.node("Add", [value, graph.constant(target.subtract, "subtract")], "shifted")
    _prediction(graph, value, target.units)


def _prediction(graph: Graph, value: str, units: int) -> None:
    from onnx import TensorProto

    if units == 1:
        flat = graph.constant([-1], "flat", np.int64)
        graph.node("Reshape", [value, flat], "prediction", exact=True)
        graph.output("prediction", TensorProto.FLOAT, ["N"])
    else:
        graph.node("Identity", [value], "prediction", exact=True)
        graph.output("prediction", TensorProto.FLOAT, ["N", units])

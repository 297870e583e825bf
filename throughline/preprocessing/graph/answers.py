"""The end of the graph: from the network's numbers to probabilities, labels and quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.pipeline.several_targets import answer
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.reconstruction import FittedReconstruction
from throughline.preprocessing.several import FittedSeveral
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
    graph = Graph()
    _write(graph, graph.input(network_output, "number", ["N", target.units]), target, "")
    return graph.model()


def several_answers(several: FittedSeveral, network_output: str) -> onnx.ModelProto:
    """A graph from the network's output (N, units) to the named answers of each target.

    They are those of `answers` with the target's name before them, `sold_probability` and
    `sold_label`; a prediction is called like its target.
    """
    graph = Graph()
    value = graph.input(network_output, "number", ["N", several.units])
    axis, first = graph.constant([1], "axis", np.int64), 0
    for name, target in several.parts.items():
        ends = (
            graph.constant([place], "place", np.int64) for place in (first, first + target.units)
        )
        first += target.units
        own = graph.node("Slice", [value, *ends, axis], f"{name}_of_all")
        _write(graph, own, target, name)
    return graph.model()


def _write(graph: Graph, value: str, target: FittedTarget, name: str) -> None:
    """The answers of one target, whose name stands before theirs."""
    from onnx import TensorProto

    def own(what: str) -> str:
        return answer(name, what)

    if target.task == "binary":
        flat = graph.constant([-1], "flat", np.int64)
        probability = graph.node("Reshape", [value, flat], own("probability"), exact=True)
        graph.output(probability, TensorProto.FLOAT, ["N"])
        threshold = graph.constant(THRESHOLD, "threshold")
        positive = graph.node("GreaterOrEqual", [probability, threshold], "is_positive")
        number = graph.node("Cast", [positive], "class", to=TensorProto.INT64)
        _label(graph, number, target, own("label"))
    elif target.task == "multiclass":
        graph.node("Identity", [value], own("probabilities"), exact=True)
        graph.output(own("probabilities"), TensorProto.FLOAT, ["N", target.units])
        number = graph.node("ArgMax", [value], "class", axis=1, keepdims=0)
        _label(graph, number, target, own("label"))
    elif target.task == "multilabel":
        graph.node("Identity", [value], own("probabilities"), exact=True)
        graph.output(own("probabilities"), TensorProto.FLOAT, ["N", target.units])
        threshold = graph.constant(THRESHOLD, "threshold")
        graph.node("GreaterOrEqual", [value, threshold], own("labels"), exact=True)
        graph.output(own("labels"), TensorProto.BOOL, ["N", target.units])
    else:
        _quantity(graph, value, target, own("prediction"))


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
    given_back = graph.input(network_output, "number", ["N", target.units])
    features = graph.input(given, "number", ["N", target.units])
    difference = graph.node("Sub", [features, given_back], "difference")
    square = graph.node("Mul", [difference, difference], "square")
    axis = graph.constant([1], "axis", np.int64)
    graph.node("ReduceMean", [square, axis], ERROR, exact=True, keepdims=0)
    if target.scaled:
        divide = graph.constant(target.divide[None], "divide")
        value = graph.node("Mul", [given_back, divide], "rescaled")
        given_back = graph.node(
            "Add", [value, graph.constant(target.subtract[None], "subtract")], "shifted"
        )
    _prediction(graph, given_back, target.units, "prediction")
    graph.output(ERROR, TensorProto.FLOAT, ["N"])
    return graph.model()


def _label(graph: Graph, number: str, target: FittedTarget, name: str) -> None:
    from onnx import TensorProto

    assert target.classes is not None
    whole = all(isinstance(value, int) for value in target.classes)
    classes = graph.constant(list(target.classes), "classes", np.int64 if whole else str)
    graph.node("Gather", [classes, number], name, exact=True, axis=0)
    graph.output(name, TensorProto.INT64 if whole else TensorProto.STRING, ["N"])


def _quantity(graph: Graph, value: str, target: FittedTarget, name: str) -> None:
    if (target.subtract, target.divide) != (0.0, 1.0):
        divide = graph.constant(target.divide, "divide")
        value = graph.node("Mul", [value, divide], "rescaled")
        value = graph.node("Add", [value, graph.constant(target.subtract, "subtract")], "shifted")
    _prediction(graph, value, target.units, name)


def _prediction(graph: Graph, value: str, units: int, name: str) -> None:
    from onnx import TensorProto

    if units == 1:
        flat = graph.constant([-1], "flat", np.int64)
        graph.node("Reshape", [value, flat], name, exact=True)
        graph.output(name, TensorProto.FLOAT, ["N"])
    else:
        graph.node("Identity", [value], name, exact=True)
        graph.output(name, TensorProto.FLOAT, ["N", units])

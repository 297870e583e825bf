"""Windows over one axis, written as windows over two of which the first has length one.

onnxruntime has its fast, blocked convolution for two axes only: 64 rows of 200 steps through two
convolutions of 16 filters take half the time in this form (`python -m benchmarks.export conv1d`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from throughline.export.graph.rewriting import drop_dead, fresh_name, replace_items

if TYPE_CHECKING:
    import onnx

WINDOWS = frozenset({"Conv", "MaxPool", "AveragePool"})
# Operators that work value by value, or channel by channel, at any number of axes.
ANY_RANK = frozenset(
    {"Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "Sigmoid", "HardSigmoid", "Tanh",
     "Softplus", "Softsign", "Mish", "HardSwish", "BatchNormalization", "Add", "Sub", "Mul",
     "Identity"}
)  # fmt: skip
# Attributes with one number an axis; the new axis has a one there.
PER_AXIS = ("kernel_shape", "strides", "dilations")
# Where the new axis stands: behind rows and channels.
PLACE = 2


def widen(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give convolutions and pooling over one axis a second one, in place.

    The axis is put in before the first of them, stays through the operators between them, and is
    taken out where another operator reads the value. A graph without a convolution over one axis
    is left as it is.

    Returns:
        The same model.
    """
    graph = model.graph
    kernels = {tensor.name: tensor for tensor in graph.initializer}
    if any(_over_one_axis(node, kernels) and node.op_type == "Conv" for node in graph.node):
        _Widening(graph, kernels).run()
        drop_dead(graph)
    return model


class _Widening:
    """One pass over a graph's nodes."""

    def __init__(self, graph: onnx.GraphProto, kernels: dict[str, onnx.TensorProto]) -> None:
        self.graph = graph
        self.kernels = kernels
        # For each value of one axis the same value with two.
        self.wide: dict[str, str] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.axes = ""

    def run(self) -> None:
        for node in self.graph.node:
            if _over_one_axis(node, self.kernels):
                self._window(node)
            elif self._passes(node):
                node.input[:] = [self.wide.get(value, value) for value in node.input]
                self._widened(node)
            else:
                self.nodes.append(node)
        replace_items(self.graph.node, self.nodes)

    def _passes(self, node: onnx.NodeProto) -> bool:
        """Whether a node reads wide values and, beside them, only what fits any number of axes."""
        if node.op_type not in ANY_RANK or node.input[0] not in self.wide:
            return False
        others = [value for value in node.input[1:] if value not in self.wide]
        if node.op_type == "BatchNormalization":
            return len(others) == len(node.input) - 1
        return all(value in self.kernels and not self.kernels[value].dims for value in others)

    def _window(self, node: onnx.NodeProto) -> None:
        from onnx import helper, numpy_helper

        if node.input[0] not in self.wide:
            layer = node.name.rpartition("/")[0]
            # A layer's second call has a value of its own.
            value = fresh_name(f"{layer}/Unsqueeze", set(self.wide.values()))
            self.wide[node.input[0]] = value
            self.nodes.append(self._moved("Unsqueeze", node.input[0], value))
        node.input[0] = self.wide[node.input[0]]
        if node.op_type == "Conv":
            kernel = numpy_helper.to_array(self.kernels[node.input[1]])
            name = f"{node.input[1]}.wide"
            if name not in self.kernels:
                self._store(np.expand_dims(kernel, PLACE), name)
            node.input[1] = name
        for attribute in node.attribute:
            if attribute.name in PER_AXIS:
                attribute.ints[:] = [1, *attribute.ints]
            if attribute.name == "pads":
                attribute.ints[:] = _pads(attribute.ints)
        if node.op_type == "Conv" and not any(a.name == "kernel_shape" for a in node.attribute):
            shape = list(self.kernels[node.input[1]].dims[2:])
            node.attribute.append(helper.make_attribute("kernel_shape", shape))
        self._widened(node)

    def _widened(self, node: onnx.NodeProto) -> None:
        """A node whose value now has two axes, and the value with one for whom else reads it."""
        value = node.output[0]
        self.wide[value] = f"{value}/wide"
        node.output[0] = self.wide[value]
        self.nodes += [node, self._moved("Squeeze", self.wide[value], value)]

    def _moved(self, operator: str, source: str, value: str) -> onnx.NodeProto:
        from onnx import helper

        if not self.axes:
            self.axes = f"{value}.axes"
            self._store(np.array([PLACE], np.int64), self.axes)
        name = value if operator == "Unsqueeze" else f"{value}/Squeeze"
        return helper.make_node(operator, [source, self.axes], [value], name)

    def _store(self, array: np.ndarray, name: str) -> None:
        from onnx import numpy_helper

        self.kernels[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        self.graph.initializer.append(self.kernels[name])


def _over_one_axis(node: onnx.NodeProto, kernels: dict[str, onnx.TensorProto]) -> bool:
    """Whether a node is a convolution or pooling over one axis, with a stored kernel."""
    if node.op_type not in WINDOWS or node.domain:
        return False
    if node.op_type == "Conv":
        return node.input[1] in kernels and len(kernels[node.input[1]].dims) == 3
    return any(a.name == "kernel_shape" and len(a.ints) == 1 for a in node.attribute)


def _pads(given: Sequence[int]) -> list[int]:
    """Padding (begin, end) of one axis as that of two."""
    begin, end = given
    return [0, begin, 0, end]

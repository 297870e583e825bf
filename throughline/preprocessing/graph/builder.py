"""A small builder of ONNX graphs, in the terms in which preprocessing thinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

# The newest opset that onnxruntime 1.31 runs in full; the join raises older graphs to it.
OPSET = 23
ML_OPSET = 4
IR_VERSION = 11


class Graph:
    """Nodes, constants and named ends of a graph under construction.

    Values are referred to by their names, which say what they hold (`age`, `age/imputed`).
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._used: set[str] = set()
        self._domains: set[str] = set()
        self._opset, self._ir_version = OPSET, IR_VERSION

    def input(self, name: str, kind: str, shape: list[str | int]) -> str:
        """Declare a raw input of `kind` number, string, boolean, image or time (whole seconds)."""
        from onnx import TensorProto, helper

        types = {
            "number": TensorProto.FLOAT,
            "string": TensorProto.STRING,
            "boolean": TensorProto.BOOL,
            "image": TensorProto.UINT8,
            "time": TensorProto.INT64,
        }
        self._inputs.append(helper.make_tensor_value_info(name, types[kind], shape))
        self._used.add(name)
        return name

    def output(self, name: str, element_type: int, shape: list[str | int]) -> None:
        """Declare the value `name` as an output."""
        from onnx import helper

        self._outputs.append(helper.make_tensor_value_info(name, element_type, shape))

    def constant(self, values: Any, name: str, dtype: Any = np.float32) -> str:
        """A constant tensor; strings when `dtype` is `str`."""
        from onnx import TensorProto, helper, numpy_helper

        name = self._fresh(name)
        if dtype is str:
            strings = np.asarray(values, dtype=object)
            encoded = [str(value).encode("utf-8") for value in strings.ravel()]
            tensor = helper.make_tensor(name, TensorProto.STRING, strings.shape, encoded)
        else:
            tensor = numpy_helper.from_array(np.asarray(values, dtype=dtype), name)
        self._constants[name] = tensor
        return name

    def node(
        self, operator: str, inputs: list[str], name: str, *, exact: bool = False, **attributes: Any
    ) -> str:
        """Add a node with one output and return the output's name.

        Args:
            operator: of ONNX, with `ml.` before those of the domain ai.onnx.ml and
                `com.microsoft.` before those that onnxruntime adds.
            inputs: names of values.
            name: wanted name of the output; a number is added if it is taken, unless `exact`.
            attributes: of the operator.
        """
        from onnx import helper

        output = name if exact else self._fresh(name)
        self._used.add(output)
        domain, _, operator = operator.rpartition(".")
        domain = "ai.onnx.ml" if domain == "ml" else domain
        self._nodes.append(
            helper.make_node(
                operator,
                inputs,
                [output],
                name=output,
                domain=domain,
                **attributes,
            )
        )
        return output

    def either(
        self, condition: str, then: Callable[[], str], otherwise: Callable[[], str], name: str
    ) -> str:
        """The value of one of two parts of the graph; only that part is worked out.

        Args:
            condition: name of one truth value.
            then: adds the nodes for true and returns their value, a string tensor.
            otherwise: the same for false.
            name: of the value.
        """
        from onnx import TensorProto, helper

        def text(value: str) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(value, TensorProto.STRING, None)

        return self.node(
            "If",
            [condition],
            name,
            then_branch=self._inside(f"{name}/then", lambda: [text(then())]),
            else_branch=self._inside(f"{name}/else", lambda: [text(otherwise())]),
        )

    def while_true(
        self, is_on: Callable[[str], str], step: Callable[[str], str], value: str, name: str
    ) -> str:
        """`value` after as many steps as keep the condition true; its shape may change.

        Args:
            is_on: adds the nodes of the condition on a value and returns its name.
            step: adds the nodes from a value to the next.
            value: the first, a string tensor.
            name: of the last value.
        """
        from onnx import TensorProto, helper

        before = self._fresh(f"{name}/value")
        inputs = [
            helper.make_tensor_value_info(self._fresh(f"{name}/step"), TensorProto.INT64, []),
            helper.make_tensor_value_info(self._fresh(f"{name}/was_on"), TensorProto.BOOL, []),
            helper.make_tensor_value_info(before, TensorProto.STRING, None),
        ]

        def once() -> list[onnx.ValueInfoProto]:
            after = step(before)
            return [
                helper.make_tensor_value_info(is_on(after), TensorProto.BOOL, []),
                helper.make_tensor_value_info(after, TensorProto.STRING, None),
            ]

        body = self._inside(f"{name}/body", once)
        body.input.extend(inputs)
        return self.node("Loop", ["", is_on(value), value], name, body=body)

    def _inside(self, name: str, write: Callable[[], list[onnx.ValueInfoProto]]) -> onnx.GraphProto:
        """A graph inside a node; it sees the values and constants of the one around it."""
        from onnx import helper

        around, self._nodes = self._nodes, []
        try:
            outputs = write()
            return helper.make_graph(self._nodes, name, [], outputs)
        finally:
            self._domains |= {node.domain for node in self._nodes}
            self._nodes = around

    def spliced(self, other: onnx.ModelProto, value: str, prefix: str) -> str:
        """Add the nodes of a graph with one input and one output; returns the output's name."""
        from onnx import TensorProto

        inside = {other.graph.input[0].name: value}
        for constant in other.graph.initializer:
            copy = TensorProto()
            copy.CopyFrom(constant)
            copy.name = inside[constant.name] = self._fresh(f"{prefix}/{constant.name}")
            self._constants[copy.name] = copy
        for node in other.graph.node:
            for output in node.output:
                inside[output] = self._fresh(f"{prefix}/{output}")
        for node in other.graph.node:
            copied = type(node)()
            copied.CopyFrom(node)
            copied.name = f"{prefix}/{node.name}"
            copied.input[:] = [inside.get(name, name) for name in node.input]
            copied.output[:] = [inside[name] for name in node.output]
            self._nodes.append(copied)
        self._opset = max(self._opset, *(o.version for o in other.opset_import if not o.domain))
        self._ir_version = max(self._ir_version, other.ir_version)
        return inside[other.graph.output[0].name]

    def model(self) -> onnx.ModelProto:
        """The finished graph."""
        from onnx import helper

        graph = helper.make_graph(
            self._nodes, "preprocess", self._inputs, self._outputs, list(self._constants.values())
        )
        domains = self._domains | {node.domain for node in self._nodes}
        opsets = [helper.make_opsetid("", self._opset)]
        if "ai.onnx.ml" in domains:
            opsets.append(helper.make_opsetid("ai.onnx.ml", ML_OPSET))
        if "com.microsoft" in domains:
            opsets.append(helper.make_opsetid("com.microsoft", 1))
        return helper.make_model(graph, opset_imports=opsets, ir_version=self._ir_version)

    def _fresh(self, name: str) -> str:
        candidate, number = name, 1
        while candidate in self._used:
            number += 1
            candidate = f"{name}_{number}"
        self._used.add(candidate)
        return candidate

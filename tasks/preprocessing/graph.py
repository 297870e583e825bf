"""A small builder of ONNX graphs, in the terms in which preprocessing thinks."""

from __future__ import annotations

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

    def input(self, name: str, kind: str, shape: list[str | int]) -> str:
        """Declare a raw input of `kind` number, string or boolean."""
        from onnx import TensorProto, helper

        types = {
            "number": TensorProto.FLOAT,
            "string": TensorProto.STRING,
            "boolean": TensorProto.BOOL,
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

    def model(self) -> onnx.ModelProto:
        """The finished graph."""
        from onnx import helper

        graph = helper.make_graph(
            self._nodes, "preprocess", self._inputs, self._outputs, list(self._constants.values())
        )
        domains = {node.domain for node in self._nodes}
        opsets = [helper.make_opsetid("", OPSET)]
        if "ai.onnx.ml" in domains:
            opsets.append(helper.make_opsetid("ai.onnx.ml", ML_OPSET))
        if "com.microsoft" in domains:
            opsets.append(helper.make_opsetid("com.microsoft", 1))
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)

    def _fresh(self, name: str) -> str:
        candidate, number = name, 1
        while candidate in self._used:
            number += 1
            candidate = f"{name}_{number}"
        self._used.add(candidate)
        return candidate

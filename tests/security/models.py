"""Model files that cost too much, name files elsewhere, or say of themselves what is not so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def _model(nodes: list[Any], initial: list[Any], metadata: str = "", **shape: Any) -> bytes:
    import onnx
    from onnx import TensorProto, helper

    kind = shape.get("kind", TensorProto.FLOAT)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape.get("given", [None, 1]))
    answer = helper.make_tensor_value_info("y", kind, shape.get("answer"))
    graph = helper.make_graph(nodes, "g", [given], [answer], initial)
    opsets = shape.get("opsets", [helper.make_opsetid("", 17)])
    functions = shape.get("functions", [])
    model = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=8)
    if metadata:
        onnx.helper.set_model_props(model, {"throughline": metadata})
    content: bytes = model.SerializeToString()
    return content


def identity(metadata: str) -> bytes:
    from onnx import helper

    return _model([helper.make_node("Identity", ["x"], ["y"])], [], metadata)


def contract() -> dict[str, Any]:
    """The metadata of a sound model with an entry of every kind that `predict` reads."""
    statistics = {"min": 0, "max": 4, "mean": 2, "sd": 1, "deciles": [0, 4], "at_or_below": [0, 1]}
    return {
        "inputs": [
            {"name": "x", "type": "number", "unit": "m", "missing": 0.0, "may_be_missing": True,
             **statistics},
        ],
        "target": {"name": "y", "task": "regression", "columns": ["y"], "unit": "m"},
        "reading": {"separator": ",", "encoding": "utf-8", "rename": {"X": "x"}, "columns": {}},
        "states": {},
        "samples": {},
        "pipeline": "rain",
        "training_rows": 100,
    }  # fmt: skip


def described() -> bytes:
    """A sound model with such metadata."""
    return identity(json.dumps(contract()))


# What a terminal acts on, as part of a name.
ESCAPE = "\x1b[2J\x1b]0;owned\x07"


def doubling(times: int = 40) -> bytes:
    """Functions that each call the former twice: 2^40 nodes once the runtime has inlined them."""
    from onnx import helper

    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]

    def twice(number: int) -> Any:
        operator, domain = (f"f{number - 1}", "own") if number else ("Neg", "")
        calls = [
            helper.make_node(operator, [value], [made], domain=domain)
            for value, made in (("x", "h"), ("h", "y"))
        ]
        return helper.make_function("own", f"f{number}", ["x"], ["y"], calls, opsets)

    last = helper.make_node(f"f{times - 1}", ["x"], ["y"], domain="own")
    functions = [twice(number) for number in range(times)]
    return _model([last], [], functions=functions, opsets=opsets)


def pooling(constant: bool) -> bytes:
    """One operator of 10^14 comparisons, of the rows or of constants alone."""
    from onnx import TensorProto, helper

    size = helper.make_tensor("s", TensorProto.INT64, [4], [1, 1, 8000, 8000])
    made = (
        [helper.make_node("ConstantOfShape", ["s"], ["a"])]
        if constant
        else [
            helper.make_node("ReduceMax", ["x"], ["m"], keepdims=0),
            helper.make_node("Expand", ["m", "s"], ["a"]),
        ]
    )
    nodes = [
        *made,
        helper.make_node("MaxPool", ["a"], ["p"], kernel_shape=[4000, 4000]),
        helper.make_node("ReduceMax", ["p"], ["r"], keepdims=0),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    return _model(nodes, [size])


def told() -> bytes:
    """The runtime has remarks on it that name its weights, and a node that fails."""
    from onnx import TensorProto, helper

    size = helper.make_tensor("s", TensorProto.INT64, [2], [7, -1])
    unused = helper.make_tensor(f"w{ESCAPE}", TensorProto.FLOAT, [1], [1.0])
    node = helper.make_node("Reshape", ["x", "s"], ["y"], name=ESCAPE)
    return _model([node], [size, unused])


def loop() -> bytes:
    """A Loop of 2^62 rounds."""
    from onnx import TensorProto, helper

    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Add", ["v", "v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [None, 1]),
        ],
        [
            helper.make_tensor_value_info("d", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [None, 1]),
        ],
    )
    rounds = helper.make_tensor("n", TensorProto.INT64, [], [1 << 62])
    on = helper.make_tensor("t", TensorProto.BOOL, [], [True])
    return _model([helper.make_node("Loop", ["n", "t", "x"], ["y"], body=body)], [rounds, on])


def large() -> bytes:
    """An array of 24 GB."""
    from onnx import TensorProto, helper

    one = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    size = helper.make_tensor("s", TensorProto.INT64, [2], [1_000_000, 6000])
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["a"], value=one),
        helper.make_node("ReduceSum", ["a"], ["r"], keepdims=0),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    return _model(nodes, [size])


def elsewhere(place: str) -> bytes:
    """Weights in another file."""
    from onnx import TensorProto, helper

    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", place), ("offset", "0"), ("length", "16")):
        weight.external_data.add(key=key, value=value)
    return _model([helper.make_node("Add", ["x", "w"], ["y"])], [weight])


def one_number() -> bytes:
    """One answer whatever the rows."""
    from onnx import helper

    return _model([helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)], [])


def labels(*classes: str) -> bytes:
    """A class a row, by its name."""
    from onnx import TensorProto, helper

    names = helper.make_tensor(
        "n", TensorProto.STRING, [len(classes)], [c.encode() for c in classes]
    )
    nodes = [
        helper.make_node("Sub", ["x", "one"], ["z"]),
        helper.make_node("Cast", ["z"], ["i"], to=TensorProto.INT64),
        helper.make_node("Flatten", ["i"], ["f"]),
        helper.make_node("Squeeze", ["f", "axis"], ["k"]),
        helper.make_node("Gather", ["n", "k"], ["y"]),
    ]
    one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    return _model(nodes, [names, one, axis], kind=TensorProto.STRING)


def _entry(**values: Any) -> str:
    return json.dumps({"inputs": [{"name": "x", "type": "number", **values}]})


MODELS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a loop of 2^62": (loop, "within 1 seconds"),
    "functions that double": (doubling, "load within 1 seconds"),
    "an operator without end": (lambda: pooling(constant=False), "answer within 1 seconds"),
    "a constant without end": (lambda: pooling(constant=True), "load within 1 seconds"),
    "names that a terminal acts on": (told, "must answer"),
    "an array of 24 GB": (large, "memory"),
    "weights above": (lambda: elsewhere("../secret.bin"), "must be an ONNX model"),
    "weights at an absolute path": (lambda: elsewhere("/etc/passwd"), "must be an ONNX model"),
    "one answer for all rows": (one_number, "one answer a row"),
    "no model": (lambda: b"hello", "must be an ONNX model"),
    "nothing": (lambda: b"", "must"),
    "a cut model": (lambda: loop()[:-40], "must be an ONNX model"),
    "metadata: no json": (lambda: identity("{"), "metadata"),
    "metadata: a list": (lambda: identity("[]"), "metadata"),
    "metadata: deep": (lambda: identity("[" * 100_000), "metadata"),
    "metadata: 5,000 digits": (lambda: identity('{"inputs": ' + "9" * 5000 + "}"), "metadata"),
    "metadata: inputs of another type": (lambda: identity('{"inputs": {"x": 1}}'), "metadata"),
    "metadata: an input without a name": (lambda: identity('{"inputs": [{}]}'), "metadata"),
    "metadata: a type that is a list": (lambda: identity(_entry(type=[])), "metadata"),
    "metadata: closed, without categories": (lambda: identity(_entry(closed=True)), "metadata"),
    "metadata: a picture without a size": (lambda: identity(_entry(type="image")), "metadata"),
    "metadata: a picture of 2^40": (
        lambda: identity(_entry(type="image", shape=[1 << 40, 1, 1])), "metadata",
    ),
    "metadata: a window of nothing": (
        lambda: identity('{"window": {"extent": {}}}'), "must be a model",
    ),
    "metadata: states of numbers": (lambda: identity('{"states": {"x": 1}}'), "metadata"),
    "metadata: classes of a number": (lambda: identity('{"target": {"classes": 5}}'), "metadata"),
    "metadata: fewer classes than answers": (
        lambda: identity('{"target": {"classes": []}, "inputs": [{"name": "x", "type": "none"}]}'),
        "must",
    ),
}  # fmt: skip

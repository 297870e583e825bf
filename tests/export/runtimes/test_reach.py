"""The lowest operator sets that mean what was written, and the oldest runtime that has them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from throughline.export.graph.join import join
from throughline.export.graph.reach import (
    LOWEST,
    RUNTIMES,
    UnknownOperator,
    lower,
    lowest,
    oldest_runtime,
)

FLOAT, STRING, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.STRING,
    TensorProto.INT64,
    TensorProto.BOOL,
)


def model(nodes, kind=FLOAT, given=FLOAT, constants=(), opset=26, ml=5):
    """A graph from `x` (N, 4) to `y` at the newest versions that we write."""
    domains = {node.domain for node in nodes}
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid("ai.onnx.ml", ml)] * ("ai.onnx.ml" in domains)
    opsets += [helper.make_opsetid("com.microsoft", 1)] * ("com.microsoft" in domains)
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", given, ["N", 4])],
        [helper.make_tensor_value_info("y", kind, None)],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in constants],
    )
    return helper.make_model(graph, opset_imports=opsets, ir_version=13)


def node(operator, *inputs, domain="", **attributes):
    return helper.make_node(operator, inputs or ["x"], ["y"], domain=domain, **attributes)


class TestLowest:
    @pytest.mark.parametrize(
        "operator, constants, attributes, needed",
        [
            # Gained types, and nothing that a graph of floats has.
            ("Relu", [], {}, 18),
            ("Reshape", [("shape", np.array([-1, 2]))], {}, 18),
            ("Cast", [], {"to": FLOAT}, 18),
            # Were not there before.
            ("Gelu", [], {}, 20),
            ("Swish", [], {}, 24),
            # Are settings that came later.
            ("Cast", [], {"to": FLOAT, "saturate": 0}, 19),
            # Had another meaning with the same signature.
            ("Pad", [("pads", np.array([0, 1, 0, 1]))], {"mode": "wrap"}, 19),
        ],
    )
    def test_is_what_the_operator_needs(self, operator, constants, attributes, needed):
        inputs = ["x", *(name for name, _ in constants)]
        written = model([node(operator, *inputs, **attributes)], constants=constants)
        assert lowest(written) == {"": needed}

    def test_scales_by_channel_are_not_written_as_scales_by_group(self):
        ones = [(name, np.ones(4, np.float32)) for name in ("scale", "bias")]
        norm = node("GroupNormalization", "x", "scale", "bias", num_groups=2)
        assert lowest(model([norm], constants=ones))[""] == 21

    @pytest.mark.parametrize("kind, needed", [(FLOAT, 18), (STRING, 19), (INT64, 18)])
    def test_looks_at_types(self, kind, needed):
        assert lowest(model([node("Equal", "x", "x")], BOOL, kind))[""] == needed

    def test_knows_the_types_behind_operators_of_the_runtime(self):
        flat = helper.make_node("Reshape", ["x", "flat"], ["flat_text"])
        tokens = helper.make_node(
            "Tokenizer", ["flat_text"], ["tokens"], domain="com.microsoft",
            mark=0, mincharnum=1, pad_value="", tokenexp="[a-z]+",
        )  # fmt: skip
        constants = [("flat", np.array([-1]))]
        nodes = [flat, tokens, node("Shape", "tokens")]
        assert lowest(model(nodes, INT64, STRING, constants))[""] == 18
        nodes = [flat, tokens, node("Equal", "tokens", "tokens")]
        assert lowest(model(nodes, BOOL, STRING, constants))[""] == 19

    def test_of_machine_learning(self):
        plain = node("LabelEncoder", domain="ai.onnx.ml", keys_strings=["a"], values_int64s=[1])
        assert lowest(model([plain], INT64, STRING))["ai.onnx.ml"] == 3
        keys = numpy_helper.from_array(np.array([1, 2], np.int64))
        table = node("LabelEncoder", domain="ai.onnx.ml", keys_tensor=keys, values_tensor=keys)
        assert lowest(model([table], INT64, INT64))["ai.onnx.ml"] == 4

    def test_looks_into_branches(self):
        branches = {
            name: helper.make_graph(
                [helper.make_node(operator, ["x"], [name])],
                name,
                [],
                [helper.make_tensor_value_info(name, FLOAT, None)],
            )
            for name, operator in {"then_branch": "Relu", "else_branch": "Gelu"}.items()
        }
        nodes = [node("If", "is_new", **branches)]
        assert lowest(model(nodes, constants=[("is_new", np.array(True))]))[""] == 20

    def test_raises_nothing(self):
        assert lowest(model([node("Relu")], opset=13)) == {"": 13}

    def test_leaves_functions_as_they_are(self):
        body = [helper.make_node("Relu", ["a"], ["b"])]
        own = helper.make_function(
            "own", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 26)]
        )
        written = model([helper.make_node("Twice", ["x"], ["y"], domain="own")])
        written.functions.append(own)
        written.opset_import.append(helper.make_opsetid("own", 1))
        assert lower(written).opset_import[0].version == 26


class TestLower:
    def test_answers_as_before(self):
        nodes = [
            helper.make_node("Gelu", ["x"], ["g"]),
            helper.make_node("ReduceMax", ["g", "axes"], ["m"], keepdims=1),
            node("Div", "g", "m"),
        ]
        written = model(nodes, constants=[("axes", np.array([1]))])
        x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
        answers = [
            onnxruntime.InferenceSession(form).run(None, {"x": x})[0]
            for form in (written.SerializeToString(), lower(written).SerializeToString())
        ]
        assert np.array_equal(*answers)
        assert (written.opset_import[0].version, written.ir_version) == (20, 9)

    def test_a_joined_file_has_the_versions_of_its_neediest_part(self):
        first = model([helper.make_node("Relu", ["x"], ["features"])])
        first.graph.output[0].name = "features"
        second = model([helper.make_node("Gelu", ["features"], ["y"])])
        second.graph.input[0].name = "features"
        joined = lower(join(first, second))
        assert (joined.opset_import[0].version, joined.ir_version) == (20, 9)

    @pytest.mark.parametrize("domain", ["", "com.microsoft"])
    def test_refuses_what_no_runtime_knows(self, domain):
        with pytest.raises(UnknownOperator, match="Erfc"):
            lower(model([node("Erfc", domain=domain)]))

    def test_refuses_an_operator_of_a_domain_that_is_not_named(self):
        written = model([node("Scaler", domain="ai.onnx.ml", scale=[1.0], offset=[0.0])])
        del written.opset_import[1:]
        with pytest.raises(UnknownOperator, match="Scaler"):
            lower(written)


class TestOldestRuntime:
    def test_follows_the_versions_and_the_format(self):
        relu = model([node("Relu")])
        assert oldest_runtime(relu) == "1.25"
        assert oldest_runtime(lower(relu)) == RUNTIMES[0][0]
        relu.opset_import[0].version = 19
        assert oldest_runtime(relu) == "1.17"
        relu.ir_version = 10
        assert oldest_runtime(relu) == "1.18"
        relu.opset_import[0].version = onnx.defs.onnx_opset_version() + 1
        assert oldest_runtime(relu) == "newer than 1.25"

    def test_the_lowest_that_is_written_is_taken_by_all(self):
        _, opset, ml, _ = RUNTIMES[0]
        assert LOWEST[""] <= opset and LOWEST["ai.onnx.ml"] <= ml

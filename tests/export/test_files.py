"""Joined, canonical, described: what a file promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from keras_parity import assert_same, exported, keras_outputs, operators, randomise, rows, session
from onnx import TensorProto, helper, numpy_helper

from throughline.export.graph.canonical import canonical, canonical_bytes
from throughline.export.graph.join import UnmatchedGraphs, join
from throughline.export.proof.inspection import describe
from throughline.export.proof.parity import compare, first_departing_node

ROOT = Path(__file__).resolve().parents[2]


def scaler(opset: int = 23, name: str = "features", dtype: int = TensorProto.FLOAT):
    """A preprocessing of two raw columns, with an inner value that clashes with a layer's."""
    columns = [helper.make_tensor_value_info(c, TensorProto.FLOAT, ["N", 1]) for c in ("a", "b")]
    constants = [numpy_helper.from_array(np.array([2.0], np.float32), "dense/constant")]
    nodes = [
        helper.make_node("Concat", ["a", "b"], ["dense/Gemm"], "dense/Gemm", axis=1),
        helper.make_node("Identity", ["dense/Gemm"], ["same"], "copy"),
        helper.make_node("Mul", ["same", "dense/constant"], ["scaled"], "scale"),
        helper.make_node("Neg", ["same"], ["unused"], "unused"),
        helper.make_node("Cast", ["scaled"], [name], "cast", to=dtype),
    ]
    output = helper.make_tensor_value_info(name, dtype, ["N", 2])
    graph = helper.make_graph(nodes, "preprocess", columns, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def network(*names: str):
    """A small network of dense layers; names are given or automatic."""
    import keras

    layers = [
        keras.layers.Dense(3, activation="relu", **({"name": name} if name else {}))
        for name in names
    ]
    model = keras.Sequential([keras.Input((2,), name="features"), *layers])
    randomise(model)
    return model


class TestJoin:
    @pytest.mark.parametrize("opset", [13, 18, 23])
    @pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT32])
    def test_answers_from_raw_columns(self, opset, dtype):
        model = network("hidden", "answer")
        joined = join(scaler(opset, dtype=dtype), exported(model))
        onnx.checker.check_model(joined)
        a, b = np.round(rows(7, 1) * 5), np.round(rows(7, 1, seed=2) * 5)
        (received,) = session(joined).run(None, {"a": a, "b": b})
        (expected,) = keras_outputs(model, [np.concatenate([a, b], 1) * 2])
        assert compare({"y": expected}, {"y": received}, 1e-5)[0].passed

    def test_leaves_no_dead_node_and_no_copy(self):
        joined = join(scaler(), exported(network("", "answer")))
        assert operators(joined) == ["Concat", "Mul", "Cast", "Gemm", "Relu", "Gemm", "Relu"]
        assert [v.name for v in joined.graph.input] == ["a", "b"]
        assert [v.name for v in joined.graph.output] == ["answer"]

    def test_refuses_graphs_that_do_not_meet(self):
        with pytest.raises(UnmatchedGraphs, match="features"):
            join(scaler(name="pixels"), exported(network("answer")))

    def test_refuses_an_output_named_like_a_raw_column(self):
        with pytest.raises(UnmatchedGraphs, match="model's answers"):
            join(scaler(), exported(network("hidden", "a")))

    def test_calls_an_inner_output_otherwise(self):
        joined = join(scaler(), exported(network("hidden", "a")), inner=True)
        onnx.checker.check_model(joined)
        assert [v.name for v in joined.graph.input] == ["a", "b"]
        assert [v.name for v in joined.graph.output] == ["network/a"]

    def test_keeps_other_domains(self):
        front = scaler()
        front.opset_import.append(helper.make_opsetid("ai.onnx.ml", 4))
        front.graph.node[2].CopyFrom(
            helper.make_node(
                "Scaler",
                ["same"],
                ["scaled"],
                "scale",
                domain="ai.onnx.ml",
                offset=[0.0, 0.0],
                scale=[2.0, 2.0],
            )
        )
        joined = join(front, exported(network("answer")))
        assert {o.domain: o.version for o in joined.opset_import}["ai.onnx.ml"] == 4
        session(joined)


EXPORT = """
import hashlib, sys
sys.path[:0] = ["tests/export"]
import keras
from keras_parity import exported, randomise
from throughline.export.graph.canonical import canonical_bytes
for _ in range({burn}):
    keras.layers.Dense(1), keras.layers.Conv2D(1, 1), keras.layers.GRU(1)
x = keras.Input((6, 6, 2), name="features")
branches = [None, None]
for place in {order}:
    size = place + 2
    y = keras.layers.Conv2D(size, 3)(x)
    y = keras.layers.BatchNormalization()(y)
    branches[place] = keras.layers.Dense(3)(keras.layers.Flatten()(y))
z = keras.layers.Concatenate()(branches)
model = keras.Model(x, keras.layers.Dense(2, name="answer")(z))
for weight in model.weights:
    weight.assign(keras.ops.ones(weight.shape) * (sum(weight.shape) + 1) / 7)
print(hashlib.sha256(canonical_bytes(exported(model))).hexdigest())
"""


class TestCanonicalBytes:
    def test_same_network_has_same_bytes_in_fresh_processes(self):
        hashes = set()
        for burn, order, seed in ((0, (0, 1), "0"), (3, (1, 0), "1")):
            answer = subprocess.run(
                [sys.executable, "-c", EXPORT.format(burn=burn, order=order)],
                cwd=ROOT, capture_output=True, text=True, check=True,
                env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )  # fmt: skip
            hashes.add(answer.stdout.split()[-1])
        assert len(hashes) == 1

    def test_canonical_form_computes_the_same_and_is_its_own(self):
        model = network("", "", "answer")
        graph = exported(model)
        form = canonical(graph)
        onnx.checker.check_model(form)
        assert_same(model, form, rows(7, 2))
        assert canonical_bytes(form) == canonical_bytes(graph)
        assert [n.name for n in form.graph.node][:2] == ["dense/Gemm", "dense/Relu"]

    def test_other_weights_have_other_bytes(self):
        model = network("answer")
        before = canonical_bytes(exported(model))
        randomise(model, seed=1)
        assert canonical_bytes(exported(model)) != before

    def test_node_order_names_and_notes_do_not_matter(self):
        joined = join(scaler(), exported(network("", "answer")))
        noisy = onnx.ModelProto()
        noisy.CopyFrom(joined)
        noisy.producer_name, noisy.doc_string = "someone", "a note"
        for node in noisy.graph.node:
            node.doc_string = "here"
        noisy.graph.initializer.sort(key=lambda tensor: tensor.name, reverse=True)
        helper.set_model_props(noisy, {"b": "2", "a": "1"})
        helper.set_model_props(joined, {"a": "1", "b": "2"})
        assert canonical_bytes(noisy) == canonical_bytes(joined)


class TestParity:
    def test_compares_by_the_larger_of_one_and_the_value(self):
        expected = {"y": np.array([0.0, 100.0])}
        near = compare(expected, {"y": np.array([5e-6, 100.0005])}, 1e-5)[0]
        far = compare(expected, {"y": np.array([2e-5, 100.0])}, 1e-5)[0]
        assert near.passed and not far.passed
        assert near.max_absolute_error == pytest.approx(5e-4)
        assert near.max_relative_error == pytest.approx(5e-6)

    def test_nan_equals_nan_alone(self):
        expected = {"y": np.array([np.nan, np.inf, 1.0])}
        assert compare(expected, {"y": np.array([np.nan, np.inf, 1.0])}, 1e-5)[0].passed
        assert not compare(expected, {"y": np.array([0.0, np.inf, 1.0])}, 1e-5)[0].passed
        assert not compare(expected, {"y": np.array([np.nan, np.inf, np.nan])}, 1e-5)[0].passed

    def test_text_shape_and_absence(self):
        text = {"label": np.array(["a", "b"])}
        assert compare(text, {"label": np.array(["a", "b"], object)}, 0.0)[0].passed
        assert not compare(text, {"label": np.array(["a", "c"], object)}, 0.0)[0].passed
        assert not compare(text, {}, 0.0)[0].passed
        assert "shape" in compare({"y": np.ones((2, 1))}, {"y": np.ones(2)}, 1.0)[0].note

    def test_first_departing_node_is_named(self):
        import keras

        inputs = keras.Input((8, 8, 2), name="features")
        x = keras.layers.Conv2D(3, 2, activation="relu", name="first")(inputs)
        x = keras.layers.Conv2D(4, 2, name="second")(x)
        outputs = keras.layers.Dense(2, name="answer")(keras.layers.Flatten()(x))
        model = keras.Model(inputs, outputs)
        randomise(model)
        graph = exported(model)
        names = ("first", "second", "answer")
        inner = keras.Model(inputs, [model.get_layer(name).output for name in names])
        x = rows(3, 8, 8, 2)
        layers = dict(zip(names, keras_outputs(inner, [x]), strict=True))
        assert first_departing_node(layers, graph, {"features": x}) is None
        node = next(n for n in graph.graph.node if n.name.startswith("second/Conv"))
        weights = next(t for t in graph.graph.initializer if t.name == node.input[1])
        changed = numpy_helper.to_array(weights) + np.float32(0.01)
        weights.CopyFrom(numpy_helper.from_array(changed, weights.name))
        departure = first_departing_node(layers, graph, {"features": x})
        assert departure is not None and departure.layer == "second"
        assert departure.operator == "Conv"


class TestInspection:
    def test_describes_a_file(self, tmp_path):
        joined = join(scaler(), exported(network("", "answer")))
        helper.set_model_props(joined, {"pipeline": "toy"})
        path = tmp_path / "model.onnx"
        path.write_bytes(canonical_bytes(joined))
        text = describe(path)
        for part in ("a: float[N, 1]", "answer: float[N, 3]", "2 × Gemm", "pipeline: toy",
                     "dense/Gemm (Gemm)", "22 parameters"):  # fmt: skip
            assert part in text, text


class TestImports:
    def test_export_loads_neither_tensorflow_nor_keras(self):
        code = (
            "import sys, throughline.export.network as n, throughline.export.registry as r;"
            "import throughline.export.graph.join, throughline.export.graph.canonical;"
            "import throughline.export.proof.parity;"
            "import throughline.export.proof.inspection; assert 'Dense' in r.supported();"
            "bad = {'tensorflow', 'keras', 'tf2onnx', 'onnx', 'onnxruntime'} & set(sys.modules);"
            "assert not bad, bad"
        )
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)

"""Where a model looks, in networks whose last convolution lies on a branch."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from throughline.evaluation.show.saliency import Looked

SIDE = 8


def network(path, joined, behind):
    """Two convolutions side by side, of which the last one written sees the bright corner."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["channels", "dark"], ["main"]),
        *joined[0],
        helper.make_node("Conv", ["channels", "bright"], ["short"]),
        helper.make_node(joined[1], ["short", "other"], ["joined"]),
        *behind,
        helper.make_node("GlobalAveragePool", ["seen"], ["pooled"]),
        helper.make_node("ReduceSum", ["pooled", "axes"], ["sum"], keepdims=0),
        helper.make_node("Div", ["sum", "hundred"], ["scaled"]),
        helper.make_node("Sigmoid", ["scaled"], ["probability"]),
    ]
    kernels = np.random.default_rng(0).uniform(0.1, 1, (2, 1, 1, 1)).astype("float32")
    constants = {
        "dark": 0.01 * kernels,
        "bright": kernels,
        "axes": np.array([1, 2, 3]),
        "hundred": np.array(100.0, "float32"),
    }
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", SIDE, SIDE, 1])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N"])],
        [numpy_helper.from_array(a, name) for name, a in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return Looked(path)


IDENTITY = [helper.make_node("Identity", ["main"], ["other"])]
GATE = [
    helper.make_node("GlobalAveragePool", ["main"], ["squeezed"]),
    helper.make_node("Sigmoid", ["squeezed"], ["other"]),
]
PLAIN = [helper.make_node("Identity", ["joined"], ["seen"])]
RELU = [helper.make_node("Relu", ["joined"], ["seen"])]


@pytest.mark.parametrize(
    "joined, behind",
    [((IDENTITY, "Add"), RELU), ((IDENTITY, "Mul"), PLAIN), ((GATE, "Mul"), RELU)],
    ids=["residual", "product", "squeeze and excitation"],
)
def test_looks_where_the_picture_is_bright(tmp_path, joined, behind):
    pictures = np.zeros((1, SIDE, SIDE, 1), np.uint8)
    pictures[0, :3, :3] = 200
    (found,) = network(tmp_path / "model.onnx", joined, behind).maps(pictures, np.array([1]))
    assert found.shape == (SIDE, SIDE)
    assert found[:3, :3].min() > 0.9
    assert found[3:, 3:].max() < 0.1

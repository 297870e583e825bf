"""The way out for layers without a converter: tf2onnx, through TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.export.graph.rewriting import rename_values, replace_items
from throughline.training.private_keras import maker

if TYPE_CHECKING:
    import onnx

# The newest operator set that tf2onnx 1.17 writes.
TF2ONNX_OPSET = 18


def tf2onnx_graph(model_folder: Path) -> onnx.ModelProto:
    """The stored network converted by tf2onnx.

    The network runs as at inference (`training=False`). Inputs and outputs carry the names of
    Keras' input and output layers, as in `network_graph`.

    Args:
        model_folder: holds `network.json` and `network.weights.h5`.

    Returns:
        The model, with a metadata entry `exporter=tf2onnx`.

    Raises:
        onnx.checker.ValidationError: it wrote what is no ONNX, such as a convolution of two biases.
    """
    from throughline.training.engine.devices import configure_by_default
    from throughline.training.save import load

    configure_by_default()
    return converted(load(model_folder))


def converted(model: Any) -> onnx.ModelProto:
    """A Keras model converted by tf2onnx; see `tf2onnx_graph`."""
    import tensorflow as tf
    import tf2onnx
    from onnx import checker, helper

    signature = [
        tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    ]

    def inference(*tensors: Any) -> list[Any]:
        answers = model(list(tensors) if len(tensors) > 1 else tensors[0], training=False)
        return tf.nest.flatten(answers)  # type: ignore[no-any-return]

    graph, _ = tf2onnx.convert.from_function(
        tf.function(inference), input_signature=signature, opset=TF2ONNX_OPSET
    )
    names = {
        value.name: spec.name for value, spec in zip(graph.graph.input, signature, strict=True)
    }
    outputs = [_layer_name(tensor) for tensor in model.outputs]
    for place, (value, name) in enumerate(zip(graph.graph.output, outputs, strict=True)):
        repeated = outputs.count(name) > 1
        names[value.name] = f"{name}_{outputs[:place].count(name)}" if repeated else name
    rename_values(graph.graph, names)
    _write_error_function(graph.graph)
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    helper.set_model_props(graph, {"exporter": "tf2onnx"})
    checker.check_model(graph)
    return graph


def _write_error_function(graph: onnx.GraphProto) -> None:
    """Write erfc(x), which tf2onnx leaves as it is (exact GELU), as 1 - erf(x)."""
    from onnx import helper, numpy_helper

    nodes = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        (value,) = node.output
        one, erf = f"{value}/one", f"{value}/Erf"
        graph.initializer.append(numpy_helper.from_array(np.float32(1.0), one))
        nodes.append(helper.make_node("Erf", list(node.input), [erf], f"{node.name}/Erf"))
        nodes.append(helper.make_node("Sub", [one, erf], [value], node.name))
    replace_items(graph.node, nodes)


def _layer_name(tensor: Any) -> str:
    """The name of the layer that makes a Keras tensor."""
    return str(maker(tensor).name)

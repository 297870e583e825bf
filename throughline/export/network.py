"""A trained Keras network as ONNX, from its configuration and weights alone.

Sources: the ONNX operator reference; `keras/src/layers` for what each layer computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.export.graph.builder import OPSET, Builder
from throughline.export.graph.folding import fold
from throughline.export.graph.tensor import Dimension
from throughline.export.graph.weights import read_weights
from throughline.export.graph.widening import widen
from throughline.export.registry import UnsupportedLayer, UnwritableLayer, converts
from throughline.export.traversal import exported_names, references, run
from throughline.paths import read_json

if TYPE_CHECKING:
    import onnx

__all__ = [
    "OPSET",
    "UnsupportedLayer",
    "converts",
    "network_graph",
    "read_weights",
    "stored_network",
]

# What Keras gives a Sequential network that was built without an `Input`.
DEFAULT_INPUT = {"name": "input_layer", "dtype": "float32"}


def stored_network(folder: Path) -> tuple[onnx.ModelProto, str]:
    """The network that stage `train` stored, and who converted it.

    Args:
        folder: holds `network.json` and `network.weights.h5`.

    Returns:
        The graph, and `throughline` or, for a layer without a converter, `tf2onnx`.

    Raises:
        UnsupportedLayer: neither can write a layer.
    """
    configuration = read_json(folder / "network.json")
    try:
        weights = read_weights(folder / "network.weights.h5", configuration)
        return network_graph(configuration, weights), "throughline"
    except UnwritableLayer:
        raise
    except UnsupportedLayer as error:
        from throughline.export.fallback import tf2onnx_graph

        try:
            return tf2onnx_graph(folder), "tf2onnx"
        except Exception as other:
            raise UnsupportedLayer(
                "What has no converter here must be written by tf2onnx",
                " ".join(f"{type(other).__name__}: {other}".split()),
                str(error),
            ) from other


def network_graph(
    configuration: Mapping[str, Any],
    weights: Mapping[str, Sequence[np.ndarray]],
    *,
    opset: int = OPSET,
) -> onnx.ModelProto:
    """The ONNX graph of a Keras network.

    Inputs and outputs carry the names of Keras' input and output layers; the batch dimension is
    open ("N"), and so is every dimension that is None in Keras. Nodes carry layer names. The
    states of stateful recurrent layers are inputs `<layer>_state_<i>` and outputs
    `<layer>_next_state_<i>`.

    Args:
        configuration: the parsed JSON of `keras.Model.to_json()`, Sequential or Functional.
        weights: arrays by layer path, as `read_weights` gives them.
        opset: version of the standard operators. Defaults to `OPSET`.

    Returns:
        The model, in float32, without metadata.

    Raises:
        UnsupportedLayer: when a layer, or a setting of it, has no converter.
    """
    builder = Builder(opset)
    layers = configuration["config"]["layers"]
    names = exported_names(layers)
    inputs = [
        builder.input(names.get(item["name"], item["name"]), shape, item["dtype"])
        for item, shape in _inputs(configuration)
    ]
    outputs = run(configuration, inputs, weights, builder)
    states, builder.outputs = builder.outputs, []
    for name, tensor in zip(_output_names(configuration, names), outputs, strict=True):
        builder.output(name, tensor)
    builder.outputs += states
    return widen(fold(builder.model(configuration["config"]["name"])))


def _inputs(
    configuration: Mapping[str, Any],
) -> Iterator[tuple[Mapping[str, Any], list[Dimension]]]:
    """The configuration and shape of each input layer, in the order of the network's inputs."""
    config = configuration["config"]
    by_name = {layer["config"]["name"]: layer["config"] for layer in config["layers"]}
    if "input_layers" in config:
        found = [by_name[name] for name, _, _ in references(config["input_layers"])]
    elif config["layers"][0]["class_name"] == "InputLayer":
        found = [config["layers"][0]["config"]]
    else:
        found = [DEFAULT_INPUT | {"batch_shape": config["build_input_shape"]}]
    for item in found:
        prefix = "" if len(found) == 1 else f"{item['name']}_"
        yield item, _open_shape(item["batch_shape"], prefix)


def _open_shape(shape: Sequence[int | None], prefix: str) -> list[Dimension]:
    """A shape with a name for every open dimension: N rows, T steps of time, or D2, D3 ..."""
    named: list[Dimension] = ["N"]
    for axis, size in enumerate(shape[1:], start=1):
        open_name = "T" if axis == 1 and len(shape) <= 3 else f"D{axis}"
        named.append(f"{prefix}{open_name}" if size is None else size)
    return named


def _output_names(configuration: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """The name of each output: its layer's, with the output's number where one layer has more."""
    config = configuration["config"]
    if "output_layers" not in config:
        return [names[config["layers"][-1]["config"]["name"]]]
    found = references(config["output_layers"])
    inputs = {name for name, _, _ in references(config["input_layers"])}
    layers = [f"{names[name]}_output" if name in inputs else names[name] for name, _, _ in found]
    return [
        layer if layers.count(layer) == 1 else f"{layer}_{layers[: place + 1].count(layer) - 1}"
        for place, layer in enumerate(layers)
    ]

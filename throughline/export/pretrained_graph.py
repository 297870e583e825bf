"""A part of a pretrained network as ONNX, read from its file without running any code of it."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, ThroughlineError, nearest
from throughline.export.network import network_graph, read_weights
from throughline.limits import OF_THE_SYSTEM, members

if TYPE_CHECKING:
    import onnx

    from throughline.pipeline.schema.pretrained import Pretrained


def frozen_graph(path: Path, pretrained: Pretrained) -> onnx.ModelProto:
    """The network of a `.keras` file up to a layer.

    A `.keras` file is a zip of configuration and weights; both are read as data.

    Args:
        path: the file.
        pretrained: which part of it.

    Raises:
        BadData: no sound `.keras` file, or no such layer.
    """
    configuration, weights = _opened(path)
    until = pretrained.until
    if until is not None:
        configuration = cut(configuration, until)
    return network_graph(configuration, weights)


def _opened(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            members(archive, path.name, path.stat().st_size)
            configuration = json.loads(archive.read("config.json"))
            stored = Path(folder) / "model.weights.h5"
            stored.write_bytes(archive.read("model.weights.h5"))
            return configuration, read_weights(stored, configuration)
    except ThroughlineError:
        raise
    except Exception as error:
        # zipfile, json and h5py have no base class for what they say of a damaged file.
        if isinstance(error, OSError) and error.errno in OF_THE_SYSTEM:
            raise
        raise BadData(f"'{path.name}' must be a sound .keras file", str(error)) from None


def cut(configuration: Mapping[str, Any], until: str) -> dict[str, Any]:
    """The configuration of a functional network that ends at a layer.

    Raises:
        BadData: there is no such layer; names the nearest.
    """
    config = configuration["config"]
    layers = {layer["config"]["name"]: layer for layer in config["layers"]}
    if until not in layers:
        raise BadData("'until' must name a layer of the network", until, nearest(until, layers))
    wanted: set[str] = set()
    waiting = [until]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += _sources(layers[name].get("inbound_nodes", []))
    kept = [layer for name, layer in layers.items() if name in wanted]
    shorter = {**config, "layers": kept, "output_layers": [until, 0, 0]}
    return {**configuration, "config": shorter}


def _sources(structure: Any) -> Iterator[str]:
    """The names of the layers that a call reads."""
    if isinstance(structure, Mapping):
        if "keras_history" in structure:
            yield str(structure["keras_history"][0])
            return
        structure = list(structure.values())
    if isinstance(structure, list | tuple):
        for part in structure:
            yield from _sources(part)

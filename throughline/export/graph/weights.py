"""Weights of a Keras 3 `.weights.h5` file, by the path of their layer.

Keras names the groups of the file by class and order (`layers/dense_1/vars/0`), not by layer
name: see `_save_container_state` in `keras/src/saving/saving_lib.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from throughline.errors import MissingFile, ThroughlineError
from throughline.export.registry import snake_case
from throughline.training.private_keras import OPERATIONS


class MismatchedWeights(ThroughlineError, ValueError):
    """The weights belong to another network; store both anew from the same network."""


def read_weights(path: Path, configuration: Mapping[str, Any]) -> dict[str, list[np.ndarray]]:
    """The weights of every layer of a network.

    Args:
        path: a `.weights.h5` file, as `keras.Model.save_weights` writes it.
        configuration: the parsed JSON of `keras.Model.to_json`.

    Returns:
        Arrays in Keras' order by path: a layer's name, then the part of it that owns them
        ("dense", "gru/cell", "bidirectional/forward_layer/cell", "model/dense").

    Raises:
        MissingFile: when there is no such file.
        MismatchedWeights: when the file holds groups that the configuration doesn't explain.
    """
    import h5py

    if not path.is_file():
        raise MissingFile("The weights of a trained network", str(path), "Run the train stage")
    with h5py.File(path, "r") as file:
        return dict(_network(file, configuration, "", file.filename))


def _network(
    group: Any, configuration: Mapping[str, Any], prefix: str, source: str
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Weights of a Sequential or Functional network stored in `group`."""
    stored = group.get("layers", {})
    layers = dict(_group_names(configuration["config"]["layers"]))
    unknown = sorted(set(stored) - set(layers))
    if unknown:
        raise MismatchedWeights(
            f"Groups of weights named like the network's layers ({', '.join(layers)})",
            ", ".join(unknown),
            f"Store network and weights from the same model ({source})",
        )
    for key in stored:
        yield from _layer(stored[key], layers[key], prefix + layers[key]["config"]["name"], source)


def _layer(
    group: Any, configuration: Mapping[str, Any], path: str, source: str
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Weights of a layer and of the layers inside it."""
    if "layers" in configuration.get("config", {}):
        yield from _network(group, configuration, f"{path}/", source)
        return
    if "vars" in group and len(group["vars"]):
        numbered = sorted(group["vars"], key=lambda key: (len(key), key))
        yield path, [np.asarray(group["vars"][key]) for key in numbered]
    for key in group:
        if key != "vars" and hasattr(group[key], "keys"):
            inner = configuration.get("config", {}).get(key)
            yield from _layer(
                group[key], inner if isinstance(inner, dict) else {}, f"{path}/{key}", source
            )


def _group_names(layers: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Keras' name for the group of each layer: its class, numbered from the second one on."""
    used: dict[str, int] = {}
    for layer in layers:
        if is_operation(layer):
            continue
        name = snake_case(layer["class_name"])
        count = used.get(name)
        used[name] = 0 if count is None else count + 1
        yield (name if count is None else f"{name}_{count + 1}"), layer


def is_operation(layer: Mapping[str, Any]) -> bool:
    """True for an operation of `keras.ops` in a functional graph; it is no layer."""
    return str(layer.get("module", "")).startswith(OPERATIONS)

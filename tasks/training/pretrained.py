"""Layers of a pretrained network inside a `network` section: loaded, frozen, trained on."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tasks.config.pretrained import Pretrained
from tasks.errors import MissingFile, listed, nearest
from tasks.training.spec import PRETRAINED, BadNetwork

if TYPE_CHECKING:
    import keras

# What an entry says besides which layers: how many of them stay as they are, and whether the last
# one answers, so that no output layer follows.
FREEZE, ANSWERS, FOLDER = "freeze", "answers", "folder"


def entries_of(network: Any) -> Iterator[Pretrained]:
    """The pretrained networks that a `network` section names.

    Raises:
        BadNetwork: an entry that is wrong.
    """
    listing = network.get("layers", []) if isinstance(network, Mapping) else network
    for entry in listing if isinstance(listing, list) else []:
        if isinstance(entry, Mapping) and PRETRAINED in entry:
            yield checked(entry[PRETRAINED], f"network.{PRETRAINED}")


def checked(arguments: Mapping[str, Any], place: str) -> Pretrained:
    """The entry's source.

    Raises:
        BadNetwork: a key that is unknown, or a source that is incomplete.
    """
    source = {key: v for key, v in arguments.items() if key not in (FREEZE, ANSWERS, FOLDER)}
    try:
        return Pretrained.model_validate(source)
    except ValidationError as error:
        first = error.errors()[0]
        keys = [*Pretrained.model_fields, FREEZE, ANSWERS]
        where = ".".join(map(str, (place, *first["loc"])))
        remedy = nearest(str(first["loc"][-1]), keys) if first["loc"] else ""
        raise BadNetwork(f"{where}: {first['msg']}", dict(source), remedy) from None


def located(network: Any, folder: Path) -> Any:
    """The `network` section with the folder of stage `bottleneck` in its pretrained entries."""
    if isinstance(network, Mapping):
        return {key: located(value, folder) for key, value in network.items()}
    if not isinstance(network, list):
        return network
    return [
        {**entry, PRETRAINED: {**entry[PRETRAINED], FOLDER: str(folder)}}
        if isinstance(entry, Mapping) and PRETRAINED in entry
        else entry
        for entry in network
    ]


def layer(arguments: Mapping[str, Any], name: str, position: str) -> keras.Layer:
    """The pretrained layers as one layer, with their weights.

    Args:
        arguments: of the entry, with the folder.
        name: of the layer.
        position: of the entry, for messages.

    Raises:
        MissingFile: stage `bottleneck` has not run.
        BadNetwork: no layer of a name that the entry gives, or nothing to freeze.
    """
    import keras

    source = checked(arguments, position)
    path = Path(arguments.get(FOLDER, ".")) / f"{source.sha256 or source.application}.keras"
    if not path.is_file():
        raise MissingFile(f"'{path}' is needed and is made by stage 'bottleneck'", remedy="Run it")
    model = _loaded(path)
    start = _output(model, source.after, position) if source.after else model.inputs[0]
    end = _output(model, source.until, position) if source.until else model.outputs[0]
    part = keras.Model(start, end, name=name)
    if source.pool is not None:
        pool = {
            "average": keras.layers.GlobalAveragePooling2D,
            "max": keras.layers.GlobalMaxPooling2D,
        }
        part = keras.Model(part.inputs, pool[source.pool](name="pool")(part.outputs[0]), name=name)
    _freeze(part, arguments.get(FREEZE, "all"), position)
    return part


def _loaded(path: Path) -> keras.Model:
    """The network of a `.keras` file; a configuration that brings code is refused."""
    import keras

    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        configuration = json.loads(archive.read("config.json"))
        stored = Path(folder) / "model.weights.h5"
        stored.write_bytes(archive.read("model.weights.h5"))
        model = keras.saving.deserialize_keras_object(configuration, safe_mode=True)
        model.load_weights(stored)
    return model


def _output(model: keras.Model, name: str, position: str) -> Any:
    names = [each.name for each in model.layers]
    if name not in names:
        raise BadNetwork(
            f"{position} must name layers of the pretrained network", name, nearest(name, names)
        )
    return model.get_layer(name).output


def _freeze(part: keras.Model, freeze: Any, position: str) -> None:
    """Keep all, the first so many, or all layers up to one as they are."""
    names = [each.name for each in part.layers]
    if freeze == "all":
        count = len(names)
    elif freeze in (None, "none", False):
        count = 0
    elif isinstance(freeze, int):
        count = freeze
    elif freeze in names:
        count = names.index(freeze) + 1
    else:
        raise BadNetwork(
            f"{position}.freeze should be all, none, a number of layers or a layer's name",
            freeze,
            nearest(str(freeze), names) + f" Layers: {listed(names)}",
        )
    for each in part.layers[:count]:
        each.trainable = False

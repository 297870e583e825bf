"""Layers of a pretrained network inside a `network` section: loaded, frozen, trained on."""

from __future__ import annotations

import contextlib
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from throughline.errors import BadData, MissingFile, ThroughlineError, listed, nearest
from throughline.limits import OF_THE_SYSTEM
from throughline.pipeline.schema.pretrained import Pretrained
from throughline.training.network.spec import PRETRAINED, BadNetwork

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
        BadData: the file is no network of Keras' own layers.
        BadNetwork: no layer of a name that the entry gives, or nothing to freeze.
    """
    import keras

    source = checked(arguments, position)
    path = Path(arguments.get(FOLDER, ".")) / f"{source.sha256 or source.application}.keras"
    if not path.is_file():
        raise MissingFile(f"'{path}' is needed and is made by stage 'bottleneck'", remedy="Run it")
    place = source.file or source.archive or source.url or source.application
    model = _loaded(path, f"{position}: '{place}'")
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


def _loaded(path: Path, title: str) -> keras.Model:
    """The network of a `.keras` file; a configuration that brings code is refused.

    Args:
        path: the file.
        title: of it, for messages.

    Raises:
        BadData: it is no sound file of a network of Keras' own layers.
    """
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "model.weights.h5"
        parts = f"a zip of config.json and {stored.name}"
        with _refused(f"{title} must be a .keras file, {parts}"), zipfile.ZipFile(path) as archive:
            configuration = json.loads(archive.read("config.json"))
            stored.write_bytes(archive.read(stored.name))
        with _refused(f"config.json of {title} must be a network of Keras' own layers, no code"):
            model = _built(configuration)
        with _refused(f"{stored.name} of {title} must be the whole weights of its config.json"):
            model.load_weights(stored)
    return model


def _built(configuration: Any) -> keras.Model:
    import keras

    model = keras.saving.deserialize_keras_object(configuration, safe_mode=True)
    if not isinstance(model, keras.Model):
        raise ValueError(f"a {type(model).__name__}")
    return model


@contextlib.contextmanager
def _refused(expected: str) -> Iterator[None]:
    """What Keras, zip or HDF5 raise of a file that is not sound, as one line."""
    try:
        yield
    except ThroughlineError:
        raise
    except Exception as error:
        # Keras, zip and HDF5 have no base class for what they say of a damaged file.
        if isinstance(error, OSError) and error.errno in OF_THE_SYSTEM:
            raise
        # Keras names the cause last; only its first sentence is no advice to programmers.
        cause = str(error.args[0] if error.args else error).rpartition("Exception encountered: ")[2]
        remedy = "Save the network again by `model.save('NAME.keras')`, without layers of your own"
        raise BadData(expected, cause.partition(". ")[0], remedy) from None


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

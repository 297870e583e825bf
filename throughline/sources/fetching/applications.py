"""Networks of `keras.applications`, with weights from Keras' usual address or from a file."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.cache import private
from throughline.errors import BadData, Unreachable, nearest
from throughline.sources.gate import copied

if TYPE_CHECKING:
    import keras

    from throughline.pipeline.schema.pretrained import Pretrained

REMEDY = "Give the weights as 'file' with its sha256, or put that file into a mirror folder"


def built(pretrained: Pretrained, weights: Path | None, cache: Path) -> Path:
    """The `.keras` file of an application, which is kept in the cache.

    Args:
        pretrained: the application and its arguments.
        weights: an `.h5` file, of Keras 3 or older. Default: ImageNet's, from Keras' address.
        cache: the folder.

    Raises:
        BadData: no such application or argument, or weights with another checksum or that do
            not fit.
        Unreachable: Keras' address does not deliver.
    """
    source = pretrained.sha256 if weights is not None else "imagenet"
    kept = cache / f"{pretrained.built}-{source}.keras"
    if kept.exists():
        return kept
    with tempfile.TemporaryDirectory() as folder:
        own = None
        if weights is not None:
            # A copy of ours: the file itself may be exchanged once its checksum is known.
            own = Path(folder) / weights.name
            copied(weights, own, pretrained.sha256)
        # Keras counts the names of layers for each thread; in a new one they are always the same.
        with ThreadPoolExecutor(1) as pool:
            start = "imagenet" if weights is None else None
            model = pool.submit(_network, pretrained, start).result()
        if own is not None:
            _load(model, own, str(pretrained.application))
        private(cache)
        _save(model, kept)
    return kept


def _save(model: keras.Model, path: Path) -> None:
    """Write a `.keras` file without date and places in memory: one network has the same bytes."""
    draft = path.with_name(f"{path.stem}.{os.getpid()}.keras")
    again = draft.with_suffix(".part")
    model.save(draft)
    with zipfile.ZipFile(draft) as dated, zipfile.ZipFile(again, "w") as archive:
        configuration = json.loads(dated.read("config.json"), object_hook=_lasting)
        archive.writestr(zipfile.ZipInfo("config.json"), json.dumps(configuration, sort_keys=True))
        archive.writestr(zipfile.ZipInfo("model.weights.h5"), dated.read("model.weights.h5"))
    draft.unlink()
    again.chmod(0o600)
    again.replace(path)


def _lasting(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "shared_object_id"}


def _network(pretrained: Pretrained, weights: str | None) -> keras.Model:
    import keras

    name = str(pretrained.application)
    models = [each for each in dir(keras.applications) if each[0].isupper()]
    if name not in models:
        raise BadData(
            "'application' must be one of keras.applications", name, nearest(name, models)
        )
    arguments: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in pretrained.arguments.items()
    }
    try:
        model: keras.Model = getattr(keras.applications, name)(weights=weights, **arguments)
    except (TypeError, ValueError) as error:
        raise BadData(
            f"keras.applications.{name} must take these arguments", _line(error)
        ) from None
    except Exception as error:
        # Keras raises this very class, and nothing narrower, when an address does not deliver.
        if "URL fetch failure" not in str(error):
            raise
        raise Unreachable(
            f"keras.applications.{name} must deliver its weights",
            _line(error).rpartition(" -- ")[2],
            REMEDY,
        ) from None
    return model


def _load(model: keras.Model, weights: Path, name: str) -> None:
    """Read weights, which are arrays alone; Keras tells their format by the file's ending."""
    import h5py

    problem = None
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            with h5py.File(weights) as stored:
                old = "layer_names" in stored.get("model_weights", stored).attrs
            link = Path(folder) / ("old.h5" if old else "new.weights.h5")
            link.symlink_to(weights.resolve())
            model.load_weights(link)
        except (OSError, ValueError, KeyError) as error:
            problem = _line(error)
    # Keras only warns of layers that find nothing in the file.
    problem = problem or next((_line(each.message) for each in warned), None)
    if problem is not None:
        raise BadData(
            f"'{weights.name}' must hold the weights of keras.applications.{name} with these "
            "arguments",
            problem,
            "Name 'arguments' as the network was built with",
        )


def _line(error: Exception | Warning | str) -> str:
    return " ".join(str(error).split())[:200]

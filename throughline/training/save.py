"""A network on disk: its configuration as JSON and its weights as HDF5.

Both files repeat byte for byte. A `.keras` file carries the date and the time and never does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.errors import MissingFile

if TYPE_CHECKING:
    import keras

NETWORK = "network.json"
WEIGHTS = "network.weights.h5"


def save(model: keras.Model, folder: Path) -> None:
    """Write a network's configuration and weights; each file is replaced at once or not at all.

    Args:
        model: the network.
        folder: where `network.json` and `network.weights.h5` go; made when missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".draft.{WEIGHTS}"
    try:
        model.save_weights(draft)
        draft.replace(folder / WEIGHTS)
        draft.write_text(configuration(model), encoding="utf-8")
        draft.replace(folder / NETWORK)
    finally:
        draft.unlink(missing_ok=True)


def configuration(model: keras.Model) -> str:
    """The network's configuration as JSON with sorted keys."""
    content = json.loads(model.to_json())
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def load(folder: Path) -> keras.Model:
    """The network that `save` wrote.

    Args:
        folder: where its two files are.

    Returns:
        The uncompiled model with its weights.

    Raises:
        MissingFile: when a file is not there.
    """
    import keras

    # Keras knows our layer once its module is there.
    import throughline.training.network.positions  # noqa: F401

    for name in (NETWORK, WEIGHTS):
        if not (folder / name).is_file():
            raise MissingFile(f"{folder} should hold {name}", None, "Run the stage train")
    model = keras.models.model_from_json((folder / NETWORK).read_text(encoding="utf-8"))
    model.load_weights(folder / WEIGHTS)
    return model

"""What the random layers at a network's start make of pictures, for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

DRAWS = 7
# Layers that may stand before a random one and still leave a picture a picture.
PLAIN = ("InputLayer", "Rescaling", "Reshape")


def augmented(
    model: keras.Model, pictures: np.ndarray, rescaling: tuple[Any, Any] | None
) -> np.ndarray | None:
    """Each picture as it is, then as training may see it.

    Args:
        model: the network.
        pictures: uint8 (N, height, width, channels).
        rescaling: factor and offset of its first layer, which are undone.

    Returns:
        uint8 (N, 1 + draws, height, width, channels); None for a network that does not begin with
        random layers.
    """
    import keras

    last = _last_random(model)
    if last is None:
        return None
    front = keras.Model(model.inputs, last.output)
    given = pictures.astype(np.float32)
    drawn = [np.asarray(front(given, training=True)) for _ in range(DRAWS)]
    if any(values.shape != given.shape for values in drawn):
        return None
    factor, offset = rescaling or (1.0, 0.0)
    pixels = [(values - np.asarray(offset)) / np.asarray(factor) for values in drawn]
    rounded = [np.clip(np.round(values), 0, 255).astype(np.uint8) for values in pixels]
    return np.stack([pictures, *rounded], axis=1)


def _last_random(model: keras.Model) -> Any:
    """The last of the random layers that stand at the network's start."""
    last = None
    for layer in model.layers:
        name = type(layer).__name__
        if name.startswith("Random"):
            last = layer
        elif name not in PLAIN:
            break
    return last

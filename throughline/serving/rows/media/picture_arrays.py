"""Arrays of pictures, checked before the runtime sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest


def pictures(name: str, entry: Mapping[str, Any], values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """A column of pictures as the runtime takes it.

    Args:
        name: of the column.
        entry: what the model's metadata say of it; `shape` is (height, width, channels) of the
            training rows.
        values: uint8 (rows, height, width, channels), or a sequence of pictures of one size.

    Returns:
        uint8 (rows, height, width, channels); a memory-mapped array stays on the disk.

    Raises:
        BadRequest: numbers that are no pixels, or another number of channels.
    """
    try:
        array = (
            values if isinstance(values, np.ndarray) else np.stack(list(map(np.asarray, values)))
        )
    except ValueError:
        raise BadRequest(
            f"Pictures of column '{name}' must have one size in one request."
        ) from None
    expected = entry.get("shape", [None, None, None])
    if array.dtype != np.uint8 or array.ndim != 4:
        raise BadRequest(
            f"Column '{name}' must hold pictures, uint8 of shape (rows, height, width, channels). "
            f"Received: {array.dtype} of shape {array.shape}."
        )
    if expected[2] is not None and array.shape[3] != expected[2]:
        raise BadRequest(
            f"Pictures of column '{name}' must have {expected[2]} channels. "
            f"Received: {array.shape[3]}."
        )
    if entry.get("fixed_size") and list(array.shape[1:3]) != list(expected[:2]):
        raise BadRequest(
            f"Pictures of column '{name}' must be {expected[0]} x {expected[1]}. "
            f"Received: {array.shape[1]} x {array.shape[2]}."
        )
    return array

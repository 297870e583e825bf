"""Files that a user gives, as the model takes them: pictures and sounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def takes_files(entry: Mapping[str, Any]) -> bool:
    """Whether an input of pictures can be given as files: a bare waveform has no rate to read by.

    Args:
        entry: what the model's metadata say of the input.
    """
    return bool(entry.get("rate")) or list(entry["shape"][1:]) != [2, 1]


def taken_in(content: bytes, name: str, entry: Mapping[str, Any]) -> np.ndarray:
    """A picture or a sound file as a model takes it, one row of uint8.

    Args:
        content: of the file.
        name: of the file, for messages.
        entry: what the model's metadata say of the input; a sound has a `rate`.

    Raises:
        BadRequest: no file of the kind, or a broken one.
    """
    if entry.get("rate"):
        from throughline.serving.rows.sound import stored_sound

        return stored_sound(content, name, entry["rate"], entry["shape"][0])[0][None]
    from throughline.serving.rows.image import read_picture

    return read_picture(content, name, entry)

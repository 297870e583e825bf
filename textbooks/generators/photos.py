"""Photographs that libraries bring along, as pictures of one size."""

from __future__ import annotations

from typing import Any

import numpy as np


def photographs(labels: dict[str, str], size: int | None = None) -> dict[str, Any]:
    """The two photographs that scikit-learn carries, 427 x 640 pixels (CC BY 2.0).

    Args:
        labels: for `china.jpg` and `flower.jpg` what they show, as class names of a model.
        size: of a square that is cut from the middle and repeated at its edges where the picture is
            smaller. Default: the whole picture.

    Returns:
        `pixels` uint8 (2, height, width, 3), `file` and `label`.
    """
    from sklearn.datasets import load_sample_image

    files = sorted(labels)
    pixels = [np.asarray(load_sample_image(file), dtype=np.uint8) for file in files]
    if size is not None:
        pixels = [_square(picture, size) for picture in pixels]
    return {
        "pixels": np.stack(pixels),
        "file": np.array(files),
        "label": np.array([labels[file] for file in files]),
    }


def _square(picture: np.ndarray, size: int) -> np.ndarray:
    for axis in (0, 1):
        length = picture.shape[axis]
        if length >= size:
            start = (length - size) // 2
            picture = np.take(picture, range(start, start + size), axis=axis)
        else:
            lack = size - length
            pads = [(0, 0)] * 3
            pads[axis] = (lack // 2, lack - lack // 2)
            picture = np.pad(picture, pads, mode="edge")
    return picture

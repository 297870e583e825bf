"""Arrays whose memory a training on a CPU takes as it is, so that it is held once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# TensorFlow copies what does not begin at a multiple of so many bytes; NumPy's own arrays begin at
# one of 16, those of mapped files at one of 64.
ALIGNMENT = 64


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray:
    """An array of any content that begins at a multiple of 64 bytes.

    Args:
        shape: of the array.
        dtype: of its values.
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(kind).reshape(shape)

"""Large arrays of folds, on the disk while the folds are trained."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import numpy as np

from throughline.preprocessing.sparse import LARGE_BYTES
from throughline.samples.rows.row_arrays import read_array, write_array


class Mapped:
    """A folder that lasts as long as this object.

    All folds are there at once, and the system holds in memory what is being trained on.

    Args:
        beside: where the folder is made, once there is something to write.
    """

    def __init__(self, beside: Path) -> None:
        self._beside = beside

    @cached_property
    def _folder(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="arrays-", dir=self._beside)

    def mapped(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The same inputs, large arrays written and mapped into memory."""
        result = dict(inputs)
        for name, array in inputs.items():
            if isinstance(array, np.ndarray) and array.nbytes >= LARGE_BYTES:
                folder = Path(mkdtemp(dir=self._folder.name))
                write_array(array, folder, name)
                result[name] = read_array(folder, name)
        return result

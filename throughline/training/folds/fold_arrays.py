"""What every fold is drawn from, and the arrays that folds and points of sweeps share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from throughline.preprocessing.sparse import LARGE_BYTES, Sparse
from throughline.samples.windows.gathered import Windowed
from throughline.samples.windows.token_arrays import read_array, write_array

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.preprocessing.target import FittedTarget


class FoldArrays(NamedTuple):
    """The network's inputs of all rows, weights of Embeddings and rescaling, as a fold fitted."""

    inputs: Mapping[str, np.ndarray | Windowed | Sparse]
    vectors: Mapping[str, np.ndarray]
    rescaling: Mapping[str, Any]


@dataclass(frozen=True)
class TrainingRows:
    """What every fold is drawn from.

    Attributes:
        rows: raw training rows.
        target: how the target is read; its scaling is fitted again in every fold.
        dropped: columns that a leak guard took out, which stay out of every fold too.
        bottleneck: folder of stage `bottleneck`, where pretrained layers are.
        files: folder of the source's auxiliary files.
        kept: arrays of folds by what they were made of, for the points of a sweep that share them.
        scratch: folder for arrays of folds that are too large to be all in memory at once.
            Default: they are.
    """

    rows: pd.DataFrame
    target: FittedTarget
    dropped: Sequence[str] = ()
    bottleneck: Path = Path()
    files: Path | None = None
    kept: dict[str, dict[bytes, FoldArrays]] = field(default_factory=dict, repr=False)
    scratch: Path | None = None

    def kept_for(self, columns: str) -> dict[bytes, FoldArrays]:
        """What was kept for this treatment of the columns; that of another one is given up."""
        if columns not in self.kept:
            self.kept.clear()
            self.kept[columns] = {}
        return self.kept[columns]


def mapped(
    inputs: Mapping[str, np.ndarray | Windowed | Sparse], scratch: Path
) -> dict[str, np.ndarray | Windowed | Sparse]:
    """The same inputs, large arrays written to a folder of their own and mapped into memory.

    All folds are there at once, and the system holds of them what is being trained on.
    """
    folder: Path | None = None
    result = dict(inputs)
    for name, array in inputs.items():
        if isinstance(array, np.ndarray) and array.nbytes >= LARGE_BYTES:
            if folder is None:
                scratch.mkdir(parents=True, exist_ok=True)
                folder = Path(mkdtemp(dir=scratch))
            write_array(array, folder, name)
            result[name] = read_array(folder, name)
    return result


def columns_key(view: Pipeline) -> str:
    """What decides, beside the rows, which arrays a fold has."""
    columns = {name: column.model_dump(mode="json") for name, column in view.columns.items()}
    return json.dumps([columns, view.inputs])

"""What every fold is drawn from, and the arrays that folds and points of sweeps share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from throughline.samples.windows.gathered import Windowed

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.preprocessing.target import FittedTarget


class FoldArrays(NamedTuple):
    """The network's inputs of all rows, weights of Embeddings and rescaling, as a fold fitted."""

    inputs: Mapping[str, np.ndarray | Windowed]
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
    """

    rows: pd.DataFrame
    target: FittedTarget
    dropped: Sequence[str] = ()
    bottleneck: Path = Path()
    files: Path | None = None
    kept: dict[str, dict[bytes, FoldArrays]] = field(default_factory=dict, repr=False)

    def kept_for(self, columns: str) -> dict[bytes, FoldArrays]:
        """What was kept for this treatment of the columns; that of another one is given up."""
        if columns not in self.kept:
            self.kept.clear()
            self.kept[columns] = {}
        return self.kept[columns]


def columns_key(view: Pipeline) -> str:
    """What decides, beside the rows, which arrays a fold has."""
    columns = {name: column.model_dump(mode="json") for name, column in view.columns.items()}
    return json.dumps([columns, view.inputs])

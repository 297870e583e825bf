"""What an encoding by the target learns from: the target's values, and blocks of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData
from throughline.preprocessing.reconstruction import FittedReconstruction
from throughline.preprocessing.several import FittedSeveral
from throughline.preprocessing.target import FittedTarget, plain
from throughline.samples.splits.drawn import grouped_folds, present

# As many as scikit-learn's TargetEncoder has.
BLOCKS = 5

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.protocol import Split


@dataclass(frozen=True)
class Supervision:
    """How the target of rows is read by what is fitted with it.

    Attributes:
        target: its columns and classes.
        split: how test rows were parted: blocks keep the groups whole that it keeps whole.
    """

    target: FittedTarget | FittedReconstruction | FittedSeveral
    split: Split

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the values are of, one name each."""
        if isinstance(self.target, FittedSeveral):
            return tuple(
                f"{name}.{output}" for name, each in self._each.items() for output in each.outputs
            )
        if self.target.task == "multiclass":
            assert self.target.classes is not None
            return tuple(str(value) for value in self.target.classes)
        return tuple(self.target.columns)

    @property
    def _each(self) -> dict[str, Supervision]:
        assert isinstance(self.target, FittedSeveral)
        return {name: Supervision(part, self.split) for name, part in self.target.parts.items()}

    def values(self, rows: pd.DataFrame) -> np.ndarray:
        """The target of rows in its own unit, shape (rows, outputs).

        Classes are 1 for the positive one of a binary problem, and for each of several; 0 else.
        """
        if isinstance(self.target, FittedSeveral):
            return np.column_stack([each.values(rows) for each in self._each.values()])
        if self.target.task not in ("binary", "multiclass"):
            quantities: np.ndarray = rows[list(self.target.columns)].to_numpy(dtype=np.float64)
            return quantities
        assert self.target.classes is not None
        number = {value: place for place, value in enumerate(self.target.classes)}
        codes = np.array([number[value] for value in plain(rows[self.target.columns[0]])])
        if self.target.task == "binary":
            return codes.astype(np.float64)[:, None]
        return np.asarray(codes[:, None] == np.arange(len(number)), dtype=np.float64)

    def blocks(self, rows: pd.DataFrame) -> np.ndarray:
        """The number of the block that each row lies in, shape (rows,).

        The draw looks at no target, so that no row's target decides with whom it lies.

        Raises:
            BadData: one row, or one group, which has no others to learn from.
        """
        number = np.zeros(len(rows), dtype=np.int64)
        groups = np.arange(len(rows))
        if self.split.kind == "grouped":
            groups = present(rows, self.split.column)
        count = min(BLOCKS, len(np.unique(groups)))
        if count < 2:
            raise BadData(
                "An encoding by the target needs rows to learn from beside a row's own",
                f"{count} group of training rows",
                "Use `encode: frequency`, `hash` or `ids`",
            )
        drawn = grouped_folds(groups, count, self.split.seed)
        for block, (_, held) in enumerate(drawn):
            number[held] = block
        return number

"""Cross-validation of rows: the arrays of every fold, preprocessing refitted in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from throughline.training.folds.fold_arrays import FoldArrays, TrainingRows, columns_key

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline
    from throughline.samples.splits.folds import Fold
    from throughline.training.engine.runs import Run
    from throughline.training.learner import Learner


class PreparedRows:
    """The arrays of every fold, each from preprocessing that saw the fold's training rows only."""

    def __init__(self, view: Pipeline, data: TrainingRows) -> None:
        from throughline.preprocessing.plan import plan

        self._view = view
        self._rows = data.rows
        self._target = data.target
        self._bottleneck = data.bottleneck
        self._plan = plan(data.rows, view.columns, view.inputs, data.target.columns, data.dropped)
        self._files = data.files
        self._kept = data.kept_for(columns_key(view))
        # Folds whose graphs are equal share one set of arrays.
        self._by_graph: dict[bytes, FoldArrays] = {}

    def grouped(
        self, drawn: Sequence[Fold], default_seed: int, repeats: int
    ) -> list[tuple[Learner, list[Run], float]]:
        """The trainings, in order, in groups that share one network shape and target scaling."""
        from throughline.training.engine.runs import Run
        from throughline.training.learner import learner
        from throughline.training.network.pretrained import located

        groups: list[tuple[Learner, list[Run], float]] = []
        for fold in drawn:
            arrays = self._of(fold.training)
            target, divide = self._targets(fold.training)
            units, network = self._target.units, located(self._view.network, self._bottleneck)
            learns = learner(
                self._view, arrays.inputs, units, default_seed,
                arrays.rescaling, network, arrays.vectors,
            )  # fmt: skip
            runs = [
                Run(
                    arrays.inputs,
                    target,
                    fold.training,
                    fold.validation,
                    learns.seed + fold.repeat * repeats + repeat,
                )
                for repeat in range(repeats)
            ]
            if groups and groups[-1][0].builds_like(learns) and groups[-1][2] == divide:
                groups[-1][1].extend(runs)
            else:
                groups.append((learns, runs, divide))
        return groups

    def _of(self, training: np.ndarray) -> FoldArrays:
        from throughline.preprocessing.fit import fit
        from throughline.samples.windows.token_arrays import arrays

        rows = training.tobytes()
        if rows not in self._kept:
            fitted = fit(self._rows.iloc[training], self._plan, files=self._files)
            graph = fitted.graph.SerializeToString(deterministic=True)
            if graph not in self._by_graph:
                inputs = arrays(fitted, self._rows)
                self._by_graph[graph] = FoldArrays(inputs, fitted.vectors, fitted.rescaling)
            self._kept[rows] = self._by_graph[graph]
        return self._kept[rows]

    def _targets(self, training: np.ndarray) -> tuple[np.ndarray, float]:
        """The target of all rows, scaled by the fold's training rows, and the divisor."""
        from throughline.preprocessing.target import fit_target

        if self._view.target.scale is None:
            return self._target.array(self._rows), 1.0
        fitted = fit_target(self._rows.iloc[training], self._view.target, self._view.task)
        return fitted.array(self._rows), fitted.divide

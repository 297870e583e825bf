"""Cross-validation in time: folds of windows, preprocessing and target refitted in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.protocol import CrossValidation
    from throughline.samples.windows.parts import Fold
    from throughline.samples.windows.prepared import Learned
    from throughline.training.engine.runs import Run
    from throughline.training.learner import Learner


@dataclass(frozen=True)
class WindowData:
    """What every fold is drawn from: the training side of a prepared series."""

    learned: Learned


class PreparedWindows:
    """The series of every fold, scaled by what the fold's training rows say."""

    def __init__(self, view: Pipeline, data: WindowData) -> None:
        from throughline.preprocessing.plan import plan

        self._view = view
        self._learned = data.learned
        rows = data.learned.series.rows
        hidden = [name for name in view.target.columns if name not in view.columns]
        self._plan = plan(rows, view.columns, view.inputs, hidden)
        self._inputs: dict[bytes, dict[str, Any]] = {}

    def folds(self, protocol: CrossValidation) -> list[Fold]:
        """The folds of the training windows."""
        from throughline.samples.windows.parts import folds

        learned = self._learned
        return folds(learned.series, learned.ends, learned.extent, protocol, self._view.split)

    def grouped(
        self, drawn: Sequence[Fold], default_seed: int, repeats: int
    ) -> list[tuple[Learner, list[Run], float]]:
        """The trainings, in order, each group with its network and target scaling."""
        from throughline.training.engine.runs import Run
        from throughline.training.learner import learner

        groups = []
        for fold in drawn:
            inputs = self._of(fold)
            answers, divide = self._answers(fold)
            learns = learner(self._view, inputs, self._learned.target.units, default_seed)
            trained, held = self._watched(fold.training)
            runs = [
                Run(inputs, answers, trained, fold.validation, seed, watched_rows=held)
                for seed in range(learns.seed, learns.seed + repeats)
            ]
            groups.append((learns, runs, divide))
        return groups

    def _watched(self, known: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """A fold's windows to train on and to watch, parted as `train` parts all of them."""
        from throughline.samples.windows.parts import last_share

        learned, share = self._learned, self._view.training.validation
        newest = learned.series.steps[learned.ends[known]]
        trained, held = last_share(newest, share, learned.extent, self._view.split.gap)
        return known[trained], None if held is None else known[held]

    def _of(self, fold: Fold) -> dict[str, Any]:
        from throughline.samples.windows.layout import context_of
        from throughline.samples.windows.prepared import features, fit_windows

        learned = self._learned
        context = max(context_of(self._plan), learned.extent.length - learned.extent.lookback)
        calendar = learned.summary["window"]["calendar"]
        fitted = fit_windows(learned.series, fold.rows, self._plan, context, calendar)
        key = fitted.graph.SerializeToString(deterministic=True)
        if key not in self._inputs:
            arrays = features(fitted.graph, learned.series, learned.kinds, dict(fitted.types))
            self._inputs[key] = {n: learned.windowed(array) for n, array in arrays.items()}
        return self._inputs[key]

    def _answers(self, fold: Fold) -> tuple[Any, float]:
        """What lies ahead of all windows, scaled by the fold, and the divisor of its errors."""
        from throughline.samples.windows.target import FittedForecast, fit_forecast

        learned = self._learned
        if not isinstance(learned.target, FittedForecast):
            return learned.answers, 1.0
        output = "sequence" if learned.target.sequence else "vector"
        target = fit_forecast(
            learned.values, learned.ends[fold.training], self._view.target, learned.extent, output
        )
        divides = np.asarray(target.divide, dtype=np.float64)
        # Errors of columns in different units, or of percents, stay as the network sees them.
        one_unit = len(set(divides.tolist())) == 1 and target.change != "percent"
        return target.ahead(learned.values, learned.ends), float(divides[0]) if one_unit else 1.0

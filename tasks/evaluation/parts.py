"""The prepared rows of a branch and the models that it is compared with, read and fitted once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.config.judgement import BASELINES
from tasks.errors import BadData
from tasks.evaluation.comparisons import Prepared, compared, titles
from tasks.evaluation.measure import Figure, measured
from tasks.evaluation.outcome import Outcome, Target
from tasks.evaluation.resamples import Resamples
from tasks.evaluation.rows import Rows, answers, read_rows, sampled
from tasks.evaluation.series import SeriesParts
from tasks.workspace import needed, read_json

if TYPE_CHECKING:
    from tasks.config.judgement import Comparison

# Training pictures that are measured, evenly spread over the rows.
MOST_PICTURES = 2000


def parts_of(training: Path, test: Path, task: str) -> Parts | SeriesParts:
    """The rows, or the windows, of a branch's prepared data."""
    prepared = read_json(needed(training / "prepared.json", "prepare"))
    return (SeriesParts if "window" in prepared else Parts)(training, test, task)


class Parts:
    """The rows of a branch's prepared data, read once for all branches that share them.

    Args:
        training: folder of the training rows, their arrays and `prepared.json`.
        test: folder of the test rows.
        task: the problem type.
    """

    def __init__(self, training: Path, test: Path, task: str) -> None:
        self.folder = training
        self.prepared: dict[str, Any] = read_json(needed(training / "prepared.json", "prepare"))
        self.target = Target.of(task, self.prepared)
        self.training = read_rows(training / "rows.parquet")
        test_rows = read_rows(needed(test / "rows.parquet", "prepare"))
        self.training_count, self.test_count = self.training.count, test_rows.count
        # Without test rows all that can be measured is how well the training rows are known.
        self.evaluated = test_rows if test_rows.count else self.training
        self.draws = Resamples(self.evaluated.count)
        # Pictures are many and dear: a sample says as well how well the training rows are known.
        self.known = sampled(self.training, MOST_PICTURES)
        self.training_draws = Resamples(self.known.count) if test_rows.count else self.draws
        self._compared: list[Compared] | None = None
        self._look = True

    def compared(self, comparisons: list[Comparison]) -> list[Compared]:
        """Every comparison model, fitted and measured once."""
        if self._compared is None:
            # The features of pictures are dear, and a trivial model looks at none.
            self._look = any(each.model not in BASELINES for each in comparisons)
            self._compared = [
                self._measured(name, comparison)
                for name, comparison in zip(titles(comparisons), comparisons, strict=True)
            ]
        return self._compared

    def _measured(self, name: str, comparison: Comparison) -> Compared:
        outcome = compared(comparison, self._arrays)
        return Compared(name, comparison.arguments, outcome, measured(outcome, self.draws))

    def outcome(self, model: Path, rows: Rows) -> Outcome:
        """A model's answers to rows, beside the truth."""
        return self.target.outcome(rows.columns, answers(model, rows))

    def share(self, main: Parts) -> None:
        """Take comparison models and draws of the pipeline itself where the rows are the same.

        A variant that treats its columns in another way is then measured against models of the
        pipeline's own features, and none of them is fitted twice.
        """
        if self._answers_like(main):
            self._compared = main._compared
            self.draws, self.training_draws = main.draws, main.training_draws

    def _answers_like(self, main: Parts) -> bool:
        pairs = ((self.training, main.training), (self.evaluated, main.evaluated))
        return self.target.names == main.target.names and all(
            np.array_equal(self.target.actual(a.columns), main.target.actual(b.columns))
            for a, b in pairs
        )

    @cached_property
    def _arrays(self) -> Prepared:
        inputs = list(self.prepared["features"]) if self._look else []
        arrays = [np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in inputs]
        fresh = answers(self.folder / "preprocess.onnx", self.evaluated) if self._look else {}
        target = np.load(self.folder / "target.npy")
        if self.target.task in ("regression", "proportion"):
            known = target.astype(np.float64) * self.target.divide + self.target.subtract
        else:
            several = self.target.task == "multilabel"
            known = target.astype(np.int64) if several else target.astype(np.int64).reshape(-1)
        return Prepared(
            features=_side_by_side(arrays, self.training.count),
            answers=known,
            test_features=_finite(
                _side_by_side([fresh[name] for name in inputs], self.evaluated.count)
            ),
            actual=self.target.actual(self.evaluated.columns),
            target=self.target,
        )


@dataclass(frozen=True)
class Compared:
    """A comparison model on the rows that are evaluated."""

    name: str
    arguments: Mapping[str, Any]
    outcome: Outcome
    metrics: Mapping[str, Figure]


def _side_by_side(arrays: list[np.ndarray], count: int) -> np.ndarray:
    """Several network inputs as one table, shape (N, F); without inputs it has no columns."""
    if not arrays:
        return np.zeros((count, 0))
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)


def _finite(features: np.ndarray) -> np.ndarray:
    wrong = np.argwhere(~np.isfinite(features))
    if len(wrong):
        row, feature = (int(number) for number in wrong[0])
        raise BadData(
            "Every feature of a test row must be finite",
            f"{features[row, feature]} in test row {row}, feature {feature}",
            "Give the column an `impute` or a `clip`",
        )
    return features

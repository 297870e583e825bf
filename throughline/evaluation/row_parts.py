"""The prepared rows of a branch and the models that it is compared with, read and fitted once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.answers_from_files import answered_from_files
from throughline.evaluation.compare.comparisons import Prepared, compared, titles
from throughline.evaluation.compare.features import fresh_features, training_features
from throughline.evaluation.compare.folded import folded
from throughline.evaluation.compare.unseen import unseen_rows
from throughline.evaluation.intervals.clusters import ClusterResamples
from throughline.evaluation.intervals.resamples import Resamples
from throughline.evaluation.measure.measure import Compared, Figure, measured, plain, scored
from throughline.evaluation.outcome import Outcome, Target
from throughline.evaluation.raw_rows import Rows, answers, read_rows, sampled
from throughline.evaluation.window_parts import SeriesParts
from throughline.paths import needed, read_json
from throughline.pipeline.schema.judgement import BASELINES
from throughline.preprocessing.several import FittedSeveral
from throughline.samples.samples import kind

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.judgement import Comparison
    from throughline.pipeline.schema.protocol import Split

# Training pictures that are measured, evenly spread over the rows.
MOST_PICTURES, FEWEST_PICTURES = 2000, 250
# Large pictures are measured in smaller number.
MOST_PIXELS = 10_000_000


def parts_of(training: Path, test: Path, view: Any, target: str = "") -> Parts | SeriesParts:
    """The rows, or the windows, of a branch's prepared data.

    Args:
        training: folder of the training side.
        test: folder of the test side.
        view: a pipeline with `task` and `split`.
        target: the one of several that is measured. Default: there is one.
    """
    if target:
        return Parts(training, test, view, target)
    prepared = read_json(needed(training / "prepared.json", "prepare"))
    return PARTS[kind(prepared).name](training, test, view)


def grouping(split: Split) -> str | None:
    """The column whose groups a split keeps whole; rows of a group are no independent sample."""
    if split.kind == "grouped":
        return split.column
    return split.guards.grouped_by[0] if split.guards.grouped_by else None


class Parts:
    """The rows of a branch's prepared data, read once for all branches that share them.

    Args:
        training: folder of the training rows, their arrays and `prepared.json`.
        test: folder of the test rows.
        view: a pipeline with `task` and `split`; rows of a group are drawn whole.
        target: the one of several that is measured, as if there were no other. Default: there is
            one.
    """

    what = "rows"

    def __init__(self, training: Path, test: Path, view: Any, target: str = "") -> None:
        self.folder = training
        self.prepared: dict[str, Any] = read_json(needed(training / "prepared.json", "prepare"))
        self.target = Target.of(view.task, self.prepared, target)
        self.training = read_rows(training / "rows.parquet")
        test_rows = read_rows(needed(test / "rows.parquet", "prepare"))
        self.training_count, self.test_count = self.training.count, test_rows.count
        # Without test rows all that can be measured is how well the training rows are known.
        self.evaluated = test_rows if test_rows.count else self.training
        self._evaluated_from = (test if test_rows.count else training) / "rows.parquet"
        group = grouping(view.split)
        self._groups = None if group is None else self.evaluated.columns[group].astype(str)
        self.draws = self.draws_of(np.arange(self.evaluated.count))
        # Pictures are many and dear: a sample says as well how well the training rows are known.
        self.known = sampled(self.training, _pictures_measured(self.training))
        self._compared: list[Compared] | None = None
        self._folded: dict[str, dict[str, Figure]] | None = None

    def compared(self, comparisons: list[Comparison]) -> list[Compared]:
        """Every comparison model, fitted and measured once."""
        if self._compared is None:
            self._compared = [
                self._measured(name, comparison)
                for name, comparison in zip(titles(comparisons), comparisons, strict=True)
            ]
        return self._compared

    def folded(self, comparisons: list[Comparison], view: Pipeline) -> dict[str, dict[str, Figure]]:
        """The scores on folds of the comparison models that ask for them, computed once."""
        if self._folded is None:
            self._folded = folded(comparisons, self.folder, view, self.target)
        return self._folded

    def aligned(
        self, ours: Outcome, theirs: Outcome, main: Parts
    ) -> tuple[Outcome, Outcome, Resamples] | None:
        """Two branches on the rows that both answered, and draws of these; None on other rows."""
        if not np.array_equal(ours.actual, theirs.actual):
            return None
        return ours, theirs, main.draws

    def plane(self) -> tuple[list[str], np.ndarray] | None:
        """Names and values (rows, 2) of the columns, where a model reads two numbers alone."""
        inputs = self.prepared["inputs"]
        numeric = [entry["name"] for entry in inputs if entry["type"] == "number"]
        if len(inputs) != 2 or len(numeric) != 2:
            return None
        columns = [self.evaluated.columns[name].astype(np.float64) for name in numeric]
        return numeric, np.column_stack(columns)

    def _measured(self, name: str, comparison: Comparison) -> Compared:
        # A trivial model looks at answers alone; features of pictures and texts are dear.
        prepared = self._answers if comparison.model in BASELINES else self._arrays
        outcome = compared(comparison, prepared)
        return Compared(name, comparison.arguments, outcome, self.figures(outcome))

    def outcome(self, model: Path, rows: Rows) -> Outcome:
        """A model's answers to rows, beside the truth."""
        return self.target.outcome(rows.columns, answers(model, rows))

    def from_files(self, model: Path) -> int | None:
        """How many of the rows that are evaluated a model answers from their original files."""
        return answered_from_files(model, self.evaluated, self._evaluated_from)

    @property
    def raw(self) -> Mapping[str, Any]:
        """Every raw column of the training rows, those that the model does not see included."""
        return self.training.columns

    def some(self, most: int) -> Rows:
        """At most so many of the rows that are evaluated, evenly spread."""
        return sampled(self.evaluated, most, pictures=False)

    def fed(self, rows: Rows) -> dict[str, Any]:
        """What a model takes of rows, for each column."""
        return {entry["name"]: rows.columns[entry["name"]] for entry in self.prepared["inputs"]}

    def judged(self, rows: Rows, found: Mapping[str, np.ndarray]) -> Outcome:
        """The outputs of a model for rows, beside the truth."""
        return self.target.outcome(rows.columns, found)

    def unseen(self, training: Path | None) -> np.ndarray:
        """Which rows that are evaluated are new to a model that was trained on those of a file."""
        return unseen_rows(self.evaluated.columns, self.evaluated.count, training)

    def draws_of(self, places: np.ndarray) -> Resamples:
        """Draws of some of the rows that are evaluated, by their positions."""
        if self._groups is not None:
            return ClusterResamples(self._groups[places])
        return Resamples(len(places))

    def figures(self, outcome: Outcome, places: np.ndarray | None = None) -> dict[str, Figure]:
        """The figures of answers to the rows that are evaluated, or to some of them.

        Those of training rows have no interval: it would be read as one of new rows.
        """
        if not self.test_count:
            return {name: plain(value) for name, value in scored(outcome).items()}
        return measured(outcome, self.draws if places is None else self.draws_of(places))

    def remember(self, outcome: Outcome) -> None:
        """Nothing: rows and groups do not remember one another."""

    def share(self, main: Parts) -> None:
        """Take comparison models and draws of the pipeline itself where the rows are the same.

        A variant that treats its columns in another way is then measured against models of the
        pipeline's own features, and none of them is fitted twice.
        """
        if self._answers_like(main):
            self._compared, self._folded = main._compared, main._folded
            self.draws = main.draws

    def _answers_like(self, main: Parts) -> bool:
        pairs = ((self.training, main.training), (self.evaluated, main.evaluated))
        return self.target.names == main.target.names and all(
            np.array_equal(self.target.actual(a.columns), main.target.actual(b.columns))
            for a, b in pairs
        )

    @cached_property
    def _arrays(self) -> Prepared:
        inputs = list(self.prepared["features"])
        return replace(
            self._answers,
            features=training_features(self.folder, inputs),
            test_features=fresh_features(self.folder, inputs, self.evaluated),
        )

    @cached_property
    def _answers(self) -> Prepared:
        target = np.load(self.folder / "target.npy")
        if self.target.name:
            every = FittedSeveral.from_json(self.prepared["target"])
            target = every.own(target, self.target.name)
        if self.target.task in ("regression", "proportion"):
            known = target.astype(np.float64) * self.target.divide + self.target.subtract
        else:
            several = self.target.task == "multilabel"
            known = target.astype(np.int64) if several else target.astype(np.int64).reshape(-1)
        return Prepared(
            features=None,
            answers=known,
            test_features=None,
            actual=self.target.actual(self.evaluated.columns),
            target=self.target,
        )


def _pictures_measured(rows: Rows) -> int:
    """How many pictures are worth the time of their answers."""
    sizes = [values[0, ..., 0].size for values in rows.columns.values() if values.ndim == 4]
    most = min([MOST_PICTURES, *(MOST_PIXELS // int(size) for size in sizes)])
    return max(FEWEST_PICTURES, most)


# For each kind of samples what measures them.
PARTS: dict[str, Callable[[Path, Path, Any], Parts | SeriesParts]] = {
    "rows": Parts,
    "windows": SeriesParts,
}

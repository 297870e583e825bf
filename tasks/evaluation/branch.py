"""Everything that is measured of one branch of a pipeline: its model on raw rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.config.judgement import BASELINES
from tasks.errors import BadData
from tasks.evaluation import classification, forecast, gallery, regression
from tasks.evaluation.calibration import calibration
from tasks.evaluation.comparisons import Prepared, compared, titles
from tasks.evaluation.measure import Figure, difference, measured, plain
from tasks.evaluation.outcome import Outcome, Target
from tasks.evaluation.precision import lost
from tasks.evaluation.resamples import Resamples
from tasks.evaluation.rows import Rows, answers, parameters, read_rows, sampled
from tasks.evaluation.series import SeriesParts, aligned
from tasks.evaluation.slices import sliced
from tasks.workspace import needed, read_json

if TYPE_CHECKING:
    from tasks.config.export import Export
    from tasks.config.judgement import Comparison

# Training pictures that are measured, evenly spread over the rows.
MOST_PICTURES = 2000
# With more classes no table holds every pair, and only those with rows are listed.
MOST_CLASSES = 100


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


@dataclass(frozen=True)
class Judged:
    """One branch, measured.

    Attributes:
        parts: its rows.
        outcome: its answers on the rows that are evaluated.
        figures: every figure by its name, those of classes, columns and comparisons included.
        report: what report.json says of the branch.
    """

    parts: Any
    outcome: Outcome
    figures: Mapping[str, Figure]
    report: Mapping[str, Any]


def judge(
    model: Path,
    parts: Any,
    view: Any,
    compare: list[Comparison],
    scores: Mapping[str, Any] | None,
    smaller: Path | None = None,
) -> Judged:
    """Measure a branch.

    Args:
        model: its ONNX file.
        parts: its rows.
        view: its sections.
        compare: the models to compare with.
        scores: its entry of scores.json.
        smaller: folder of the same model in smaller precisions. Default: none.
    """
    needed(model, "export")
    outcome = parts.outcome(model, parts.evaluated)
    own = measured(outcome, parts.draws)
    on_training = own
    if parts.test_count:
        on_training = measured(parts.outcome(model, parts.known), parts.training_draws)
    comparisons = [
        _beside(comparison, outcome, parts.draws) for comparison in parts.compared(compare)
    ]
    metrics = own | {f"train_{name}": figure for name, figure in on_training.items()}
    metrics |= _cross_validated(scores)
    details = _details(outcome, parts)
    report = {
        "rows": {"training": parts.training_count, "test": parts.test_count},
        "metrics": metrics,
        "comparisons": comparisons,
        "slices": sliced(view.slices, parts.evaluated, outcome),
        "curves": (scores or {}).get("curves"),
        "parameters": parameters(model),
        "training_rows_measured": parts.known.count,
        **details,
    }
    if smaller is not None and view.export.precisions:
        report["precisions"] = _in_precisions(model, smaller, parts, view.export, outcome)
    counted = {"parameters": plain(report["parameters"] or 0)}
    return Judged(parts, outcome, metrics | counted | _with_subjects(report, outcome), report)


def difference_to_main(branch: Judged, main: Judged) -> dict[str, Any] | None:
    """How a variant differs from the pipeline itself; None where they answered other rows."""
    if isinstance(branch.parts, SeriesParts):
        shared = aligned(branch.outcome, main.outcome, (branch.parts, main.parts))
        return shared and difference(*shared)
    if not np.array_equal(branch.outcome.actual, main.outcome.actual):
        return None
    return difference(branch.outcome, main.outcome, main.parts.draws)


def _in_precisions(
    model: Path, folder: Path, parts: Any, export: Export, outcome: Outcome
) -> list[dict[str, Any]]:
    """The float32 model and its smaller files on the same rows."""
    entries = [{"precision": "float32", "bytes": model.stat().st_size}]
    for precision in dict.fromkeys(export.precisions):
        path = needed(folder / f"{precision}.onnx", "export")
        small = parts.outcome(path, parts.evaluated)
        cost = lost(small, outcome, parts.draws, export.tolerance)
        entries.append({"precision": precision, "bytes": path.stat().st_size, **cost})
    return entries


def _beside(comparison: Compared, ours: Outcome, draws: Resamples) -> dict[str, Any]:
    return {
        "name": comparison.name,
        "arguments": dict(comparison.arguments),
        "metrics": dict(comparison.metrics),
        "difference": difference(ours, comparison.outcome, draws),
    }


def _cross_validated(scores: Mapping[str, Any] | None) -> dict[str, Figure]:
    """The means over the folds, with the intervals that cross-validation gave them."""
    if scores is None:
        return {}
    figures: dict[str, Figure] = {
        f"cv_{name}": {
            "value": fold["mean"],
            "low": fold.get("low"),
            "high": fold.get("high"),
            "method": "folds",
        }
        for name, fold in scores["metrics"].items()
    }
    epochs = scores.get("epochs", {})
    chosen = epochs.get("chosen")
    if chosen is None and epochs.get("best"):
        chosen = float(np.mean(epochs["best"]))
    return figures if chosen is None else figures | {"epochs": plain(chosen)}


def _details(outcome: Outcome, parts: Any) -> dict[str, Any]:
    if isinstance(outcome, forecast.Forecasts):
        return {
            "residuals": regression.residuals(outcome),
            "horizons": forecast.by_horizon(outcome),
            "autocorrelation": forecast.autocorrelation(outcome),
            "windows": parts.window["windows"],
            "series": parts.window["rows"],
            "block": parts.draws.block,
        }
    if outcome.task in ("regression", "proportion"):
        found = regression.coefficients(
            parts.evaluated, parts.prepared["inputs"], outcome.predicted
        )
        return {"residuals": regression.residuals(outcome), "coefficients": found}
    many = len(outcome.names) > MOST_CLASSES
    classes = classification.per_class(outcome)
    details: dict[str, Any] = {
        "classes": list(outcome.names),
        "per_class": [each for each in classes if each["support"]] if many else classes,
        "calibration": calibration(outcome),
    }
    if outcome.task != "multilabel":
        if not many:
            details["confusion"] = classification.confusion(outcome).tolist()
        column = gallery.picture_column(parts.evaluated)
        if column is not None:
            details["mistakes"] = gallery.mistakes(outcome, parts.evaluated, column)
    return details


def _with_subjects(report: Mapping[str, Any], outcome: Outcome) -> dict[str, Figure]:
    """The figures of one class, one column or one comparison, for claims and gates."""
    figures = {name: plain(value) for name, value in report.get("coefficients", {}).items()}
    for entry in report.get("per_class", ()):
        for name in ("precision", "recall", "f1"):
            if entry[name] is not None:
                figures[f"{name}:{entry['class']}"] = plain(entry[name])
    for row, counts in zip(outcome.names, report.get("confusion", ()), strict=False):
        for column, count in zip(outcome.names, counts, strict=True):
            figures[f"confusion:{row}:{column}"] = plain(count)
    for comparison in report["comparisons"]:
        for name, figure in comparison["metrics"].items():
            figures[f"{name}:{comparison['name']}"] = figure
    return figures

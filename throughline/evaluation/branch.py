"""Everything that is measured of one branch of a pipeline: its model on raw rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.compare.forecasters import missing
from throughline.evaluation.measure import classification, forecast, reconstruction, regression
from throughline.evaluation.measure.calibration import calibration
from throughline.evaluation.measure.classification import OF_A_CLASS
from throughline.evaluation.measure.confusions import confused
from throughline.evaluation.measure.difference import Choice, difference
from throughline.evaluation.measure.evaluated import compared_by
from throughline.evaluation.measure.measure import Compared, Figure, plain, scored
from throughline.evaluation.measure.precision import lost
from throughline.evaluation.measure.slices import sliced
from throughline.evaluation.outcome import Outcome
from throughline.evaluation.raw_rows import parameters
from throughline.evaluation.show import gallery
from throughline.paths import needed

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.export import Export
    from throughline.pipeline.schema.judgement import Comparison

# With more classes no table holds every pair, and only those with rows are listed.
MOST_CLASSES = 100


@dataclass(frozen=True)
class Judged:
    """One branch, measured.

    Attributes:
        parts: its rows.
        outcome: its answers on the rows that are evaluated.
        choice: by which figure it is compared.
        figures: every figure by its name, those of classes, columns and comparisons included.
        report: what report.json says of the branch.
    """

    parts: Any
    outcome: Outcome
    choice: Choice
    figures: Mapping[str, Figure]
    report: Mapping[str, Any]


def judge(
    model: Path,
    parts: Any,
    view: Pipeline,
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
    files = parts.from_files(model)
    outcome = parts.outcome(model, parts.evaluated)
    parts.remember(outcome)
    choice = Choice(*compared_by(view))
    own = parts.figures(outcome)
    on_training, known = own, outcome
    if parts.test_count:
        known = parts.outcome(model, parts.known)
        # No interval: one of known rows says nothing about new ones.
        on_training = {name: plain(value) for name, value in scored(known).items()}
    folds = parts.folded(compare, view)
    comparisons = [
        _beside(comparison, difference(outcome, comparison.outcome, parts.draws, choice), folds)
        for comparison in parts.compared(compare)
    ]
    metrics = own | {f"train_{name}": figure for name, figure in on_training.items()}
    metrics |= _cross_validated(scores)
    details = _details(outcome, parts)
    if outcome.reconstruction is not None:
        details["reconstruction"] = reconstruction.described(known, outcome)
    report = {
        "rows": {"training": parts.training_count, "test": parts.test_count},
        "metrics": metrics,
        "comparisons": comparisons,
        "slices": sliced(view.slices, parts, outcome),
        "curves": (scores or {}).get("curves"),
        "parameters": parameters(model),
        "training_rows_measured": parts.known.count,
        **details,
    }
    if files is not None:
        report["original_files"] = files
    if absent := {each.model: missing(each.model) for each in compare if missing(each.model)}:
        report["not_compared"] = absent
    if smaller is not None and view.export.precisions:
        report["precisions"] = _in_precisions(model, smaller, parts, view.export, outcome)
    counted = {"parameters": plain(report["parameters"] or 0), **_filtered(parts.prepared)}
    return Judged(
        parts, outcome, choice, metrics | counted | _with_subjects(report, outcome, parts), report
    )


def difference_to_main(branch: Judged, main: Judged) -> dict[str, Any] | None:
    """How a variant differs from the pipeline itself; None where they answered other rows."""
    shared = branch.parts.aligned(branch.outcome, main.outcome, main.parts)
    if shared is None:
        return None
    ours, theirs, draws = shared
    return difference(ours, theirs, draws, main.choice)


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


def _beside(
    comparison: Compared,
    ours_less: Mapping[str, Any],
    folded: Mapping[str, Mapping[str, Figure]],
) -> dict[str, Any]:
    entry = {
        "name": comparison.name,
        "arguments": dict(comparison.arguments),
        "metrics": dict(comparison.metrics),
        "difference": dict(ours_less),
    }
    folds = folded.get(comparison.name)
    return entry | {"folds": dict(folds)} if folds else entry


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
            "blocks": parts.draws.units,
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
            details["confused"] = confused(outcome)
        column = gallery.picture_column(parts.evaluated)
        if column is not None:
            details["mistakes"] = gallery.mistakes(outcome, parts.evaluated, column)
    return details


def _filtered(prepared: Mapping[str, Any]) -> dict[str, Figure]:
    """Shape and parameters of what fixed filters make of pictures."""
    figures: dict[str, Figure] = {}
    for entry in prepared.get("inputs", ()):
        if "filtered_shape" in entry:
            names = ("filtered_height", "filtered_width", "filtered_channels")
            figures |= {n: plain(v) for n, v in zip(names, entry["filtered_shape"], strict=True)}
            figures["filter_parameters"] = plain(entry["filter_parameters"])
    return figures


def _with_subjects(report: Mapping[str, Any], outcome: Outcome, parts: Any) -> dict[str, Figure]:
    """The figures of one class, one column or one comparison, for claims and gates."""
    figures = {name: plain(value) for name, value in report.get("coefficients", {}).items()}
    for entry in report.get("per_class", ()):
        label = entry["class"]
        own = {name: plain(entry[name]) for name in OF_A_CLASS if entry[name] is not None}
        if len(outcome.names) <= MOST_CLASSES:
            place = outcome.names.index(label)
            own = parts.figures(classification.against_the_rest(outcome, place))
        figures |= {f"{name}:{label}": own[name] for name in OF_A_CLASS if name in own}
    for row, counts in zip(outcome.names, report.get("confusion", ()), strict=False):
        for column, count in zip(outcome.names, counts, strict=True):
            figures[f"confusion:{row}:{column}"] = plain(count)
    for comparison in report["comparisons"]:
        for name, figure in comparison["metrics"].items():
            figures[f"{name}:{comparison['name']}"] = figure
        for name, figure in comparison.get("folds", {}).items():
            figures[f"cv_{name}:{comparison['name']}"] = figure
    return figures

"""Comparison models on the folds of the training rows, with preprocessing refitted in each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.evaluation.compare.comparisons import Prepared, compared, titles
from throughline.evaluation.compare.features import features_of
from throughline.evaluation.measure.evaluated import figure_of
from throughline.evaluation.measure.measure import Figure, scored
from throughline.evaluation.outcome import Target
from throughline.paths import read_json

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.judgement import Comparison
    from throughline.pipeline.schema.protocol import CrossValidation


def folded(
    comparisons: Sequence[Comparison], folder: Path, view: Pipeline, target: Target
) -> dict[str, dict[str, Figure]]:
    """The scores of the comparison models that ask for folds.

    The folds are those of the network: rows, order and seed are the protocol's.

    Args:
        comparisons: all of them, in the order of the file.
        folder: of the prepared training rows.
        view: a pipeline with `columns`, `cross_validation`, `inputs`.
        target: what is predicted.

    Returns:
        by the name of the model its means over the folds, with the corrected intervals that
        `cross_validate` gives the network's.
    """
    asked = {
        name: comparison
        for name, comparison in zip(titles(comparisons), comparisons, strict=True)
        if comparison.cross_validate
    }
    if not asked or view.cross_validation is None:
        # A pipeline that asks for folds has them; a variant may do without.
        return {}
    drawn = _folds(folder, view, view.cross_validation, target)
    return {name: _scores(comparison, drawn) for name, comparison in asked.items()}


def _folds(
    folder: Path, view: Pipeline, protocol: CrossValidation, target: Target
) -> list[Prepared]:
    """What a comparison model sees of each fold."""
    from throughline.preprocessing.bottleneck import graphs_in
    from throughline.preprocessing.fit import fit
    from throughline.preprocessing.pictures import bottlenecks_beside, read_rows
    from throughline.preprocessing.plan import plan
    from throughline.preprocessing.reconstruction import read_target
    from throughline.samples.rows.row_arrays import arrays
    from throughline.samples.splits.folds import folds
    from throughline.samples.supervision import Supervision

    summary = read_json(folder / "prepared.json")
    rows = read_rows(folder / "rows.parquet")
    files = folder / "files" if (folder / "files").is_dir() else None
    frozen = graphs_in(bottlenecks_beside(folder / "rows.parquet"))
    hidden = () if target.reconstruction else target.columns
    planned = plan(rows, view.columns, view.inputs, hidden, summary.get("dropped", ()))
    answers = target.actual({name: rows[name].to_numpy() for name in target.columns})
    # As the network's folds: those of several targets keep no shares.
    keeps = target.task in ("binary", "multiclass") and not target.name
    labels = answers if keeps else None
    supervision = Supervision(read_target(summary["target"]), view.split)
    result = []
    for fold in folds(rows, labels, protocol, view.split):
        chosen = rows.iloc[fold.training]
        fitted = fit(chosen, planned, files=files, supervision=supervision, frozen=frozen)
        features = features_of(list(arrays(fitted, rows, fold.training).values()))
        known, held = fold.training, fold.validation
        result.append(
            Prepared(features[known], answers[known], features[held], answers[held], target)
        )
    return result


def _scores(comparison: Comparison, drawn: Sequence[Prepared]) -> dict[str, Figure]:
    from throughline.training.folds.intervals import corrected_interval

    scores = [scored(compared(comparison, fold)) for fold in drawn]
    trained = float(np.mean([len(fold.answers) for fold in drawn]))
    held = float(np.mean([len(fold.actual) for fold in drawn]))
    figures: dict[str, Figure] = {}
    for name in scores[0]:
        values = [score[name] for score in scores if name in score]
        if len(values) == len(scores):
            low, high = corrected_interval(values, trained, held, within=figure_of(name).limits)
            mean = float(np.mean(values))
            figures[name] = {"value": mean, "low": low, "high": high, "method": "folds"}
    return figures

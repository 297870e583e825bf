"""Whether what a fold fits moves with the rows that it validates on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.canary.corruption import corrupted
from throughline.canary.scratch import digest

if TYPE_CHECKING:
    import pandas as pd


def of_rows(
    rows: pd.DataFrame, pipeline: Any, dropped: Sequence[str], files: Path | None = None
) -> tuple[int, tuple[int, ...]]:
    """How many folds there are, and those whose fit moves with their validation rows.

    The folds are drawn once; then everything of the validation rows changes, the target included.

    Args:
        rows: the training rows.
        pipeline: its sections.
        dropped: columns that guards took out.
        files: folder of the source's auxiliary files. Default: none.
    """
    from throughline.samples.splits.folds import folds

    protocol = pipeline.cross_validation
    if protocol is None:
        return 0, ()
    target = pipeline.target.columns
    classifies = pipeline.problem.classifies
    labels = rows[target[0]].to_numpy() if classifies and len(target) == 1 else None
    moved = []
    every = folds(rows, labels, protocol, pipeline.split)
    for number, fold in enumerate(every):
        validation = np.zeros(len(rows), dtype=bool)
        validation[fold.validation] = True
        changed = corrupted(rows, validation, (), target, classifies)
        before, after = (
            _fit(each, fold.training, pipeline, dropped, files) for each in (rows, changed)
        )
        if before != after:
            moved.append(number)
    return len(every), tuple(moved)


def _fit(
    rows: pd.DataFrame,
    numbers: np.ndarray[Any, Any],
    pipeline: Any,
    dropped: Sequence[str],
    files: Path | None,
) -> list[str]:
    """The digests of what a fold fits: its graph, its vectors, its target."""
    from throughline.preprocessing.fit import fit
    from throughline.preprocessing.plan import plan
    from throughline.preprocessing.target import fit_target

    planned = plan(rows, pipeline.columns, pipeline.inputs, pipeline.target.columns, dropped)
    fitted = fit(rows.iloc[numbers], planned, files=files)
    said = json.dumps(fitted.rescaling, default=str, sort_keys=True)
    if pipeline.target.scale is not None:
        target = fit_target(rows.iloc[numbers], pipeline.target, pipeline.task)
        said += json.dumps(target.as_json(), default=str)
    graph = fitted.graph.SerializeToString(deterministic=True)
    vectors = [array.tobytes() for array in fitted.vectors.values()]
    return [digest(each) for each in (graph, said.encode(), *vectors)]


def of_series(rows: pd.DataFrame, pipeline: Any) -> tuple[int, tuple[int, ...]]:
    """The same for a series: rows that a fold may not see are corrupted.

    Args:
        rows: all clean rows.
        pipeline: its sections.
    """
    from throughline.preprocessing.plan import plan
    from throughline.samples.windows.parts import folds
    from throughline.samples.windows.prepare import prepared
    from throughline.samples.windows.prepared import fit_windows
    from throughline.samples.windows.target import FittedForecast, fit_forecast, values_of

    protocol, time = pipeline.cross_validation, pipeline.time
    if protocol is None:
        return 0, ()
    done = prepared(rows, pipeline)
    series, extent = done.training.series, done.extent
    hidden = [name for name in pipeline.target.columns if name not in pipeline.columns]
    planned = plan(rows, pipeline.columns, pipeline.inputs, hidden)
    context = extent.length - extent.lookback
    moved = []
    every = folds(series, done.training.ends, extent, protocol, pipeline.split)
    for number, fold in enumerate(every):
        unseen = corrupted(series.rows, ~fold.rows, (), (), False)
        found = []
        for held in (series, replace(series, rows=unseen)):
            fitted = fit_windows(held, fold.rows, planned, context, time.calendar)
            found.append(digest(fitted.graph.SerializeToString(deterministic=True)))
            if isinstance(done.target, FittedForecast):
                values, ends = values_of(held, pipeline.target.columns), done.training.ends
                known = ends[fold.training]
                target = fit_forecast(values, known, pipeline.target, extent, time.output)
                found[-1] += json.dumps(target.as_json(), default=str)
        first, second = found
        if first != second:
            moved.append(number)
    return len(every), tuple(moved)

"""Whether what a fold fits moves with the rows that it validates on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.canary.corruption import corrupted
from throughline.canary.scratch import digest

if TYPE_CHECKING:
    import pandas as pd


def of_rows(
    rows: pd.DataFrame, pipeline: Any, dropped: Sequence[str]
) -> tuple[int, tuple[int, ...]]:
    """How many folds there are, and those whose fit moves with their validation rows.

    Args:
        rows: the training rows.
        pipeline: its sections.
        dropped: columns that guards took out.
    """
    from throughline.samples.splits.folds import folds, following

    if pipeline.cross_validation is None:
        return 0, ()
    protocol = following(pipeline.cross_validation, pipeline.split)
    target = pipeline.target.columns
    classifies = pipeline.problem.classifies and len(target) == 1
    labels = rows[target[0]].to_numpy() if classifies else None
    kept = {column for column in (protocol.group, protocol.temporal) if column}
    moved = []
    every = folds(rows, labels, protocol, pipeline.split)
    for number, fold in enumerate(every):
        validation = np.zeros(len(rows), dtype=bool)
        validation[fold.validation] = True
        changed = corrupted(rows, validation, {*kept, *target}, target, classifies)
        again = folds(changed, labels, protocol, pipeline.split)[number]
        before = _fit(rows, fold.training, pipeline, dropped)
        if before != _fit(changed, again.training, pipeline, dropped):
            moved.append(number)
    return len(every), tuple(moved)


def _fit(
    rows: pd.DataFrame, numbers: np.ndarray[Any, Any], pipeline: Any, dropped: Sequence[str]
) -> str:
    from throughline.preprocessing.fit import fit
    from throughline.preprocessing.plan import plan

    held = rows.iloc[numbers].reset_index(drop=True)
    held.attrs = rows.attrs
    planned = plan(held, pipeline.columns, pipeline.inputs, pipeline.target.columns, dropped)
    return digest(fit(held, planned).graph.SerializeToString(deterministic=True))


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
        graphs = [
            fit_windows(held, fold.rows, planned, context, time.calendar).graph
            for held in (series, replace(series, rows=unseen))
        ]
        first, second = (digest(graph.SerializeToString(deterministic=True)) for graph in graphs)
        if first != second:
            moved.append(number)
    return len(every), tuple(moved)

"""Whether what a fold fits moves with the rows that it validates on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.canary.corruption import corrupted
from throughline.canary.scratch import digest

if TYPE_CHECKING:
    import pandas as pd

    from throughline.preprocessing.fit import Preprocessing
    from throughline.samples.supervision import Supervision

NOTHING: Mapping[str, Any] = MappingProxyType({})


def of_rows(
    rows: pd.DataFrame, pipeline: Any, dropped: Sequence[str], beside: Mapping[str, Any] = NOTHING
) -> tuple[int, tuple[int, ...]]:
    """How many folds there are, and those whose fit moves with their validation rows.

    The folds are drawn once; then everything of the validation rows changes, the target included.

    Args:
        rows: the training rows.
        pipeline: its sections.
        dropped: columns that guards took out.
        beside: what lies beside the rows, `files` and `frozen` of `fit`. Default: nothing.
    """
    from throughline.samples.splits.folds import folds

    protocol = pipeline.cross_validation
    if protocol is None:
        return 0, ()
    target, classes = pipeline.target.columns, pipeline.class_columns
    labels = rows[target[0]].to_numpy() if classes and len(target) == 1 else None
    moved = []
    every = folds(rows, labels, protocol, pipeline.split)
    for number, fold in enumerate(every):
        validation = np.zeros(len(rows), dtype=bool)
        validation[fold.validation] = True
        changed = corrupted(rows, validation, (), classes)
        before, after = (
            _fit(each, fold.training, pipeline, dropped, beside) for each in (rows, changed)
        )
        if before != after or _sees_itself(rows.iloc[fold.training], pipeline, dropped, beside):
            moved.append(number)
    return len(every), tuple(moved)


def _sees_itself(
    rows: pd.DataFrame, pipeline: Any, dropped: Sequence[str], beside: Mapping[str, Any]
) -> bool:
    """Whether what a row is trained on moves with the row's own target.

    Encodings by the target are made of it; block by block, the targets of the rows change, and
    what those rows are given may not.
    """
    supervision = _supervision(rows, pipeline)
    if supervision is None:
        return False
    others = [name for name in rows.columns if name not in pipeline.target.columns]
    blocks = supervision.blocks(rows)
    given = _fitted(rows, supervision, pipeline, dropped, beside).out_of_fold
    for block in range(int(blocks.max()) + 1):
        held = blocks == block
        changed = corrupted(rows, held, others, pipeline.class_columns)
        again = _fitted(changed, supervision, pipeline, dropped, beside).out_of_fold
        for name, parts in given.items():
            for (_, first), (_, second) in zip(parts, again[name], strict=True):
                if not np.array_equal(first[held], second[held]):
                    return True
    return False


def _supervision(rows: pd.DataFrame, pipeline: Any) -> Supervision | None:
    """What encodings by the target learn from, where a column has one."""
    from throughline.preprocessing.several import fit_targets
    from throughline.samples.supervision import Supervision

    columns = pipeline.columns.values()
    if not any(column.encode and column.encode.kind == "target" for column in columns):
        return None
    return Supervision(fit_targets(rows, pipeline), pipeline.split)


def _fitted(
    rows: pd.DataFrame,
    supervision: Supervision | None,
    pipeline: Any,
    dropped: Sequence[str],
    beside: Mapping[str, Any],
) -> Preprocessing:
    from throughline.preprocessing.fit import fit
    from throughline.preprocessing.plan import plan

    planned = plan(rows, pipeline.columns, pipeline.inputs, pipeline.target.columns, dropped)
    return fit(rows, planned, supervision=supervision, **beside)


def _fit(
    rows: pd.DataFrame,
    numbers: np.ndarray[Any, Any],
    pipeline: Any,
    dropped: Sequence[str],
    beside: Mapping[str, Any],
) -> list[str]:
    """The digests of what a fold fits: its graph, its arrays, its target."""
    from throughline.preprocessing.several import fit_targets, is_scaled

    chosen = rows.iloc[numbers]
    fitted = _fitted(chosen, _supervision(chosen, pipeline), pipeline, dropped, beside)
    said = json.dumps(fitted.rescaling, default=str, sort_keys=True)
    if is_scaled(pipeline):
        target = fit_targets(chosen, pipeline)
        said += json.dumps(target.as_json(), default=str)
    return [digest(fitted.fitted_bytes), digest(said.encode())]


def of_series(rows: pd.DataFrame, pipeline: Any) -> tuple[int, tuple[int, ...]]:
    """The same for a series: rows that a fold may not see are corrupted.

    Args:
        rows: all clean rows.
        pipeline: its sections.
    """
    from throughline.preprocessing.plan import plan
    from throughline.samples.windows.folding import fit_windows
    from throughline.samples.windows.parts import folds
    from throughline.samples.windows.prepare import prepared
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
        assert fold.rows is not None
        unseen = corrupted(series.rows, ~fold.rows, (), ())
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

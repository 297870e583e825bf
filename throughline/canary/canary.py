"""`throughline canary`: corrupt the held-out rows, and nothing on the training side may move.

The rows are corrupted in a scratch copy, `prepare` runs on both copies, and every file of the
training side is compared by sha256; then the same for the validation rows of each fold.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.canary.corruption import corrupted
from throughline.canary.folds import of_rows, of_series
from throughline.canary.scratch import prepared
from throughline.errors import RefusedByGate, listed
from throughline.paths import Workspace, needed, read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Proof:
    """What was compared.

    Attributes:
        corrupted_rows: held-out rows whose values were changed.
        files: files of the training side that were compared.
        moved: those that changed; a leak has been found when there are any.
        folds: folds whose fitted graph was compared.
        moved_folds: those whose graph changed.
        others: variants that train on some of these rows, by a split of their own; not compared.
    """

    corrupted_rows: int
    files: int
    moved: tuple[str, ...]
    folds: int
    moved_folds: tuple[int, ...]
    others: tuple[str, ...]


def canary(name: str, workspace: Workspace) -> Proof:
    """Prove that the held-out rows of a pipeline do not reach its training side.

    Args:
        name: the pipeline; `validate` has run.
        workspace: of the repository; nothing in it is changed.

    Raises:
        MissingFile: there are no clean rows yet.
        RefusedByGate: something moved; names the files or folds.
    """
    from throughline.pipeline.loading import load
    from throughline.tokens.rows import read_windows

    workspace = Workspace(workspace.root, name)
    rows = read_windows(needed(workspace.clean / "rows.parquet", "validate"))
    definition = load(workspace)
    pipeline = definition.main
    held_out = _held_out(rows, pipeline)
    others = tuple(
        branch
        for branch, owner in definition.prepared_by.items()
        if branch == owner != "main"
        and (held_out & ~_held_out(rows, definition.branches[branch])).any()
    )
    changed = corrupted(
        rows,
        held_out,
        _kept(workspace, pipeline),
        pipeline.target.columns,
        pipeline.problem.classifies,
    )
    with tempfile.TemporaryDirectory() as folder:
        before = prepared(workspace, rows, None, Path(folder) / "before")
        after = prepared(workspace, changed, held_out, Path(folder) / "after")
        training = Path(folder) / "before" / "data" / "prepared" / name / "training" / "main"
        dropped = read_json(training / "prepared.json")["dropped"]
    compared = {path for path in before | after if path.split("/")[0] not in others}
    moved = tuple(sorted(path for path in compared if before.get(path) != after.get(path)))
    folds, moved_folds = _folds(workspace, rows, held_out, pipeline, dropped)
    proof = Proof(int(held_out.sum()), len(compared), moved, folds, moved_folds, others)
    if moved or moved_folds:
        raise RefusedByGate(
            f"Nothing on the training side of '{name}' may depend on held-out rows",
            f"moved: {listed([*moved, *(f'fold {number}' for number in moved_folds)])}",
            "Something is fitted on rows that it must not see",
        )
    return proof


def _held_out(rows: pd.DataFrame, pipeline: Any) -> np.ndarray[Any, Any]:
    """Which rows the training side may not know."""
    if pipeline.time is not None:
        from throughline.samples.windows.frame import regular
        from throughline.samples.windows.parts import boundary

        time = pipeline.time
        series = regular(rows, time, pipeline.target.columns)
        first = boundary(series, pipeline.split, time.index.zone)
        tested: np.ndarray[Any, Any] = steps_of(rows, time, series.grid) >= first
        return tested
    from throughline.samples.splits.parts import parts

    chosen: np.ndarray[Any, Any] = parts(rows, pipeline.split) == "test"
    return chosen


def steps_of(rows: pd.DataFrame, time: Any, grid: Any) -> np.ndarray[Any, Any]:
    """The step of a series' grid on which each raw row falls."""
    from throughline.samples.windows.frame import series_of, times
    from throughline.serving import clock

    moments = times(rows, time, series_of(rows, time))[1]
    found: np.ndarray[Any, Any] = clock.steps(moments, grid)[0]
    return found


def _kept(workspace: Workspace, pipeline: Any) -> set[str]:
    """Columns that say which rows are held out, and the numbers of pictures."""
    from throughline.preprocessing.pictures import stored_images

    kept = {column for column in (pipeline.split.column, pipeline.split.stratify) if column}
    kept |= set(stored_images(workspace.raw / "rows.parquet"))
    if pipeline.time is not None:
        index = pipeline.time.index
        kept |= {*index.columns, *pipeline.time.group, *([index.hour] if index.hour else [])}
    return kept


def _folds(
    workspace: Workspace,
    rows: pd.DataFrame,
    held_out: np.ndarray[Any, Any],
    pipeline: Any,
    dropped: Sequence[str],
) -> tuple[int, tuple[int, ...]]:
    from throughline.preprocessing.bottleneck import with_bottlenecks
    from throughline.preprocessing.pictures import stored_images, with_images

    if pipeline.time is not None:
        return of_series(rows, pipeline)
    training = rows[~held_out].reset_index(drop=True)
    pictured = with_images(training, stored_images(workspace.raw / "rows.parquet"))
    pictured = with_bottlenecks(pictured, training, pipeline.columns, workspace.bottleneck)
    return of_rows(pictured, pipeline, dropped)

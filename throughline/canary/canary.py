"""`throughline canary`: corrupt the held-out rows, and nothing on the training side may move.

Everything of the held-out rows but their part is corrupted in a scratch copy, `prepare` runs on
both copies, and every file of the training side is compared by sha256; then the same for the
validation rows of each fold.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.canary.corruption import corrupted
from throughline.canary.folds import of_rows, of_series
from throughline.canary.scratch import Copy, trained_on
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


def canary(name: str, workspace: Workspace, train: bool = False) -> Proof:
    """Prove that the held-out rows of a pipeline do not reach its training side.

    The split is drawn once and kept. Then everything of the held-out rows changes, their targets,
    strata and groups included, and nothing that is fitted may.

    Args:
        name: the pipeline; `validate` has run.
        workspace: of the repository; nothing in it is changed.
        train: also cross-validate, train and export on both copies, which shows whether epochs,
            thresholds or the choice of a model follow held-out rows. Default: `prepare` and the
            fits of the folds.

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
    owners = [branch for branch, owner in definition.prepared_by.items() if branch == owner]
    held = {branch: _held_out(rows, definition.branches[branch]) for branch in owners}
    held_out = held["main"] == "test"
    others = tuple(branch for branch in owners if (held_out & (held[branch] == "training")).any())
    # A series is cut by its clock, and without test rows there is nothing to keep.
    parts = {
        branch: part
        for branch, part in held.items()
        if definition.branches[branch].time is None and (part == "test").any()
    }
    kept = _kept(workspace, pipeline)
    changed = corrupted(rows, held_out, kept, pipeline.class_columns)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        before = trained_on(workspace, Copy(rows, parts), root / "before", train)
        after = trained_on(workspace, Copy(changed, parts, held_out), root / "after", train)
        training = Workspace(root / "before", name).training_data / "main"
        dropped = read_json(training / "prepared.json")["dropped"]
    compared = {path for path in before | after if not set(path.split("/")) & set(others)}
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
    """The part of each row."""
    import numpy as np

    if (time := pipeline.time) is not None:
        from throughline.samples.windows.frame import regular, series_of
        from throughline.samples.windows.moments import times
        from throughline.samples.windows.parts import boundary
        from throughline.serving.rows import clock

        series = regular(rows, time, pipeline.target.columns)
        moments = times(rows, time, series_of(rows, time))[1]
        first = boundary(series, pipeline.split, time.index.zone)
        late = clock.steps(moments, series.grid)[0] >= first
        return np.where(late, "test", "training").astype(object)
    from throughline.samples.splits.parts import parts

    return parts(rows, pipeline.split)


def _kept(workspace: Workspace, pipeline: Any) -> set[str]:
    """The clock and the names of series, which say what is held out, and numbers of pictures."""
    from throughline.preprocessing.pictures import stored_images

    pictures = stored_images(workspace.raw / "rows.parquet")
    return {*pictures, *(pipeline.time.columns if pipeline.time else ())}


def _folds(
    workspace: Workspace,
    rows: pd.DataFrame,
    held_out: np.ndarray[Any, Any],
    pipeline: Any,
    dropped: Sequence[str],
) -> tuple[int, tuple[int, ...]]:
    from throughline.preprocessing.bottleneck import frozen_graphs, with_bottlenecks
    from throughline.preprocessing.pictures import stored_images, with_images

    if pipeline.time is not None:
        return of_series(rows, pipeline)
    training = rows[~held_out].reset_index(drop=True)
    pictured = with_images(training, stored_images(workspace.raw / "rows.parquet"))
    frozen = frozen_graphs(pipeline.columns, workspace.bottleneck)
    pictured = with_bottlenecks(pictured, training, frozen)
    files = workspace.raw / "files"
    beside = {"files": files if files.is_dir() else None, "frozen": frozen}
    return of_rows(pictured, pipeline, dropped, beside)

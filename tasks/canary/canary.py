"""`python -m tasks canary`: corrupt the held-out rows, and nothing on the training side may move.

The rows are corrupted in a scratch copy, `prepare` runs on both copies, and every file of the
training side is compared by sha256; then the same for the validation rows of each fold.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.canary.corruption import corrupted
from tasks.errors import RefusedByGate, listed
from tasks.workspace import Workspace, needed, read_json

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
    """

    corrupted_rows: int
    files: int
    moved: tuple[str, ...]
    folds: int
    moved_folds: tuple[int, ...]


def canary(name: str, workspace: Workspace) -> Proof:
    """Prove that the held-out rows of a pipeline do not reach its training side.

    Args:
        name: the pipeline; `validate` has run.
        workspace: of the repository; nothing in it is changed.

    Raises:
        MissingFile: there are no clean rows yet.
        RefusedByGate: something moved; names the files or folds.
    """
    import pandas as pd

    from tasks.config.loading import load
    from tasks.splits.parts import parts

    workspace = Workspace(workspace.root, name)
    source = needed(workspace.clean / "rows.parquet", "validate")
    pipeline = load(workspace).main
    rows = pd.read_parquet(source)
    kept = {column for column in (pipeline.split.column, pipeline.split.stratify) if column}
    held_out = parts(rows, pipeline.split) == "test"
    changed = corrupted(rows, held_out, kept, pipeline.target.columns, pipeline.problem.classifies)
    with tempfile.TemporaryDirectory() as folder:
        before = _prepared(workspace, rows, Path(folder) / "before")
        after = _prepared(workspace, changed, Path(folder) / "after")
        kept_out = Path(folder) / "before" / "data" / "prepared" / name / "training" / "main"
        dropped = read_json(kept_out / "prepared.json")["dropped"]
    moved = tuple(sorted(path for path in before | after if before.get(path) != after.get(path)))
    folds, moved_folds = _folds(rows[~held_out].reset_index(drop=True), pipeline, dropped)
    proof = Proof(int(held_out.sum()), len(before), moved, folds, moved_folds)
    if moved or moved_folds:
        raise RefusedByGate(
            f"Nothing on the training side of '{name}' may depend on held-out rows",
            f"moved: {listed([*moved, *(f'fold {number}' for number in moved_folds)])}",
            "Something is fitted on rows that it must not see",
        )
    return proof


def _prepared(workspace: Workspace, rows: pd.DataFrame, root: Path) -> dict[str, str]:
    """Run `prepare` on rows in a scratch copy; the sha256 of each file of the training side."""
    from tasks.config.loading import stage_input
    from tasks.prepare import prepare
    from tasks.sources.table import write_rows

    scratch = Workspace(root, workspace.name)
    scratch.clean.mkdir(parents=True)
    scratch.pipeline_file.parent.mkdir(parents=True)
    shutil.copy(workspace.pipeline_file, scratch.pipeline_file)
    shutil.copy(workspace.parameters_file, scratch.parameters_file)
    write_rows(rows, scratch.clean / "rows.parquet")
    prepare(stage_input(scratch, "prepare"), scratch)
    return {
        path.relative_to(scratch.training_data).as_posix(): _digest(path.read_bytes())
        for path in sorted(scratch.training_data.rglob("*"))
        if path.is_file()
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _folds(
    rows: pd.DataFrame, pipeline: Any, dropped: Sequence[str]
) -> tuple[int, tuple[int, ...]]:
    """How many folds there are, and those whose fit moves with their validation rows."""
    import numpy as np

    from tasks.splits.folds import folds

    protocol = pipeline.cross_validation
    if protocol is None:
        return 0, ()
    target = pipeline.target.columns
    classifies = pipeline.problem.classifies and len(target) == 1
    labels = rows[target[0]].to_numpy() if classifies else None
    kept = {column for column in (protocol.group, protocol.temporal) if column}
    moved = []
    every = folds(rows, labels, protocol)
    for number, fold in enumerate(every):
        validation = np.zeros(len(rows), dtype=bool)
        validation[fold.validation] = True
        changed = corrupted(rows, validation, {*kept, *target}, target, classifies)
        again = folds(changed, labels, protocol)[number]
        before = _fit(rows, fold.training, pipeline, dropped)
        if before != _fit(changed, again.training, pipeline, dropped):
            moved.append(number)
    return len(every), tuple(moved)


def _fit(
    rows: pd.DataFrame, numbers: np.ndarray[Any, Any], pipeline: Any, dropped: Sequence[str]
) -> str:
    from tasks.preprocessing.fit import fit
    from tasks.preprocessing.plan import plan

    held = rows.iloc[numbers].reset_index(drop=True)
    planned = plan(held, pipeline.columns, pipeline.inputs, pipeline.target.columns, dropped)
    return _digest(fit(held, planned).graph.SerializeToString(deterministic=True))

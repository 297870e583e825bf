"""`throughline canary`: corrupt the held-out rows, and nothing on the training side may move.

Everything of the held-out rows but their part is corrupted in a scratch copy, `prepare` runs on
both copies, and every file of the training side is compared by sha256; then the same for the
validation rows of each fold.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from throughline.canary.corruption import corrupted
from throughline.canary.folds import moved_folds
from throughline.canary.scratch import Copy, trained_on
from throughline.errors import RefusedByGate, listed
from throughline.paths import Workspace, needed, read_json


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
    from throughline.preprocessing.pictures import stored_images
    from throughline.samples.kinds import Given, kind_of
    from throughline.tokens.token_rows import read_windows

    workspace = Workspace(workspace.root, name)
    rows = read_windows(needed(workspace.clean / "rows.parquet", "validate"))
    definition = load(workspace)
    pipeline = definition.main
    owners = [branch for branch, owner in definition.prepared_by.items() if branch == owner]
    views = {branch: definition.branches[branch] for branch in owners}
    held = {branch: kind_of(view).parts(rows, view) for branch, view in views.items()}
    held_out = held["main"] == "test"
    others = tuple(branch for branch in owners if (held_out & (held[branch] == "training")).any())
    # A series is cut by its clock, and without test rows there is nothing to keep.
    parts = {
        branch: part
        for branch, part in held.items()
        if kind_of(views[branch]).drawn and (part == "test").any()
    }
    # What says what is held out, and the numbers of pictures.
    kept = {*stored_images(workspace.raw / "rows.parquet"), *kind_of(pipeline).fixed(pipeline)}
    changed = corrupted(rows, held_out, kept, pipeline.class_columns)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        before = trained_on(workspace, Copy(rows, parts), root / "before", train)
        after = trained_on(workspace, Copy(changed, parts, held_out), root / "after", train)
        training = Workspace(root / "before", name).training_data / "main"
        dropped = read_json(training / "prepared.json")["dropped"]
    compared = {path for path in before | after if not set(path.split("/")) & set(others)}
    moved = tuple(sorted(path for path in compared if before.get(path) != after.get(path)))
    given = Given.of(rows, workspace)
    trials = kind_of(pipeline).trials(given, pipeline, held_out, dropped)
    folds, gone = moved_folds(trials, pipeline.class_columns)
    proof = Proof(int(held_out.sum()), len(compared), moved, folds, gone, others)
    if moved or gone:
        raise RefusedByGate(
            f"Nothing on the training side of '{name}' may depend on held-out rows",
            f"moved: {listed([*moved, *(f'fold {number}' for number in gone)])}",
            "Something is fitted on rows that it must not see",
        )
    return proof

"""Running `prepare`, and what trains, on rows in a scratch copy of a pipeline."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.paths import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from throughline.stages.given import StageInput

# How the columns are called that say the part of each row; no raw column begins with a slash.
PART = "/part"


@dataclass(frozen=True)
class Copy:
    """Rows of which a scratch copy is made.

    Attributes:
        rows: clean rows, with the numbers of their pictures.
        parts: for each branch of rows the part of each of them; a series is cut by its clock, which
            stays as it is.
        changed: [rows] whose pictures are turned into negatives. Default: none.
    """

    rows: pd.DataFrame
    parts: Mapping[str, np.ndarray[Any, Any]]
    changed: np.ndarray[Any, Any] | None = None


def trained_on(workspace: Workspace, copy: Copy, root: Path, train: bool = False) -> dict[str, str]:
    """What a scratch copy of a pipeline makes of rows that are split already.

    Args:
        workspace: of the pipeline; nothing in it is changed.
        copy: the rows.
        root: of the scratch copy.
        train: also cross-validate, train and export. Default: `prepare` alone.

    Returns:
        the sha256 of each file of the training side, by its path there.
    """
    from throughline.sources.table import write_rows
    from throughline.stages.given import stage_input
    from throughline.stages.prepare import STAGE, prepare

    scratch = Workspace(root, workspace.name)
    scratch.clean.mkdir(parents=True)
    scratch.pipeline_file.parent.mkdir(parents=True)
    shutil.copy(workspace.pipeline_file, scratch.pipeline_file)
    shutil.copy(workspace.parameters_file, scratch.parameters_file)
    if (workspace.raw / "files").is_dir():
        shutil.copytree(workspace.raw / "files", scratch.raw / "files")
    _copy_pictures(workspace, copy, scratch)
    if workspace.bottleneck.exists():
        # Frozen networks are fitted on nothing here.
        scratch.bottleneck.parent.mkdir(parents=True)
        scratch.bottleneck.symlink_to(workspace.bottleneck.resolve())
    said = {f"{PART} {branch}": part.astype(str) for branch, part in copy.parts.items()}
    write_rows(copy.rows.assign(**said), scratch.clean / "rows.parquet")
    prepare(_split_as_said(stage_input(scratch, STAGE), copy), scratch)
    found = _digests(scratch.training_data, scratch.training_data)
    return found | _trained(scratch) if train else found


def _split_as_said(given: StageInput, copy: Copy) -> StageInput:
    """The input of `prepare` with the split of each branch replaced by the column that says it.

    Which rows are held out may depend on all rows, on their classes or dates; what is fitted may
    not. So the parts stay as they were while everything else of a held-out row changes.
    """
    branches = dict(given.branches)
    for branch in copy.parts:
        split = given.branches[branch].split
        update = {"kind": "predefined", "column": f"{PART} {branch}", "stratify": None}
        said = {"split": split.model_copy(update=update)}
        branches[branch] = given.branches[branch].model_copy(update=said)
    return replace(given, branches=branches)


def _trained(scratch: Workspace) -> dict[str, str]:
    """The sha256 of what training makes: scores, networks, and the exported models."""
    from throughline.stages import cross_validate, export, train
    from throughline.stages.given import stage_input

    cross_validate.cross_validate(stage_input(scratch, cross_validate.STAGE), scratch)
    train.train(stage_input(scratch, train.STAGE), scratch)
    export.export(stage_input(scratch, export.STAGE), scratch)
    models = scratch.model.parent
    # What lies beside the models, as parity.json, was measured on held-out rows.
    exported = {path: held for path, held in _digests(models, models).items() if ".onnx" in path}
    return (
        _digests(scratch.cross_validation, scratch.root)
        | _digests(scratch.networks, scratch.root)
        | exported
    )


def _digests(folder: Path, start: Path) -> dict[str, str]:
    return {
        path.relative_to(start).as_posix(): digest(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _copy_pictures(workspace: Workspace, copy: Copy, scratch: Workspace) -> None:
    from throughline.preprocessing.pictures import images_beside, stored_images

    folder = images_beside(scratch.raw / "rows.parquet")
    for name, array in stored_images(workspace.raw / "rows.parquet").items():
        pictures = np.array(array)
        if copy.changed is not None:
            numbers = copy.rows.loc[copy.changed, name].to_numpy()
            pictures[numbers] = 255 - pictures[numbers]
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{name}.npy", pictures)
        _copy_originals(workspace, scratch, set() if copy.changed is None else {*numbers.tolist()})


def _copy_originals(workspace: Workspace, scratch: Workspace, changed: set[int]) -> None:
    """The files of pictures, those of changed rows with other bytes."""
    import pandas as pd

    from throughline.preprocessing.originals import read_originals, write_originals

    found = read_originals(workspace.raw / "rows.parquet")
    if found is not None:
        for each in found:
            if each["number"] in changed:
                each["content"] = each["content"][::-1]
        columns = ["number", "file", "content"]
        write_originals(pd.DataFrame(found, columns=columns), scratch.raw / "rows.parquet")


def digest(content: bytes) -> str:
    """The sha256 of bytes."""
    return hashlib.sha256(content).hexdigest()

"""Running `prepare` on rows in a scratch copy of a pipeline."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.paths import Workspace

if TYPE_CHECKING:
    import pandas as pd


def prepared(
    workspace: Workspace, rows: pd.DataFrame, changed: np.ndarray[Any, Any] | None, root: Path
) -> dict[str, str]:
    """Run `prepare` on rows in a scratch copy.

    Args:
        workspace: of the pipeline; nothing in it is changed.
        rows: clean rows, with the numbers of their pictures.
        changed: [rows] whose pictures are turned into negatives. Default: none.
        root: of the scratch copy.

    Returns:
        the sha256 of each file of the training side.
    """
    from throughline.sources.table import write_rows
    from throughline.stages.given import stage_input
    from throughline.stages.prepare import STAGE, prepare

    scratch = Workspace(root, workspace.name)
    scratch.clean.mkdir(parents=True)
    scratch.pipeline_file.parent.mkdir(parents=True)
    shutil.copy(workspace.pipeline_file, scratch.pipeline_file)
    shutil.copy(workspace.parameters_file, scratch.parameters_file)
    _copy_pictures(workspace, rows, changed, scratch)
    if workspace.bottleneck.exists():
        # Frozen networks are fitted on nothing here.
        scratch.bottleneck.parent.mkdir(parents=True)
        scratch.bottleneck.symlink_to(workspace.bottleneck.resolve())
    write_rows(rows, scratch.clean / "rows.parquet")
    prepare(stage_input(scratch, STAGE), scratch)
    return {
        path.relative_to(scratch.training_data).as_posix(): digest(path.read_bytes())
        for path in sorted(scratch.training_data.rglob("*"))
        if path.is_file()
    }


def _copy_pictures(
    workspace: Workspace,
    rows: pd.DataFrame,
    changed: np.ndarray[Any, Any] | None,
    scratch: Workspace,
) -> None:
    from throughline.preprocessing.pictures import images_beside, stored_images

    folder = images_beside(scratch.raw / "rows.parquet")
    for name, array in stored_images(workspace.raw / "rows.parquet").items():
        pictures = np.array(array)
        if changed is not None:
            numbers = rows.loc[changed, name].to_numpy()
            pictures[numbers] = 255 - pictures[numbers]
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{name}.npy", pictures)


def digest(content: bytes) -> str:
    """The sha256 of bytes."""
    return hashlib.sha256(content).hexdigest()

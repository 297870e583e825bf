"""The `dvc.yaml` of a pipeline is there before a stage needs it; nobody has to ask for it."""

from __future__ import annotations

import os
from pathlib import Path

from throughline.errors import BadData, BadPipeline
from throughline.paths import Workspace
from throughline.pipeline.loading import load
from throughline.stages.wire import text, wire

# DVC sets it for the commands that it runs.
WITHIN_DVC = "DVC_ROOT"


def wire_first(root: Path, name: str) -> None:
    """Write the `dvc.yaml` of a pipeline where it does not fit its file.

    Raises:
        BadPipeline: DVC is running the stage by the old one, and has to read the new one first.
    """
    workspace = Workspace(root, name)
    load(workspace)
    refuse_files_for_folders(workspace)
    held = workspace.stages_file.read_text() if workspace.stages_file.exists() else ""
    if held == text(workspace):
        return
    wire(root, [name])
    if WITHIN_DVC in os.environ:
        raise BadPipeline(
            f"DVC must read {workspace.stages_file}, which was written anew: sections of "
            f"{workspace.pipeline_file} came or went",
            remedy="Run the same command again",
        )


def refuse_files_for_folders(workspace: Workspace) -> None:
    """Say which file stands where stages write folders; DVC and the system name none.

    Raises:
        BadData: there is one.
    """
    for output in (workspace.raw, workspace.clean, workspace.model, workspace.evaluation):
        for folder in output.relative_to(workspace.root).parents:
            if (workspace.root / folder).is_file():
                raise BadData(f"'{folder}' must be a folder", "a file", "Move it away")

"""Running one stage of one pipeline, as `dvc repro` and the flow's workers do."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from throughline.paths import Workspace
from throughline.stages.costs import costed
from throughline.stages.declared import declared
from throughline.stages.digests.code import refreshed
from throughline.stages.given import stage_input
from throughline.stages.wire import wired


def run_stage(stage: str, name: str, root: Path) -> None:
    """Run one stage of one pipeline.

    Raises:
        ThroughlineError: a mistake in the pipeline file or in the data.
    """
    workspace = Workspace(root, name)
    # The pipeline file may name functions of the project's own. Last: a file of the project must
    # not take the place of a library that is imported later.
    folder = str(root.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    with costed(workspace, stage):
        given = stage_input(workspace, declared(stage))
        wired(workspace)
        refreshed(root)
        function = getattr(importlib.import_module(f"throughline.stages.{stage}"), stage)
        function(given, workspace)

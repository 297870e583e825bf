"""Repositories of one small pipeline, for the tests that run stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from throughline.paths import Workspace
from throughline.stages.wire import wire

PARAMETERS = "seed: 0\nbackend: tensorflow\ndevice: cpu\ninstructions: avx2\nthreads: 1\n"


def write_pipeline(root: Path, name: str, pipeline: Mapping[str, Any]) -> Workspace:
    """A repository of one pipeline, wired."""
    workspace = Workspace(root, name)
    workspace.pipeline_file.parent.mkdir(parents=True, exist_ok=True)
    workspace.pipeline_file.write_text(yaml.safe_dump(dict(pipeline), sort_keys=False))
    workspace.parameters_file.write_text(PARAMETERS)
    wire(root, [name])
    return workspace

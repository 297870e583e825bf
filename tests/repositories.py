"""Repositories of one small pipeline, for the tests that run stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from throughline.paths import Workspace
from throughline.stages.wire import wire

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.samples.rows.prepared import PreparedRows

PARAMETERS = "seed: 0\nbackend: tensorflow\ndevice: cpu\ninstructions: avx2\nthreads: 1\n"


def write_pipeline(root: Path, name: str, pipeline: Mapping[str, Any]) -> Workspace:
    """A repository of one pipeline, wired."""
    workspace = Workspace(root, name)
    workspace.pipeline_file.parent.mkdir(parents=True, exist_ok=True)
    workspace.pipeline_file.write_text(yaml.safe_dump(dict(pipeline), sort_keys=False))
    workspace.parameters_file.write_text(PARAMETERS)
    wire(root, [name])
    return workspace


def rows_in_memory(rows: pd.DataFrame, view: Pipeline) -> PreparedRows:
    """Training rows as `prepare` stores them, without the disk."""
    from throughline.preprocessing.target import fit_target
    from throughline.samples.rows.prepared import PreparedRows

    target = fit_target(rows, view.target, view.task)
    samples = PreparedRows(Path(), {"target": target.as_json(), "dropped": []})
    samples.rows = rows
    return samples

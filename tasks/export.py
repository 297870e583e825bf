"""Stage `export` as a Prefect task."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from tasks.settings import STAGE
from throughline.running.flow import perform


@task(name="export", **STAGE)
def export(pipeline: str, stage: str = "export") -> State[Any]:
    """Write preprocessing and network as one proved ONNX file."""
    return perform(pipeline, stage)

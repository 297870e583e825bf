"""Tasks for what is no single stage of a pipeline."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from tasks.settings import STAGE
from throughline.running.flow import perform, perform_all


@task(name="command", **STAGE)
def command(pipeline: str, stage: str) -> State[Any]:
    """Run any other stage of a `dvc.yaml`."""
    return perform(pipeline, stage)


@task(name="up to date", **{**STAGE, "task_run_name": "{pipeline}"})
def up_to_date(pipeline: str, stage: str = "") -> State[Any]:
    """Stand for all stages of a pipeline where none has anything to do."""
    return perform_all(pipeline)

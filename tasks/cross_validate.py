"""Stage `cross_validate` as a Prefect task."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from tasks.settings import STAGE
from throughline.running.flow import perform
from throughline.running.prefect.artifacts import publish_curves


@task(name="cross_validate", tags=["gpu"], **STAGE)
def cross_validate(pipeline: str, stage: str = "cross_validate") -> State[Any]:
    """Train and score the folds; a slot of a GPU where there is one."""
    return perform(pipeline, stage, publish_curves)

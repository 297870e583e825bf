"""Stage `evaluate` as a Prefect task."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from tasks.settings import STAGE
from throughline.running.flow import perform
from throughline.running.prefect.artifacts import publish_metrics


@task(name="evaluate", **STAGE)
def evaluate(pipeline: str, stage: str = "evaluate") -> State[Any]:
    """Meet raw test rows; its figures are an artifact."""
    return perform(pipeline, stage, publish_metrics)

"""Stage `validate` as a Prefect task."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from tasks.settings import STAGE
from throughline.running.flow import current, perform
from throughline.running.graph_run import StageFailed
from throughline.running.prefect.artifacts import publish_validation


@task(name="validate", **STAGE)
def validate(pipeline: str, stage: str = "validate") -> State[Any]:
    """Set aside the rows that break a rule; the verdicts are an artifact."""
    try:
        return perform(pipeline, stage, publish_validation)
    except StageFailed:
        # Refused rows are when its report is wanted most.
        if current().node(pipeline, stage).is_of_a_pipeline:
            publish_validation(current().root, pipeline)
        raise

"""Stage `ingest` as a Prefect task."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from tasks.settings import STAGE
from throughline.running.flow import perform, worth_another_try


@task(
    name="ingest",
    retries=2,
    retry_delay_seconds=[2.0, 8.0],
    retry_condition_fn=worth_another_try,
    **STAGE,
)
def ingest(pipeline: str, stage: str = "ingest") -> State[Any]:
    """Fetch the raw rows; a server that is down is asked again."""
    return perform(pipeline, stage)

"""Stage `bottleneck` as a Prefect task."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from tasks.settings import STAGE
from throughline.running.flow import perform


@task(name="bottleneck", **STAGE)
def bottleneck(pipeline: str, stage: str = "bottleneck") -> State[Any]:
    """Compute what a frozen network makes of every picture."""
    return perform(pipeline, stage)

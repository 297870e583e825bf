"""Stage `prepare` as a Prefect task."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from tasks.settings import STAGE
from throughline.running.flow import perform


@task(name="prepare", **STAGE)
def prepare(pipeline: str, stage: str = "prepare") -> State[Any]:
    """Make parts, a fitted graph and arrays of clean rows."""
    return perform(pipeline, stage)

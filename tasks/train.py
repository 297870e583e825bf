"""Stage `train` as a Prefect task."""

from __future__ import annotations

from typing import Any

from prefect import State, task

from tasks.settings import STAGE
from throughline.running.flow import perform


@task(name="train", tags=["gpu"], **STAGE)
def train(pipeline: str, stage: str = "train") -> State[Any]:
    """Train the network of every branch; a slot of a GPU where there is one."""
    return perform(pipeline, stage)

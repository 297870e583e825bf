"""Prefect tasks, one a stage: retries, tags, limits, artifacts."""

from __future__ import annotations

from typing import Any

from tasks.bottleneck import bottleneck
from tasks.cross_validate import cross_validate
from tasks.evaluate import evaluate
from tasks.export import export
from tasks.ingest import ingest
from tasks.other import command, up_to_date
from tasks.prepare import prepare
from tasks.train import train
from tasks.validate import validate

STAGES = {
    "": up_to_date,
    "ingest": ingest,
    "validate": validate,
    "bottleneck": bottleneck,
    "prepare": prepare,
    "cross_validate": cross_validate,
    "train": train,
    "export": export,
    "evaluate": evaluate,
}


def task_of(stage: str) -> Any:
    """The task of a stage; of any other command of a `dvc.yaml` where the stage is none of ours."""
    return STAGES.get(stage, command)

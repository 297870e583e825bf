"""Prefect tasks, one a stage in the module of its name: retries, tags, limits, artifacts."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tasks.other import command, up_to_date
from throughline.stages.declared import EVERY_STAGE


def task_of(stage: str) -> Any:
    """The task of a stage; of any other command of a `dvc.yaml` where it has none of its own."""
    if not stage:
        return up_to_date
    if stage not in EVERY_STAGE or find_spec(f"tasks.{stage}") is None:
        return command
    return getattr(import_module(f"tasks.{stage}"), stage)

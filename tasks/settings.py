"""What all tasks share."""

from __future__ import annotations

from typing import Any

from prefect.cache_policies import NO_CACHE

from throughline.running.flow import note_failure

# DVC says what is up to date and keeps the results; Prefect must not do it a second time.
STAGE: dict[str, Any] = {
    "task_run_name": "{pipeline} {stage}",
    "on_failure": [note_failure],
    "cache_policy": NO_CACHE,
    "persist_result": False,
}

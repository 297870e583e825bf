"""The flow `retrain`: fetches again, rebuilds, and releases what is better than the champion."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect import State, flow

from tasks import task_of
from throughline.names import Name
from throughline.project.index import write_index
from throughline.project.overview import released_pipelines
from throughline.releasing.announce import announce
from throughline.releasing.retraining import Settings, final_state, retrained
from throughline.running.prefect.artifacts import publish_status


@flow(name="retrain", flow_run_name="retrain {name}", persist_result=False)
def retrain(
    name: Name,
    seeds: int = Settings.seeds,
    release_without_evidence: bool = False,
    stop_on_drift: bool = False,
    commit: bool = True,
    push: bool = False,
    webhook: str = "",
    workers: int | None = None,
) -> State[Any]:
    """Fetch a pipeline's source again and release what is better than the champion.

    The final state is named for the verdict: Released, Kept or Unchanged. The arguments are those
    of `throughline.releasing.retraining.Settings`.
    """
    settings = Settings(
        seeds, release_without_evidence, stop_on_drift, commit, push, webhook, workers
    )
    verdict = retrained(Path(), name, settings, task_of)
    write_index(Path())
    announce(asdict(verdict), settings.webhook)
    publish_status(lambda: released_pipelines(Path()))
    return final_state(verdict)

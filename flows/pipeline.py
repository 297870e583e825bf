"""The flow `pipeline`: brings pipelines up to date, stage by stage as DVC's graph says."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from tasks import task_of
from throughline.project.index import write_index
from throughline.project.overview import released_pipelines
from throughline.running.flow import final_state, opened, walk
from throughline.running.prefect.artifacts import publish_status


@flow(name="pipeline", validate_parameters=False, persist_result=False)
def pipeline(
    names: list[str] | None = None, workers: int | None = None, on: str = ""
) -> State[Any]:
    """Bring pipelines up to date.

    Args:
        names: pipelines. Default: those that the project's `dvc.yaml` needs.
        workers: processes that stages run in. Default: one a core.
        on: `dask`, `ray`, or the address of such a cluster. Default: processes of this machine.
    """
    with opened(names or [], workers, on) as run:
        walk(run, task_of)
    publish_status(lambda: released_pipelines(run.root))
    write_index(run.root)
    return final_state(run)

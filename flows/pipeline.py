"""The flow `pipeline`: brings pipelines up to date, stage by stage as DVC's graph says."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from tasks import task_of
from throughline.project.index import write_index
from throughline.running.flow import final_state, opened, walk


@flow(name="pipeline", validate_parameters=False, persist_result=False)
def pipeline(
    names: list[str] | None = None, workers: int | None = None, on: str = ""
) -> State[Any]:
    """Bring pipelines up to date.

    Args:
        names: pipelines. Default: those that the project's `dvc.yaml` needs.
        workers: processes that stages run in. Default: one a core.
        on: `dask`, or the address of a Dask scheduler. Default: processes of this machine.
    """
    with opened(names or [], workers, on) as run:
        walk(run, task_of)
    write_index(run.root)
    return final_state(run)

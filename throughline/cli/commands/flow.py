"""`throughline flow` and `throughline retrain`: the project's flows, with a server of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from throughline.cli.arguments import COMMIT, PIPELINES, SOME_PIPELINES

ROOT = Path()
WORKERS = click.option(
    "--workers", type=int, metavar="N", help="Processes that stages run in. Default: one a core."
)


@click.command()
@PIPELINES
@WORKERS
@click.option(
    "--on", default="", metavar="CLUSTER", help="`dask`, `ray`, or the address of such a cluster."
)
def flow(names: tuple[str, ...], workers: int | None, on: str) -> int:
    """Bring pipelines up to date, in parallel; by default those that dvc.yaml needs.

    The exit code is 1 when a stage failed.
    """
    from throughline.running.flow import default_workers, execute

    run = execute(ROOT, list(names), default_workers() if workers is None else workers, on)
    return 1 if run.failed else 0


@click.command()
@SOME_PIPELINES
@click.option("--seeds", type=int, metavar="N", help="Models to compare with the champion.")
@click.option("--release-without-evidence", is_flag=True, help="Release also what is no better.")
@click.option("--stop-on-drift", is_flag=True, help="End where an input has shifted.")
@COMMIT
@click.option("--push", is_flag=True, help="Send data and models to DVC's remote first.")
@click.option("--webhook", metavar="URL", help="Gets the verdict as JSON; secrets as $NAME.")
@WORKERS
def retrain(names: tuple[str, ...], **given: Any) -> int:
    """Fetch the sources again, rebuild, and release what is better than the champion.

    The exit code is 1 when one failed.
    """
    from throughline.errors import BadPipeline
    from throughline.releasing.retraining import Settings, checked
    from throughline.running.flow import project_module
    from throughline.running.prefect.environment import use_prefect
    from throughline.running.prefect.server import Server

    chosen = {key: value for key, value in given.items() if value is not None}
    settings = Settings(**chosen)
    if settings.seeds < 1:
        raise BadPipeline("--seeds must be 1 or more", settings.seeds)
    use_prefect(ROOT)
    for name in names:
        checked(ROOT, name, settings)
    project = project_module("flows.retrain", ROOT)
    Server(ROOT).wait()
    states = [project.retrain(name, **chosen, return_state=True) for name in names]
    return 0 if all(state.is_completed() for state in states) else 1

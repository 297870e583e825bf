"""What the flows of a project ask for: a run over DVC's graph, its stages, its end."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, MissingFile
from throughline.pipeline.own_code import ForbiddenCode
from throughline.processes import NO_CODE
from throughline.running.graph import Node
from throughline.running.graph_run import RAN, SKIPPED, UNCHANGED, Run, StageFailed, prepared
from throughline.running.ledger import IMPORTS, Ledger
from throughline.running.prefect.environment import use_prefect
from throughline.running.prefect.retention import forget
from throughline.running.prefect.server import Server

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

ROOT = Path()
MOST_WORKERS = 8
GPU_TAG = "gpu"

# The runs of this process by the id of their flow run: a task gets names, never the run itself.
_runs: dict[str, Run] = {}
# A run that was prepared while Prefect's server was starting, for the flow that comes next.
_ahead: list[Run] = []


def default_workers() -> int:
    """One process for each core that this one may use, up to `MOST_WORKERS`."""
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def execute(root: Path, names: Sequence[str], workers: int, on: str = "") -> Run:
    """Run pipelines by the project's flow `pipeline`, in this process.

    Args:
        root: the project.
        names: pipelines; empty for the default ones.
        workers: processes that stages run in.
        on: `dask`, `ray`, or the address of such a cluster. Default: processes of this one.

    Returns:
        The finished run.

    Raises:
        ThroughlineError: a mistake in the request or in a pipeline file.
        KeyboardInterrupt: the process was told to stop; its stages have ended.
    """
    ledger = Ledger()
    use_prefect(root)
    server = Server(root)
    run = _prepared(root, names, workers, ledger, on)
    with ledger.timed(IMPORTS):
        flow = project_module("flows.pipeline", root).pipeline
    server.wait()
    if server.own:
        forget(root)
    from prefect.exceptions import TerminationSignal

    _ahead.append(run)
    try:
        flow(list(names), workers, on, return_state=True)
    except TerminationSignal:
        # As Ctrl-C: Prefect makes this of a SIGTERM.
        raise KeyboardInterrupt from None
    return run


def project_module(name: str, root: Path) -> ModuleType:
    """A module of the project's own, such as `flows.pipeline`.

    Raises:
        MissingFile: the project has no such file.
    """
    file = root / f"{name.replace('.', '/')}.py"
    if not file.exists():
        raise MissingFile(
            f"A project has its flows in {file.parent}",
            f"no {file}",
            "Run this in the project's folder",
        )
    if os.environ.get(NO_CODE):
        raise ForbiddenCode(
            "A project's flows may not run", str(file), "Leave out --no-code if you trust it"
        )
    folder = str(root.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


def _prepared(root: Path, names: Sequence[str], workers: int, ledger: Ledger, on: str) -> Run:
    if workers < 1:
        raise BadPipeline("--workers must be 1 or more", workers)
    return prepared(root, names, workers, ledger, on)


@contextmanager
def opened(names: Sequence[str], workers: int | None = None, on: str = "") -> Iterator[Run]:
    """A run within a Prefect flow: its stages, the processes for them; closed at the end.

    Args:
        names: pipelines; empty for the default ones.
        workers: processes that stages run in. Default: one a core.
        on: `dask`, `ray`, or the address of such a cluster. Default: processes of this one.
    """
    run = (
        _ahead.pop()
        if _ahead
        else _prepared(ROOT, names, workers or default_workers(), Ledger(), on)
    )
    with run, known(run):
        yield run
    run.ledger.finish()


@contextmanager
def known(run: Run) -> Iterator[None]:
    """Let the tasks of this flow run find a run."""
    from prefect.runtime import flow_run

    name = str(flow_run.id)
    _runs[name] = run
    try:
        yield
    finally:
        del _runs[name]


def walk(run: Run, task_of: Callable[[str], Any]) -> None:
    """Submit the task of every stage after those that it needs, and wait for all.

    Pipelines that are up to date from end to end are one task run each, not one a stage: a task
    run costs about 0.1 s, and with many pipelines there are hundreds of stages.

    Args:
        run: what is to be done.
        task_of: gives the Prefect task of a stage, or of a whole pipeline for the stage "".
    """
    from prefect.futures import wait

    futures: dict[str, Any] = {}
    for nodes in run.settled():
        future = _submitted(run, task_of(""), nodes[0], [])
        futures |= {node.address: future for node in nodes}
    for node in run.nodes:
        if node.address not in futures:
            needs = [futures[address] for address in node.needs]
            futures[node.address] = _submitted(run, task_of(node.stage), node, needs)
    wait(list(futures.values()))
    for node in run.nodes:
        if node.address not in run.verdicts:
            run.fail(node, f"(needs {', '.join(run.missing(node))})", SKIPPED)


def _submitted(run: Run, task: Any, node: Node, needs: list[Any]) -> Any:
    """Submit a task under the name of its pipeline; on CPUs nothing waits for a GPU's slot."""
    tags = {*task.tags, node.pipeline or "root"}
    if not run.workers.gpu_slots:
        tags -= {GPU_TAG}
    return task.with_options(tags=tags).submit(node.pipeline, node.stage, wait_for=needs)


def current() -> Run:
    """The run of the flow run that this task belongs to."""
    from prefect.runtime import flow_run

    return _runs[str(flow_run.id)]


def perform(
    pipeline: str, stage: str, publish: Callable[[Path, str], None] | None = None
) -> State[Any]:
    """Bring a stage up to date, within the task of that stage.

    Args:
        pipeline: its name; empty for a stage of the project's own `dvc.yaml`.
        stage: its name.
        publish: stores what there is to see when the stage ran, given the project's root and the
            pipeline. Default: nothing.

    Returns:
        The task's final state: `Cached` where the stage was up to date.

    Raises:
        StageFailed: it failed; nothing is recorded.
    """
    from prefect.states import Completed

    run = current()
    node = run.node(pipeline, stage)
    try:
        verdict = run.perform(node)
    finally:
        _log(run.printed.pop(node.address, ""))
    if verdict == RAN and publish is not None and node.is_of_a_pipeline:
        publish(run.root, pipeline)
    return Completed(
        name="Cached" if verdict == UNCHANGED else None, message=f"{node.label}: {verdict}"
    )


def _log(printed: str) -> None:
    """Keep what a stage printed with its task run in Prefect."""
    from prefect.logging import get_run_logger

    text = "\n".join(line for line in printed.splitlines() if line.strip())
    if text:
        get_run_logger().info(text)


def perform_all(pipeline: str) -> State[Any]:
    """Note that all stages of a pipeline are up to date, within one task."""
    from prefect.states import Completed

    run = current()
    nodes = [node for node in run.nodes if node.pipeline == pipeline]
    for node in nodes:
        run.perform(node)
    stages = ", ".join(node.stage for node in nodes)
    return Completed(name="Cached", message=f"{pipeline}: {stages} up to date")


def worth_another_try(task: Any, task_run: Any, state: State[Any]) -> bool:
    """Whether a failed download may go better: a server may be down, a wrong file stays wrong."""
    error = state.result(raise_on_failure=False)
    return not getattr(error, "mistake", False)


def note_failure(task: Any, task_run: Any, state: State[Any]) -> None:
    """Show why a task failed, at once; a hook of the tasks."""
    run = _runs[str(task_run.flow_run_id)]
    error = state.result(raise_on_failure=False)
    text = str(error) if isinstance(error, StageFailed) else str(state.message)
    run.fail(next(node for node in run.nodes if node.label == task_run.name.strip()), text)


def final_state(run: Run) -> State[Any]:
    """Print and store the summary; returns the flow run's state."""
    from prefect.states import Completed, Failed

    from throughline.running.prefect.artifacts import publish_ledger

    lines = run.summary()
    publish_ledger(run.ledger, lines)
    for line in [*lines, "", *run.ledger.lines()]:
        run.print(line)
    if run.failed:
        return Failed(message="\n".join(lines))
    if not run.changed:
        return Completed(name="Cached", message=lines[0])
    return Completed(message=lines[0])

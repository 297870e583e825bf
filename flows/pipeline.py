"""`python -m flows.pipeline`: DVC's stage graph, run by Prefect: in parallel, with a history."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.environment import use_prefect
from flows.graph import Node
from flows.ledger import IMPORTS, Ledger
from flows.run import RAN, SKIPPED, TRAINING, UNCHANGED, Run, StageFailed, prepared
from flows.server import Server
from tasks.errors import BadPipeline, ThroughlineError

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import State

ROOT = Path()
MOST_WORKERS = 8
# The exit code of a command that Ctrl-C ends, as shells give it.
STOPPED_BY_USER = 130
INGEST_RETRIES = 2
RETRY_SECONDS = [2.0, 8.0]


def main(arguments: list[str] | None = None) -> int:
    """Run pipelines and return the exit code: 0, 1 when a stage failed, 2 for a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m flows.pipeline", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PIPELINE", help="default: dvc.yaml's")
    parser.add_argument("--workers", type=int, default=default_workers(), metavar="N")
    parser.add_argument(
        "--on", default="", metavar="CLUSTER", help="dask, or the address of a Dask scheduler"
    )
    chosen = parser.parse_args(arguments)
    try:
        run = execute(ROOT, chosen.names, chosen.workers, chosen.on)
    except ThroughlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the next run goes on with what is not up to date", file=sys.stderr)
        return STOPPED_BY_USER
    return 1 if run.failed else 0


def default_workers() -> int:
    """One process for each core that this one may use, up to `MOST_WORKERS`."""
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def execute(root: Path, names: Sequence[str], workers: int, on: str = "") -> Run:
    """Run pipelines as a Prefect flow of this process.

    Args:
        root: the repository.
        names: pipelines; empty for the default ones.
        workers: processes that stages run in.
        on: `dask`, or the address of a Dask scheduler. Default: processes of this one.

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
        import prefect  # noqa: F401
    server.wait()
    from prefect.exceptions import TerminationSignal

    try:
        pipeline_flow(lambda *_: run)(list(names), workers, on, return_state=True)
    except TerminationSignal:
        # As Ctrl-C: Prefect makes this of a SIGTERM.
        raise KeyboardInterrupt from None
    return run


def _prepared(root: Path, names: Sequence[str], workers: int, ledger: Ledger, on: str) -> Run:
    if workers < 1:
        raise BadPipeline("--workers must be 1 or more", workers)
    return prepared(root, names, workers, ledger, on)


def pipeline_flow(
    prepare: Callable[[list[str], int, str], Run] = lambda names, workers, on: _prepared(
        ROOT, names, workers, Ledger(), on
    ),
) -> Flow[..., Any]:
    """The Prefect flow.

    Args:
        prepare: gives the run for names, a number of workers and a cluster.
    """
    from prefect import flow

    @flow(name="pipeline", validate_parameters=False, persist_result=False)
    def pipeline(
        names: list[str] | None = None, workers: int | None = None, on: str = ""
    ) -> State[Any]:
        """Bring pipelines up to date, stage by stage as DVC's graph says."""
        run = prepare(names or [], workers or default_workers(), on)
        try:
            with run:
                walk(run)
        finally:
            run.ledger.finish()
        return _final(run)

    return pipeline


def walk(run: Run) -> None:
    """Submit every stage after those it needs, and wait for all."""
    from prefect.futures import PrefectFuture, wait

    futures: dict[str, PrefectFuture[Any]] = {}
    settled = _settled_pipelines(run)
    for pipeline, nodes in settled.items():
        future = _task(run, nodes).submit(pipeline)
        futures |= {node.address: future for node in nodes}
    for node in run.nodes:
        if node.address not in futures:
            needs = [futures[address] for address in node.needs]
            futures[node.address] = _task(run, [node]).submit(node.label, wait_for=needs)
    wait(list(futures.values()))
    for node in run.nodes:
        if node.address not in run.verdicts:
            _note_left_out(run, node)


def _settled_pipelines(run: Run) -> dict[str, list[Node]]:
    """The pipelines that are up to date from end to end: one task run each, not one a stage.

    A task run costs about 0.1 s, and with all pipelines there are hundreds of stages.
    """
    pipelines: dict[str, list[Node]] = {}
    moved: set[str] = set()
    for node in run.nodes:
        pipelines.setdefault(node.pipeline, []).append(node)
        if node.address in run.changed or moved & set(node.needs):
            moved.add(node.address)
    return {
        name: nodes
        for name, nodes in pipelines.items()
        if not any(node.address in moved for node in nodes)
    }


def _task(run: Run, nodes: list[Node]) -> Any:
    """The Prefect task of one stage, or of all stages of a pipeline that is up to date."""
    from prefect import task
    from prefect.cache_policies import NO_CACHE
    from prefect.states import Completed

    first = nodes[0]
    whole = len(nodes) > 1
    gpu = bool(run.workers.gpu_slots) and first.stage in TRAINING
    retries = INGEST_RETRIES if first.stage == "ingest" else 0

    @task(
        name=first.pipeline if whole else first.stage,
        task_run_name=f"{first.pipeline} ({len(nodes)} stages)" if whole else first.label,
        tags=[first.pipeline or "root", *(["gpu"] if gpu else [])],
        retries=retries,
        retry_delay_seconds=RETRY_SECONDS[:retries],
        retry_condition_fn=worth_another_try,
        on_failure=[lambda _task, _run, state: _note_failure(run, first, state)],
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    def work(label: str) -> Any:
        """Bring the stage up to date."""
        try:
            verdicts = [run.perform(node) for node in nodes]
        except StageFailed:
            if first.stage == "validate":
                # Refused rows are when its report is wanted most.
                _publish(run, first)
            raise
        if set(verdicts) == {UNCHANGED}:
            stages = ", ".join(node.stage for node in nodes)
            return Completed(name="Cached", message=f"{label}: {stages} up to date")
        if verdicts == [RAN]:
            _publish(run, first)
        return Completed(message=f"{label}: {verdicts[0]}")

    return work


def worth_another_try(task: Any, task_run: Any, state: State[Any]) -> bool:
    """Whether a failed download may go better: a server may be down, a wrong file stays wrong."""
    error = state.result(raise_on_failure=False)
    return not getattr(error, "mistake", False)


def _note_failure(run: Run, node: Node, state: State[Any]) -> None:
    error = state.result(raise_on_failure=False)
    text = str(error) if isinstance(error, StageFailed) else str(state.message)
    run.fail(node, text)


def _note_left_out(run: Run, node: Node) -> None:
    waited = [
        other.label
        for other in run.nodes
        if other.address in node.needs and other.address in run.problems
    ]
    run.fail(node, f"(needs {', '.join(waited)})", SKIPPED)


def _publish(run: Run, node: Node) -> None:
    from flows.artifacts import publish

    publish(run.root, node)


def _final(run: Run) -> State[Any]:
    """Print and store the summary; returns the flow run's state."""
    from prefect.states import Completed, Failed

    from flows.artifacts import publish_ledger

    lines = run.summary()
    publish_ledger(run.ledger, lines)
    for line in [*lines, "", *run.ledger.lines()]:
        run.print(line)
    if run.failed:
        return Failed(message="\n".join(lines))
    if not run.changed:
        return Completed(name="Cached", message=lines[0])
    return Completed(message=lines[0])


if __name__ == "__main__":
    sys.exit(main())

"""`python -m flows.retrain`: fetch again, rebuild, and release what is better than the champion."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.announce import announce
from flows.environment import use_prefect
from flows.pipeline import default_workers
from flows.retraining import FAILED, Settings, Verdict, checked, retrained
from flows.server import Server
from tasks.errors import BadPipeline, ThroughlineError

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import State

ROOT = Path()


def main(arguments: list[str] | None = None) -> int:
    """Retrain pipelines; 0, 1 when one failed, 2 for a user's mistake."""
    given = vars(_parser().parse_args(arguments))
    names = given.pop("names")
    use_prefect(ROOT)
    try:
        if given["seeds"] < 1:
            raise BadPipeline("--seeds must be 1 or more", given["seeds"])
        for name in names:
            checked(ROOT, name, Settings(**given))
        Server(ROOT).wait()
    except ThroughlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    flow = retrain_flow()
    states = [flow(name, **given, return_state=True) for name in names]
    return 0 if all(state.is_completed() for state in states) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.retrain", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="PIPELINE")
    parser.add_argument("--seeds", type=int, default=Settings.seeds, metavar="N")
    parser.add_argument("--release-without-evidence", action="store_true")
    parser.add_argument("--stop-on-drift", action="store_true")
    parser.add_argument("--no-commit", dest="commit", action="store_false")
    parser.add_argument("--push", action="store_true")
    parser.add_argument("--webhook", default="", metavar="URL")
    parser.add_argument("--workers", type=int, default=default_workers(), metavar="N")
    return parser


def retrain_flow() -> Flow[..., State[Any]]:
    """The Prefect flow; its final state is named for the verdict, Released, Kept or Unchanged."""
    from prefect import flow

    @flow(name="retrain", flow_run_name="retrain {name}", persist_result=False)
    def retrain(
        name: str,
        seeds: int = Settings.seeds,
        release_without_evidence: bool = False,
        stop_on_drift: bool = False,
        commit: bool = True,
        push: bool = False,
        webhook: str = "",
        workers: int | None = None,
    ) -> State[Any]:
        """Fetch a pipeline's source again and release what is better than the champion."""
        settings = Settings(
            seeds,
            release_without_evidence,
            stop_on_drift,
            commit,
            push,
            webhook,
            workers or default_workers(),
        )
        verdict = retrained(ROOT, name, settings)
        announce(asdict(verdict), settings.webhook)
        return _state(verdict)

    return retrain


def _state(verdict: Verdict) -> State[Any]:
    from prefect.states import Completed, Failed

    told = f"{verdict.release} {verdict.reason}".strip()
    if verdict.outcome == FAILED:
        return Failed(message=told)
    return Completed(name=verdict.outcome.capitalize(), message=told, data=asdict(verdict))


if __name__ == "__main__":
    sys.exit(main())

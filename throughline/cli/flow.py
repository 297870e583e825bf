"""`throughline flow` and `throughline retrain`: the project's flows, with a server of their own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from throughline.errors import BadPipeline, ThroughlineError
from throughline.releasing.retraining import Settings, checked
from throughline.running.environment import use_prefect
from throughline.running.flow import default_workers, execute, project_module
from throughline.running.server import Server

ROOT = Path()
# The exit code of a command that Ctrl-C ends, as shells give it.
STOPPED_BY_USER = 130


def flow(arguments: list[str] | None = None) -> int:
    """Run pipelines and return the exit code: 0, 1 when a stage failed, 2 for a user's mistake."""
    parser = argparse.ArgumentParser(prog="throughline flow", description=__doc__)
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


def retrain(arguments: list[str] | None = None) -> int:
    """Retrain pipelines; 0, 1 when one failed, 2 for a user's mistake."""
    given = vars(_retrain_parser().parse_args(arguments))
    names = given.pop("names")
    try:
        use_prefect(ROOT)
        if given["seeds"] < 1:
            raise BadPipeline("--seeds must be 1 or more", given["seeds"])
        for name in names:
            checked(ROOT, name, Settings(**given))
        project = project_module("flows.retrain", ROOT)
        Server(ROOT).wait()
    except ThroughlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    states = [project.retrain(name, **given, return_state=True) for name in names]
    return 0 if all(state.is_completed() for state in states) else 1


def _retrain_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="throughline retrain", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="PIPELINE")
    parser.add_argument("--seeds", type=int, default=Settings.seeds, metavar="N")
    parser.add_argument("--release-without-evidence", action="store_true")
    parser.add_argument("--stop-on-drift", action="store_true")
    parser.add_argument("--no-commit", dest="commit", action="store_false")
    parser.add_argument("--push", action="store_true")
    parser.add_argument("--webhook", default="", metavar="URL")
    parser.add_argument("--workers", type=int, default=default_workers(), metavar="N")
    return parser

"""Commands about a project and its pipeline files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from throughline.cli.arguments import (
    ANNOUNCED,
    FILE,
    JSON,
    PIPELINE,
    PIPELINES,
    QUIET,
    STAGE_AND_PIPELINE,
    STRICT,
    reading,
)
from throughline.errors import nearest, tell
from throughline.order import STAGES
from throughline.terminal import note, remark

ROOT = Path()


@click.command()
@click.argument("folder", default=".", metavar="[FOLDER]", type=FILE)
@click.option("--ci", is_flag=True, help="Also a GitHub workflow: builds, comments pull requests.")
@QUIET
def init(folder: Path, ci: bool) -> None:
    """Begin a project in a folder, default: this one.

    Writes what is not there yet and leaves all else as it is.
    """
    from throughline.project.init import initialised

    for line in initialised(folder, ci):
        note(line)


@click.command()
@click.argument("data", type=FILE)
@click.option("--target", metavar="COLUMN", help="To be predicted. Default: the likeliest.")
@click.option(
    "--as", "name", metavar="PIPELINE", help="Its name. Default: the target's, or the file's."
)
@reading
@QUIET
def add(data: Path, target: str | None, name: str | None, read: dict[str, Any]) -> None:
    """Make a pipeline of DATA: look at them, draft its file, check it.

    DATA is a file, a folder or a set of scikit-learn. What lies outside the project is copied to
    data/sources/ and tracked by DVC.
    """
    from throughline.cli.adding import added

    for line in added(ROOT, data, name, target, read):
        remark(line)


@click.command()
@PIPELINES
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Write a value into the pipeline's file first, as training.epochs=5.",
)
@STRICT
@QUIET
def run(names: tuple[str, ...], settings: tuple[str, ...], strict: bool) -> int:
    """Bring pipelines up to date, by default those that dvc.yaml needs.

    As `dvc repro`, after their files were checked and their dvc.yaml written. The exit code is 1
    when a stage failed, and with `--strict` when a gate does not hold.
    """
    from throughline.cli.commands.running import run

    return run(ROOT, list(names), strict, settings)


@click.command()
@PIPELINES
@JSON
@QUIET
def check(names: tuple[str, ...], as_json: bool) -> int:
    """Check pipeline files, all of them by default, without running anything."""
    from throughline.cli.check import check

    return check(ROOT, list(names), as_json)


@click.command()
@PIPELINES
@QUIET
def wire(names: tuple[str, ...]) -> None:
    """Write the dvc.yaml beside each pipeline file, as all commands do that need it."""
    from throughline.paths import existing, in_project, pipelines
    from throughline.stages.wire import wire

    in_project(ROOT)
    for name in names:
        existing(ROOT, name)
    for path in wire(ROOT, list(names) or pipelines(ROOT)):
        note(f"wrote {path}")


@click.command()
def code() -> None:
    """Write code.json: a digest, for each stage, of the code that it can run."""
    from throughline.stages.digests.code import refreshed

    path = refreshed(ROOT)
    # `throughline run` tells its stages by the names of pipelines; this one is nobody's.
    if ANNOUNCED not in os.environ:
        print(path)


@click.command()
def schema() -> None:
    """Write the JSON Schema of a pipeline file, for editors that complete and check it."""
    from throughline.cli.schema import write_schema

    print(f"wrote {write_schema(ROOT)}")


@click.command()
@STAGE_AND_PIPELINE
def why(words: tuple[str, ...]) -> None:
    """Say what would rerun, and which file, parameter or code causes it."""
    from throughline.running.why import why

    tell(why(ROOT, *_stage_and_pipeline(words)))


def _stage_and_pipeline(words: Sequence[str]) -> tuple[str | None, str | None]:
    """A stage and a pipeline, in whichever order somebody names one or both."""
    from throughline.paths import pipelines

    known = pipelines(ROOT)
    stages = [word for word in words if word in STAGES and word not in known]
    others = [word for word in words if word not in stages]
    if len(stages) > 1 or len(others) > 1:
        raise click.UsageError(f"One stage and one pipeline at most. Received: {' '.join(words)}.")
    if others and others[0] not in known:
        raise click.UsageError(
            f"'{others[0]}' is no stage and no pipeline. {nearest(others[0], [*known, *STAGES])}"
        )
    return next(iter(stages), None), next(iter(others), None)


@click.command()
@PIPELINE
def costs(name: str) -> None:
    """Print what each stage took as it last ran: seconds and peak memory."""
    from throughline.paths import existing
    from throughline.stages.costs import costs, table

    tell(table(costs(existing(ROOT, name))))


@click.command()
@PIPELINES
@click.option("--write", is_flag=True, help="Also into README.md and scoreboard.md.")
@click.option("--with", "beside", type=FILE, metavar="FOLDER", help="A project beside this one.")
@click.option("--output", type=FILE, metavar="FILE", help="Write the table there too.")
def scoreboard(
    names: tuple[str, ...], write: bool, beside: Path | None, output: Path | None
) -> None:
    """Hold the figures of all pipelines against those of the texts."""
    from throughline.evaluation.scoreboard import scoreboard
    from throughline.paths import pipelines, replaced

    table = scoreboard(ROOT, list(names) or pipelines(ROOT), write=write, beside=beside)
    if output:
        with replaced(output) as draft:
            draft.write_text(f"{table}\n", encoding="utf-8")
    tell(table)

"""Commands about a project and its pipeline files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from throughline.cli import STAGES
from throughline.cli.arguments import FILE, ONE_IF_ANY, PIPELINE, PIPELINES, STRICT, reading

ROOT = Path()


@click.command()
@click.argument("folder", default=".", metavar="[FOLDER]", type=FILE)
@click.option("--ci", is_flag=True, help="Also a GitHub workflow: builds, comments pull requests.")
def init(folder: Path, ci: bool) -> None:
    """Begin a project in a folder, default: this one.

    Writes what is not there yet and leaves all else as it is.
    """
    from throughline.project.init import initialised

    for line in initialised(folder, ci):
        print(line)


@click.command()
@click.argument("data", type=FILE)
@click.option("--target", metavar="COLUMN", help="To be predicted. Default: the likeliest.")
@click.option(
    "--as", "name", metavar="PIPELINE", help="Its name. Default: the target's, or the file's."
)
@reading
def add(data: Path, target: str | None, name: str | None, read: dict[str, Any]) -> None:
    """Make a pipeline of DATA: look at them, draft its file, check it.

    DATA is a file, a folder or a set of scikit-learn. What lies outside the project is copied to
    data/sources/ and tracked by DVC.
    """
    from throughline.cli.adding import added

    for line in added(ROOT, data, name, target, read):
        print(line)


@click.command()
@PIPELINES
@STRICT
def run(names: tuple[str, ...], strict: bool) -> int:
    """Bring pipelines up to date, by default those that dvc.yaml needs.

    As `dvc repro`, after their files were checked and their dvc.yaml written. The exit code is 1
    when a stage failed, and with `--strict` when a gate does not hold.
    """
    from throughline.cli.commands.running import run

    return run(ROOT, list(names), strict)


@click.command()
@PIPELINES
def check(names: tuple[str, ...]) -> int:
    """Check pipeline files, all of them by default, without running anything."""
    from throughline.cli.check import check

    return check(ROOT, list(names))


@click.command()
@PIPELINES
def wire(names: tuple[str, ...]) -> None:
    """Write the dvc.yaml beside each pipeline file, as all commands do that need it."""
    from throughline.paths import pipelines
    from throughline.stages.wire import wire

    for path in wire(ROOT, list(names) or pipelines(ROOT)):
        print(f"wrote {path}")


@click.command()
def code() -> None:
    """Write code.json: a digest, for each stage, of the code that it can run."""
    from throughline.stages.digests.code import refreshed

    print(refreshed(ROOT))


@click.command()
def schema() -> None:
    """Write the JSON Schema of a pipeline file, for editors that complete and check it."""
    from throughline.cli.check import write_schema

    print(f"wrote {write_schema(ROOT)}")


@click.command()
@click.argument("stage", required=False, type=click.Choice(list(STAGES)), metavar="[STAGE]")
@ONE_IF_ANY
def why(stage: str | None, name: str | None) -> None:
    """Say what would rerun, and which file, parameter or code causes it."""
    from throughline.running.why import why

    print(why(ROOT, stage, name))


@click.command()
@PIPELINE
def costs(name: str) -> None:
    """Print what each stage took as it last ran: seconds and peak memory."""
    from throughline.paths import Workspace
    from throughline.stages.costs import costs, table

    print(table(costs(Workspace(ROOT, name))))


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
    print(table)

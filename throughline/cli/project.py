"""Commands about a project and its pipeline files."""

from __future__ import annotations

from pathlib import Path

import click

from throughline.cli import STAGES
from throughline.cli.arguments import FILE, ONE_IF_ANY, PIPELINE, PIPELINES

ROOT = Path()


@click.command()
@click.argument("folder", default=".", metavar="[FOLDER]", type=FILE)
def init(folder: Path) -> None:
    """Begin a project in a folder, default: this one.

    Writes what is not there yet and leaves all else as it is.
    """
    from throughline.project.init import initialised

    for line in initialised(folder):
        print(line)


@click.command()
@PIPELINES
def check(names: tuple[str, ...]) -> int:
    """Check pipeline files, all of them by default, without running anything."""
    from throughline.cli.check import check

    return check(ROOT, list(names))


@click.command()
@PIPELINES
def wire(names: tuple[str, ...]) -> None:
    """Write the dvc.yaml beside each pipeline file."""
    from throughline.paths import pipelines
    from throughline.stages.wire import wire

    for path in wire(ROOT, list(names) or pipelines(ROOT)):
        print(f"wrote {path}")


@click.command()
def code() -> None:
    """Write code.json: a digest, for each stage, of the code that it can run."""
    from throughline.stages.code import refreshed

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

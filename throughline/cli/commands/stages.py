"""`throughline STAGE PIPELINE`: every `cmd:` of a pipeline's `dvc.yaml`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from throughline.cli.arguments import ANNOUNCED, PIPELINE, STRICT
from throughline.errors import BadPipeline, ThroughlineError
from throughline.order import STAGES
from throughline.paths import Workspace
from throughline.terminal import coloured, note


def _command(stage: str) -> click.Command:
    @click.command(stage, help=f"Run stage {stage} of a pipeline.")
    @PIPELINE
    def run(name: str) -> None:
        from throughline.cli.wiring import wire_first
        from throughline.stages.run import run_stage

        wire_first(Path(), name)
        if ANNOUNCED in os.environ:
            note(coloured(f"{name}: {stage}", "soft"))
        try:
            run_stage(stage, name, Path())
        except ThroughlineError:
            raise
        except Exception as error:
            raise _explained(name, error) from error

    return run


def _explained(name: str, error: Exception) -> Exception:
    """What `check` says of the pipeline's file, where a library failed of what stands in it."""
    from throughline.cli.check import problems_of

    problems = list(problems_of(Workspace(Path(), name)))
    return BadPipeline.of(problems) if problems else error


def __getattr__(name: str) -> click.Command:
    if name not in STAGES:
        raise AttributeError(name)
    return _command(name)


@click.command("evaluate", help="Run stage evaluate of a pipeline.")
@PIPELINE
@STRICT
@click.pass_context
def evaluate(context: click.Context, name: str, strict: bool) -> int:
    """The stage succeeds whatever its gates say; `--strict` makes a broken one the exit code."""
    from throughline.cli.commands.running import gates_broken
    from throughline.project.index import write_index

    context.invoke(_command("evaluate"), name=name)
    # The report leads to it. DVC, which may be running this stage, is not asked; and a record of
    # another pipeline that is broken is no fault of this one.
    with suppress(ThroughlineError):
        write_index(Path(), fresh=False)
    return int(strict and gates_broken(Path(), name))

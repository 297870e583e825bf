"""The command `throughline`: it knows where each command lies and imports the one that is called.

`throughline --help` imports click alone, `throughline predict` besides what runs a model.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from throughline.cli.command_groups import LazyGroup, refuse_code
from throughline.cli.ending import ended
from throughline.order import STAGES
from throughline.processes import NO_CODE, need_home
from throughline.processor import fix
from throughline.terminal import quieten

PROGRAM = "throughline"
# Set by the shell that asks how a word may go on.
COMPLETE = "_THROUGHLINE_COMPLETE"

# For each command the module of `commands` that holds it, and what the help says of it.
SECTIONS = {
    "Run models": {
        "predict": ("serving", "answer the rows of a file"),
        "generate": ("serving", "go on writing a text"),
        "stream": ("serving", "answer a series row by row"),
        "nearest": ("serving", "find the training pictures most like"),
    },
    "Project": {
        "init": ("project", "begin a project in a folder"),
        "add": ("project", "make a pipeline of data"),
        "run": ("project", "bring pipelines up to date, by DVC"),
        "list": ("look", "list pipelines, their figures and gates"),
        "status": ("look", "as list, and say what would rerun"),
        "compare": ("look", "hold figures and gates against those of a revision"),
        "open": ("look", "open a report in the browser"),
        "try": ("look", "ask a model in the browser"),
        "doctor": ("look", "look at the surroundings, say what to mend"),
        "check": ("project", "check pipeline files; nothing runs"),
        "wire": ("project", "write the dvc.yaml beside pipeline files"),
        "why": ("project", "say what would rerun, and what caused it"),
        "costs": ("project", "seconds and peak memory of each stage"),
        "scoreboard": ("project", "hold all figures against the texts'"),
        "schema": ("project", "write the JSON Schema of pipeline files"),
        "code": ("project", "write code.json: digests of the code"),
    },
    "Data": {
        "profile": ("data", "look at data, write a first pipeline file"),
        "readmit": ("data", "mend quarantined rows and take them back"),
        "canary": ("data", "prove that test rows reach nothing that is fitted"),
        "drift": ("data", "compare new rows with those of the training"),
        "decode": ("data", "print training texts as the network sees them"),
        "vectors": ("data", "look at the word vectors of a source"),
    },
    "Model files": {
        "inspect": ("model", "describe a model file"),
        "parity": ("model", "hold model files against their networks"),
    },
    "One stage of a pipeline; `dvc repro` runs them all": {
        name: ("stages", said) for name, said in STAGES.items()
    },
    "Flows and schedules": {
        "flow": ("flow", "run pipelines in parallel, as a Prefect flow"),
        "retrain": ("flow", "fetch again, release what is better"),
        "deploy": ("deploy", "start or end schedules: up, down, apply"),
    },
    "Releases": {
        "release": ("release", "create, push, promote, approve, rollback, list"),
        "reproduce": ("release", "rebuild a release, prove it equal"),
        "lineage": ("release", "what a released model came from"),
    },
}


# What they call is the project's own: `cmd` of any dvc.yaml, flows/, tasks/.
CODE = ("run", "flow", "retrain", "deploy", "reproduce")

EPILOG = """\b
A project of your own:
  throughline init shop && cd shop
  throughline add ../customers.csv --target churned
  throughline run churned
  throughline try churned

Exit codes: 0 done; 1 the answer is no (a stage failed, a column drifted, a file departs, a
gate is broken and --strict asks for it); 2 a mistake, told in a line each; 130 after Ctrl-C; 141
where the reader of the output went away.
"""


@click.command(
    cls=LazyGroup,
    package="throughline.cli.commands",
    sections=SECTIONS,
    epilog=EPILOG,
    name=PROGRAM,
)
@click.version_option(package_name="throughline", message="%(prog)s %(version)s")
@click.option("--no-code", is_flag=True, help="Run no function of a project's own.")
@click.option("-q", "--quiet", is_flag=True, help="Say results and errors alone.")
@click.pass_context
def throughline(context: click.Context, no_code: bool, quiet: bool) -> None:
    """From raw rows to a validated, versioned ONNX model, and what runs it."""
    if no_code:
        os.environ[NO_CODE] = "1"
    refuse_code(context.invoked_subcommand, CODE, "commands, flows or tasks of the project")
    if quiet:
        quieten()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 when all went well, 2 for a user's mistake.

    Args:
        arguments: its words. Default: those of the command line.
    """
    if COMPLETE in os.environ:
        throughline.main(prog_name=PROGRAM)
    words = sys.argv[1:] if arguments is None else list(arguments)
    return ended(lambda: _called(words))


def _called(words: list[str]) -> object:
    """What a command returns; click's own `main` would end the process where a pipe is closed."""
    need_home()
    # Before anything loads numpy.
    fix()
    try:
        with throughline.make_context(PROGRAM, words) as context:
            return throughline.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code

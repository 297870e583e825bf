"""Arguments and options that several commands take."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from throughline.errors import nearest
from throughline.names import BadName, named
from throughline.terminal import quieten

# The file or the folder of a pipeline.
PATH = re.compile(r"(?:.*/)?pipelines/([^/]+)(?:/(?:pipeline\.yaml|dvc\.yaml)?)?")


def _checked(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse what is no name before the command does anything with it."""
    for name in value if isinstance(value, tuple) else filter(None, [value]):
        if meant := PATH.fullmatch(name):
            raise BadName(
                "A pipeline is called by its name", repr(name), f"Did you mean '{meant[1]}'?"
            )
        named(name, "The name of a pipeline")
    return value


class Choice(click.Choice[str]):
    """One of some words; another one is answered with the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word itself."""
        if value in self.choices:
            return str(value)
        self.fail(f"'{value}' is not one of them. {nearest(str(value), self.choices)}", param, ctx)


def _quieten(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        quieten()


# Set where a stage shall say that it begins, because nothing else does.
ANNOUNCED = "THROUGHLINE_ANNOUNCED"
# Keys of `source.read` that have an option.
READ = ("separator", "decimal", "thousands", "encoding", "header", "skip_rows", "missing")
FILE = click.Path(path_type=Path)
PIPELINE = click.argument("name", metavar="PIPELINE", callback=_checked)
ONE_IF_ANY = click.argument("name", required=False, metavar="[PIPELINE]", callback=_checked)
PIPELINES = click.argument("names", nargs=-1, metavar="[PIPELINE]...", callback=_checked)
STAGE_AND_PIPELINE = click.argument(
    "words", nargs=-1, metavar="[STAGE] [PIPELINE]", callback=_checked
)
SOME_PIPELINES = click.argument(
    "names", nargs=-1, required=True, metavar="PIPELINE...", callback=_checked
)
RELEASE = click.argument("release", metavar="NAME@VERSION")
QUIET = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_quieten,
    help="Say results and errors alone.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
STRICT = click.option("--strict", is_flag=True, help="Exit code 1 where a gate does not hold.")
COMMIT = click.option("--commit/--no-commit", default=True, help="Commit the record, or leave it.")


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say how a file is read; the command gets them as `read`, of `source.read`."""

    @click.option(
        "--separator", help="Between the fields of a CSV file. Default: told by the file."
    )
    @click.option("--decimal", type=Choice([".", ","]), help="Mark of decimals.")
    @click.option("--thousands", help="Mark between thousands.")
    @click.option("--encoding", help="Of a file of text.")
    @click.option("--header/--no-header", default=None, help="Whether the first row names columns.")
    @click.option("--skip-rows", type=int, help="Lines above the header.")
    @click.option("--missing", multiple=True, help="A text that means missing; may be repeated.")
    @wraps(command)
    def run(*words: Any, **named_words: Any) -> Any:
        given = {key: named_words.pop(key) for key in READ}
        read = {key: value for key, value in given.items() if value not in (None, ())}
        if len(read.get("separator", ",")) != 1:
            raise click.BadParameter(
                f"A separator is one character. Received: {read['separator']!r}.",
                param_hint="'--separator'",
            )
        if "missing" in read:
            read["missing"] = list(read["missing"])
        return command(*words, read=read, **named_words)

    return run

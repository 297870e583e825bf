"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from throughline.names import named


def _checked(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse what is no name before the command does anything with it."""
    for name in value if isinstance(value, tuple) else filter(None, [value]):
        named(name, "The name of a pipeline")
    return value


# Set where a stage shall say that it begins, because nothing else does.
ANNOUNCED = "THROUGHLINE_ANNOUNCED"
FILE = click.Path(path_type=Path)
PIPELINE = click.argument("name", metavar="PIPELINE", callback=_checked)
ONE_IF_ANY = click.argument("name", required=False, metavar="[PIPELINE]", callback=_checked)
PIPELINES = click.argument("names", nargs=-1, metavar="[PIPELINE]...", callback=_checked)
SOME_PIPELINES = click.argument(
    "names", nargs=-1, required=True, metavar="PIPELINE...", callback=_checked
)
RELEASE = click.argument("release", metavar="NAME@VERSION")
COMMIT = click.option("--commit/--no-commit", default=True, help="Commit the record, or leave it.")

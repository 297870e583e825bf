"""Commands that run a model: they need onnxruntime, numpy and click, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from throughline.cli.arguments import FILE, Choice
from throughline.errors import ThroughlineError

# Of seconds, and of GB.
MOST = 1e6


class Bound(click.ParamType[float]):
    """A finite number above nought: what is none, such as nan, would bound nothing."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> float:
        """The number that a word of the command line says."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number <= MOST:
            self.fail(f"{value!r} must be a number above 0 and at most {MOST:g}", param, context)
        return number


MODEL = click.argument("model", type=FILE, metavar="MODEL|PIPELINE")
OUTPUT = click.option(
    "-o", "--output", type=FILE, help="Ends in .csv, .jsonl or .parquet. Default: the screen."
)


def bounded(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """A command that runs a model of anybody's: it ends in time, with a line, within memory."""

    @click.option(
        "--seconds", type=Bound(), default=60.0, show_default=True, help="For 64 rows, and to load."
    )
    @click.option("--memory", type=Bound(), help="In GB. Default: three quarters of the machine's.")
    @wraps(command)
    def run(seconds: float, memory: float | None, **words: Any) -> int | None:
        from throughline.serving.bounds import stranger

        place = words.get("model") or words["folder"]
        most = int(memory * 1e9) if memory else None
        with stranger(place, seconds, most, passes=(ThroughlineError,)):
            return command(**words)

    return run


@click.command()
@MODEL
@click.argument("files", nargs=-1, type=FILE, metavar="ROWS | FILE...")
@click.option("--image", "kind", flag_value="image", help="The files are images; - reads one.")
@click.option("--sound", "kind", flag_value="sound", help="The files are wav files.")
@click.option("--text", "kind", flag_value="text", help="The files are texts, one each.")
@OUTPUT
@click.option(
    "--device",
    type=Choice(["auto", "cpu", "gpu"]),
    default="cpu",
    show_default=True,
    help="What answers; auto takes a GPU where one does.",
)
@click.option("--keep", multiple=True, metavar="COLUMN", help="Of the rows, to write beside.")
@click.option("--strict", is_flag=True, help="Refuse rows outside the training's ranges.")
@bounded
def predict(
    model: Path,
    files: tuple[Path, ...],
    kind: str | None,
    output: Path | None,
    device: str,
    keep: tuple[str, ...],
    strict: bool,
) -> int | None:
    """Answer the rows of a file, or files of images, sounds or texts.

    ROWS is CSV with a header, JSON lines or Parquet; - reads the standard input. Images and wav
    files are known by their endings. The exit code is 1 where such a file could not be answered.
    """
    from throughline.serving import commands
    from throughline.serving.errors import BadRequest
    from throughline.serving.rows.media.media_files import kind_of

    kind = kind or kind_of(files)
    if kind and (keep or strict):
        raise BadRequest(f"--keep and --strict are for files of rows. Leave them with --{kind}.")
    if kind and files:
        return commands.predict_files(model, list(files), output, device, kind)
    if len(files) != 1:
        raise BadRequest(
            "Give one file of rows, or --image, --sound or --text and one or more of such files."
        )
    commands.predict(model, files[0], output, device, keep, strict)
    return None


@click.command()
@MODEL
@click.option("--start", required=True, help="The first characters or words.")
@click.option("--temperature", default=1.0, show_default=True)
@click.option("--count", default=10, show_default=True, help="How many texts.")
@click.option("--longest", default=20, show_default=True, help="How many tokens to add at most.")
@click.option("--seed", default=0, show_default=True)
@bounded
def generate(
    model: Path, start: str, temperature: float, count: int, longest: int, seed: int
) -> None:
    """Go on writing a text, one text a line."""
    from throughline.serving.commands import generate

    generate(model, start, temperature, count, longest, seed)


@click.command()
@MODEL
@click.argument("rows")
@bounded
def stream(model: Path, rows: str) -> None:
    """Answer a series row by row.

    MODEL is a forecaster; ROWS a CSV file with a header, - reads the standard input.
    """
    from throughline.serving.commands import stream

    stream(model, rows)


@click.command()
@click.argument("folder", type=FILE)
@click.option("--image", required=True, type=FILE, metavar="FILE")
@click.option("--count", default=8, show_default=True, help="How many pictures.")
@OUTPUT
@bounded
def nearest(folder: Path, image: Path, count: int, output: Path | None) -> None:
    """Find the training pictures most like an image file.

    FOLDER is models/NAME/nearest.
    """
    from throughline.serving.commands import nearest

    nearest(folder, image, count, output)

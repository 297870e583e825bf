"""Commands that look at data: before a training, at its rows, after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from throughline.cli.arguments import FILE, PIPELINE, Choice, reading
from throughline.errors import ThroughlineError, printable, tell

ROOT = Path()


@click.command()
@click.argument("data", type=FILE)
@click.option("--as", "name", required=True, metavar="PIPELINE", help="Its name.")
@click.option("--target", metavar="COLUMN", help="Default: the likeliest.")
@reading
def profile(data: Path, name: str, target: str | None, read: dict[str, Any]) -> None:
    """Look at DATA and write a first pipeline file.

    DATA is a file, a folder or a set of scikit-learn. What was guessed of it is printed, each guess
    with the key of the pipeline file that changes it.
    """
    from throughline.limits import guarded
    from throughline.paths import Workspace
    from throughline.profile.profile import profile

    with guarded(str(data), timed=False):
        found = profile(data, name, target, Workspace(ROOT, name), read)
    for line in found.guesses:
        tell(line)
    for path in found.written:
        print(f"wrote {path}")


@click.command()
@PIPELINE
def readmit(name: str) -> None:
    """Write quarantined rows out to be mended, or take the mended ones back."""
    from throughline.cli.commands.readmit import readmit
    from throughline.paths import existing

    existing(ROOT, name)
    tell(readmit(ROOT, name))


@click.command()
@PIPELINE
@click.option("--train", is_flag=True, help="Also cross-validate, train and export on both copies.")
def canary(name: str, train: bool) -> None:
    """Prove that test rows reach nothing that is fitted."""
    from throughline.canary.canary import canary
    from throughline.paths import existing

    proof = canary(name, existing(ROOT, name), train)
    print(
        f"{name}: {proof.corrupted_rows} test rows corrupted; {proof.files} files of the "
        f"training side and {proof.folds} folds did not move"
    )
    if proof.others:
        print(f"Not looked at, for they train on some of these rows: {', '.join(proof.others)}")


@click.command()
@click.argument("name", metavar="PIPELINE|MODEL")
@click.argument("data", metavar="ROWS", type=FILE)
def drift(name: str, data: Path) -> int:
    """Compare new rows with the rows of the training.

    ROWS is a file, or a folder of pictures or sounds where the model takes such. Prints the
    columns that drifted; the exit code is 1 when there is one.
    """
    from throughline.drift.drift import drift
    from throughline.limits import guarded
    from throughline.paths import existing
    from throughline.serving.bounds import ROW_BYTES, allow, stranger

    if not name.endswith(".onnx"):
        existing(ROOT, name)
    with stranger(Path(name), passes=(ThroughlineError,)), guarded(str(data)):
        held = data.rglob("*") if data.is_dir() else [data]
        allow(sum(file.stat().st_size for file in held if file.is_file()) / ROW_BYTES)
        found = drift(name, data, ROOT)
    beyond = [entry for entry in found if entry.beyond]
    for entry in beyond:
        print(printable(f"{entry.column}: {', '.join(entry.beyond)}"))
    for entry in found:
        if entry.note:
            print(printable(f"{entry.column}: {entry.note}"))
    print(f"{len(beyond)} of {len(found)} columns drifted")
    return 1 if beyond else 0


@click.command()
@PIPELINE
@click.option("--rows", default=5, show_default=True, help="How many texts.")
def decode(name: str, rows: int) -> None:
    """Print training texts as the network sees them."""
    from throughline.cli.commands.decode import decode
    from throughline.paths import existing

    tell("\n".join(decode(existing(ROOT, name), rows)))


@click.command()
@PIPELINE
@click.argument("action", type=Choice(("nearest", "analogy", "projector")))
@click.argument("words", nargs=-1, required=True)
@click.option("--count", default=5, show_default=True, help="How many words.")
def vectors(name: str, action: str, words: tuple[str, ...], count: int) -> None:
    """Look at the word vectors of a pipeline's source.

    WORDS is one word for `nearest`, three for `analogy`, a folder for `projector`.
    """
    from throughline.cli.commands.vectors import vectors
    from throughline.paths import existing

    vectors(existing(ROOT, name), action, list(words), count)

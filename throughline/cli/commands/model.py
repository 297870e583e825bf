"""Commands that look at model files."""

from __future__ import annotations

from pathlib import Path

import click

from throughline.cli.arguments import PIPELINE
from throughline.cli.commands.serving import MODEL, bounded
from throughline.errors import tell


@click.command()
@MODEL
@click.option(
    "--contract",
    "--json",
    "contract",
    is_flag=True,
    help="As JSON: inputs, ranges, categories, units, answers.",
)
@bounded
def inspect(model: Path, contract: bool) -> None:
    """Print inputs, outputs, operators and size of a model file."""
    if contract:
        from throughline.serving.commands import print_contract

        print_contract(model)
        return
    from throughline.export.proof.inspection import describe
    from throughline.serving.commands import model_file

    print(describe(model_file(model)))


@click.command()
@PIPELINE
@click.option("--rows", default=1000, show_default=True, help="How many test rows at most.")
def parity(name: str, rows: int) -> int:
    """Hold model files against their networks on real test rows, by two runtimes.

    The exit code is 1 when a file departs from its network.
    """
    from throughline.cli.commands.parity import parity, table

    checks = parity(name, Path(), rows)
    tell(table(checks))
    return 1 if any(check.passed is False for check in checks) else 0

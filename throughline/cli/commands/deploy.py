"""`throughline deploy`: schedules of prefect.yaml, on a server and a worker of this machine."""

from __future__ import annotations

from pathlib import Path

import click

from throughline.cli.arguments import FILE
from throughline.cli.command_groups import Group

ROOT = Path()
PORT = 4200
DEPLOYMENTS = click.option(
    "--file",
    default="prefect.yaml",
    show_default=True,
    type=FILE,
    help="The deployments.",
)


@click.group(cls=Group)
def deploy() -> None:
    """Schedules of prefect.yaml, on a server and a worker of this machine."""


def _with_prefect() -> Path:
    """The project, once Prefect's settings are those of it."""
    from throughline.running.prefect.environment import use_prefect

    use_prefect(ROOT)
    return ROOT.resolve()


@deploy.command()
@click.option("--port", default=PORT, show_default=True, help="Of the server.")
@DEPLOYMENTS
def up(port: int, file: Path) -> None:
    """Start server, worker and schedules."""
    from throughline.running.prefect.deploy import started

    print(started(_with_prefect(), port, file))


@deploy.command()
def down() -> None:
    """End what `up` started."""
    from throughline.running.prefect.deploy import ended

    print(ended(_with_prefect()))


@deploy.command()
@DEPLOYMENTS
@click.option(
    "--pool",
    type=FILE,
    metavar="FILE",
    help="Such as pools/docker.yaml. Default: processes of this machine.",
)
@click.option("--prune", is_flag=True, help="Remove what the file no longer has.")
@click.option("--resume", is_flag=True, help="Start what a person paused.")
def apply(file: Path, pool: Path | None, prune: bool, resume: bool) -> None:
    """Make the server in use do what prefect.yaml says, and tell what changed."""
    from throughline.running.prefect.deploy import apply_to
    from throughline.running.prefect.server import joined

    root = _with_prefect()
    for line in apply_to(root, joined(ROOT), file, pool, prune=prune, resume=resume):
        print(line)

"""Groups of commands: found by name, imported when called."""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Mapping
from typing import Any

import click

from throughline.errors import nearest
from throughline.processes import NO_CODE


def refuse_code(command: str | None, running: Collection[str], what: str) -> None:
    """Refuse a command that runs a stranger's programs where --no-code was said.

    Args:
        command: as it was called.
        running: those that run any.
        what: they run, for the message.

    Raises:
        click.UsageError: it is one of them.
    """
    if os.environ.get(NO_CODE) and command in running:
        raise click.UsageError(
            f"'{command}' runs {what}. Leave out --no-code if you trust the project."
        )


class Group(click.Group):
    """Commands of which a mistyped name is answered with the nearest; alone it shows its help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where nothing is asked for; that is no mistake."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names.

        Raises:
            click.UsageError: there is none; names the nearest.
        """
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-"):
            remedy = nearest(name, self.list_commands(ctx))
            raise click.UsageError(f"No such command '{name}'. {remedy}", ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """Commands that are imported when they are called; its own help imports none of them.

    Args:
        package: holds the modules with the commands.
        sections: for each section of the help its commands; for each of those the module, which
            has a command of that name, and what the help says of it.
    """

    def __init__(
        self,
        *args: Any,
        package: str,
        sections: Mapping[str, Mapping[str, tuple[str, str]]],
        **others: Any,
    ) -> None:
        super().__init__(*args, **others)
        self._package = package
        self._sections = sections
        self._modules = {
            name: module for held in sections.values() for name, (module, _) in held.items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._modules:
            return None
        module = importlib.import_module(f"{self._package}.{self._modules[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections of the help."""
        # One column for all sections, so that the eye finds a name.
        width = max(map(len, self._modules))
        for title, commands in self._sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), text) for name, (_, text) in commands.items()]
                )

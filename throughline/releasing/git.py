"""The few questions that flows put to git."""

from __future__ import annotations

import subprocess
from pathlib import Path

from throughline.errors import ThroughlineError


class GitRefused(ThroughlineError):
    """Git could not do what was asked; its own words say why."""


def git(root: Path, *arguments: str) -> str:
    """What git prints.

    Raises:
        GitRefused: there is no git, no repository, or the command failed.
    """
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise GitRefused("git must be installed") from None
    except subprocess.CalledProcessError as error:
        words = " ".join(error.stderr.split())
        raise GitRefused(f"git {arguments[0]} must succeed", words) from None
    return done.stdout.strip()


def commit(root: Path) -> str:
    """The commit that is checked out."""
    return git(root, "rev-parse", "HEAD")


def prefix(root: Path) -> str:
    """The project's place in its git repository, such as `textbooks/`; empty at the top."""
    return git(root, "rev-parse", "--show-prefix")


def changed_files(root: Path, *paths: str) -> list[str]:
    """Files below `paths` that differ from the commit, new ones included."""
    told = git(root, "status", "--porcelain", "--untracked-files=all", "--", *paths)
    return [line.split(maxsplit=1)[1] for line in told.splitlines()]

"""The few questions that flows put to git."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from throughline.errors import ThroughlineError
from throughline.processes import git_command


class GitRefused(ThroughlineError):
    """Git could not do what was asked; its own words say why."""


class NoGit(GitRefused):
    """There is no git on this machine."""


def git(root: Path, *arguments: str, **variables: str) -> str:
    """What git prints.

    Args:
        root: where it works.
        arguments: its words.
        variables: of its environment, beside those of this process.

    Raises:
        GitRefused: there is no git, no repository, or the command failed.
    """
    return _ran(root, arguments, variables).stdout.strip()


def signer(root: Path, tag: str) -> str:
    """The address of whose valid signature a tag carries, as git and its settings know keys.

    For ssh that is the name which `gpg.ssh.allowedSignersFile` gives a key, for OpenPGP and X.509
    the address of the key's first user.

    Raises:
        GitRefused: it has no signature, or none that git accepts; its own words say why.
    """
    words = _ran(root, ("verify-tag", "--raw", tag), {}).stderr
    found = re.search(r'^Good "git" signature for (.+) with \S+ key ', words, re.MULTILINE)
    found = found or re.search(r"^\[GNUPG:\] GOODSIG .*<(.+)>$", words, re.MULTILINE)
    if not found:
        raise GitRefused(f"git verify-tag {tag} must say who signed it", " ".join(words.split()))
    return found[1]


def _ran(
    root: Path, arguments: Sequence[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Git's run that succeeded; raises as `git`."""
    try:
        return subprocess.run(
            [*git_command(), *arguments],
            cwd=root,
            # Nobody sits at a nightly run to type a password.
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        raise NoGit("Git must be installed for this", "no program 'git'", "Install it") from None
    except subprocess.CalledProcessError as error:
        # A hook may say nothing, or say it on the wrong channel.
        words = " ".join((error.stderr or error.stdout).split())
        message = words or f"exit code {error.returncode}"
        if "not a git repository" in message:
            raise GitRefused(
                "Releases need a git repository",
                "none here",
                "Run `git init` and `dvc config --unset core.no_scm`, and commit the project",
            ) from None
        raise GitRefused(f"git {arguments[0]} must succeed", message) from None


def require_identity(root: Path) -> None:
    """Make sure, before hours of work, that git knows in whose name it commits.

    Raises:
        GitRefused: it does not; says how to tell it.
    """
    try:
        for person in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
            git(root, "var", person)
    except NoGit:
        raise
    except GitRefused as error:
        raise GitRefused(
            "Git must know who commits a release",
            str(error),
            "Run `git config user.name NAME` and `git config user.email ADDRESS`, or add "
            "--no-commit",
        ) from None


def commit(root: Path) -> str:
    """The commit that is checked out."""
    return git(root, "rev-parse", "HEAD")


def prefix(root: Path) -> str:
    """The project's place in its git repository, such as `textbooks/`; empty at the top."""
    return git(root, "rev-parse", "--show-prefix")


def changed_files(root: Path, *paths: str) -> list[str]:
    """Files below `paths` that differ from the commit, new ones included."""
    changes = git(root, "status", "--porcelain", "--untracked-files=all", "--", *paths)
    return [line.split(maxsplit=1)[1] for line in changes.splitlines()]

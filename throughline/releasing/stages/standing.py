"""Stages that releases stand in, such as `production`, as git tags that GTO and DVC read.

`pipelines/iris=model#production#3` is the third assignment of the artifact; it points at the commit
of a release. The newest one of a stage says which version stands there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from throughline.errors import BadPipeline
from throughline.names import STAGE
from throughline.releasing import releases
from throughline.releasing.git import git, prefix

FIELDS = "%09".join(
    ("%(refname:strip=2)", "%(*objectname)", "%(taggerdate:unix)", "%(taggername) %(taggeremail)",
     "%(contents:subject)")
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Assignment:
    """One release put into one stage: its number, who did it, when (seconds since 1970), why."""

    number: int
    stage: str
    commit: str
    seconds: int
    who: str
    message: str


def named_stage(stage: str) -> str:
    """`stage` itself, once it is certain that a tag can hold it.

    Raises:
        BadPipeline: it is no name of a stage.
    """
    if not re.fullmatch(STAGE, stage):
        raise BadPipeline("A stage has small letters, digits and dashes, as `production`", stage)
    return stage


def standing_versions(root: Path, name: str) -> dict[str, str]:
    """The stages of a pipeline with the version that stands in each."""
    versions = _versions(root, name)
    newest = {each.stage: each.commit for each in assignments(root, name)}
    return {stage: versions[commit] for stage, commit in newest.items() if commit in versions}


def history(root: Path, name: str, stage: str) -> list[str]:
    """The versions that a stage has held, in turn."""
    versions = _versions(root, name)
    return [
        versions[each.commit]
        for each in assignments(root, name)
        if each.stage == stage and each.commit in versions
    ]


def assign(root: Path, name: str, version: str, stage: str, message: str) -> None:
    """Say in git that a version stands in a stage from now on.

    Raises:
        BadPipeline: the release has no tag.
        GitRefused: git makes no tag.
    """
    commit, known = releases.tagged(root, name, version), assignments(root, name)
    number = max((each.number for each in known), default=0) + 1
    # DVC and GTO take the latest, we the one with the highest number: a second person's clock may
    # be slow.
    seconds = max(int(time.time()), *(each.seconds + 1 for each in known), 0)
    assigned = f"{artifact(root, name)}#{stage}#{number}"
    git(root, "tag", "--annotate", "--message", message, assigned, commit,
        GIT_COMMITTER_DATE=f"@{seconds} +0000")  # fmt: skip


def assignments(root: Path, name: str) -> list[Assignment]:
    """All assignments of a pipeline's releases, the first first."""
    return sorted(_assignments(root, name))


def _assignments(root: Path, name: str) -> Iterator[Assignment]:
    beginning = artifact(root, name)
    listing = git(root, "tag", "--list", f"--format={FIELDS}", f"{beginning}#*")
    for line in listing.splitlines():
        tag, commit, seconds, who, message = line.split("\t", 4)
        # Others may have made tags by GTO itself, also some that take a stage back.
        parts = re.fullmatch(r"#([^#!]+)#([0-9]+)", tag.removeprefix(beginning))
        if parts and commit:
            yield Assignment(int(parts[2]), parts[1], commit, int(seconds or 0), who, message)


def _versions(root: Path, name: str) -> dict[str, str]:
    """The released versions by the commits that their tags point at."""
    beginning = releases.tag(root, name, "")
    listing = git(root, "tag", "--list", "--format=%(refname:strip=2)%09%(*objectname)",
                  f"{beginning}v*")  # fmt: skip
    found = (line.split("\t", 1) for line in listing.splitlines())
    return {commit: tag.removeprefix(beginning) for tag, commit in found if commit}


def artifact(root: Path, name: str) -> str:
    """How GTO names a pipeline's model: from the top of the git repository."""
    return f"{prefix(root)}pipelines/{name}=model"

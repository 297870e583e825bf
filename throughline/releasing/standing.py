"""Stages that releases stand in, such as `production`, as git tags that GTO and DVC read.

`pipelines/iris=model#production#3` is the third assignment of the artifact; it points at the commit
of a release. The newest one of a stage says which version stands there.
"""

from __future__ import annotations

import re
from pathlib import Path

from throughline.errors import BadPipeline
from throughline.releasing import releases
from throughline.releasing.git import git, prefix

STAGE = re.compile(r"[a-z][a-z0-9-]{0,39}(?<!-)")


def promoted(root: Path, release: str, stage: str) -> str:
    """Put a released version into a stage; an older one is how a stage is rolled back.

    Args:
        root: the repository.
        release: `NAME@VERSION`.
        stage: such as `staging` or `production`.

    Returns:
        What changed, as a line.

    Raises:
        ThroughlineError: no such release, no name of a stage, the release has no tag, or it stands
            there already.
    """
    name, version = releases.parsed(release)
    releases.read(root, name, version)
    if not STAGE.fullmatch(stage):
        raise BadPipeline("A stage has small letters, digits and dashes, as `production`", stage)
    tag = releases.tag(root, name, version)
    if not git(root, "tag", "--list", tag):
        raise BadPipeline("A release must be committed and tagged to stand in a stage", release)
    before = held(root, name).get(stage)
    if before == version:
        raise BadPipeline(f"Another version than that in {stage} was expected", release)
    number = max((count for count, _, _ in _assignments(root, name)), default=0) + 1
    commit = git(root, "rev-list", "-n", "1", tag)
    assigned = f"{_artifact(root, name)}#{stage}#{number}"
    message = f"Promote {release} to {stage}"
    git(root, "tag", "--annotate", "--message", message, assigned, commit)
    return f"{name}: {stage} {before or 'empty'} → {version}"


def held(root: Path, name: str) -> dict[str, str]:
    """The stages of a pipeline with the version that stands in each."""
    newest = {stage: commit for _, stage, commit in sorted(_assignments(root, name))}
    versions = {
        git(root, "rev-list", "-n", "1", tag): tag.rpartition("@")[2]
        for tag in git(root, "tag", "--list", releases.tag(root, name, "v*")).split()
    }
    return {stage: versions[commit] for stage, commit in newest.items() if commit in versions}


def _assignments(root: Path, name: str) -> list[tuple[int, str, str]]:
    """Number, stage and commit of each assignment."""
    artifact = _artifact(root, name)
    listing = git(root, "tag", "--list", "--format=%(refname:strip=2) %(*objectname)",
                  f"{artifact}#*")  # fmt: skip
    found = []
    for line in listing.splitlines():
        tag, _, commit = line.partition(" ")
        # Others may have made tags by GTO itself, also some that take a stage back.
        parts = re.fullmatch(r"#([^#!]+)#([0-9]+)", tag.removeprefix(artifact))
        if parts:
            found.append((int(parts[2]), parts[1], commit))
    return found


def _artifact(root: Path, name: str) -> str:
    return f"{prefix(root)}pipelines/{name}=model"

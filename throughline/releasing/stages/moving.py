"""Moving a stage from one release to another: promotion, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from throughline.errors import BadPipeline, RefusedByGate
from throughline.names import PRODUCTION
from throughline.releasing import releases
from throughline.releasing.git import require_identity
from throughline.releasing.promotion import assign_champion, commit_records, fetched_champion
from throughline.releasing.stages.approval import approver, proof
from throughline.releasing.stages.lacks import APPROVAL, lacking
from throughline.releasing.stages.standing import assign, history, named_stage, standing_versions
from throughline.releasing.transaction import all_or_nothing


def promoted(root: Path, release: str, stage: str) -> str:
    """Put a released version into a stage that asks for nothing it lacks.

    What stands in production is the champion.

    Args:
        root: the repository.
        release: `NAME@VERSION`.
        stage: such as `staging` or `production`.

    Returns:
        What changed, as a line.

    Raises:
        RefusedByGate: the release lacks what the stage asks for; names all of it.
        ThroughlineError: no such release, no name of a stage, the release has no tag, it stands
            there already, or its model is nowhere to be had. All is as before then.
    """
    require_identity(root)
    name, version = releases.parsed(release)
    record = releases.read(root, name, version)
    named_stage(stage)
    releases.tagged(root, name, version)
    lacks = lacking(root, record, stage)
    if lacks:
        raise RefusedByGate(
            f"{release} must have all that {stage} asks for; it lacks {', '.join(lacks)}",
            remedy=f"Somebody else says `throughline release approve {release} {stage}`"
            if APPROVAL in lacks
            else "",
        )
    line = _moved(root, record, stage, True, "Promote")
    who = approver(root, name, version, stage)
    return f"{line}; approved by {who}, {proof(root, name, version, stage)}" if who else line


def rolled_back(root: Path, release: str, stage: str = PRODUCTION, committed: bool = True) -> str:
    """Put a version back into a stage that it stood in before, whatever that asks for by now.

    Args:
        root: the repository.
        release: `NAME@VERSION`.
        stage: Default: production, and so the champion.
        committed: also commit and tag it, which stages but production cannot do without.

    Returns:
        What changed, as a line.

    Raises:
        ThroughlineError: as `promoted`, or it never stood there.
    """
    name, version = releases.parsed(release)
    record = releases.read(root, name, version)
    named_stage(stage)
    if committed:
        require_identity(root)
    elif stage != PRODUCTION:
        raise BadPipeline("A stage is a git tag", "--no-commit", "Leave it out")
    stood = [*history(root, name, stage)] if committed else []
    stood += releases.crowned(root, name) if stage == PRODUCTION else []
    if version not in stood:
        raise BadPipeline(
            f"A version that stood in {stage} before was expected",
            release,
            f"`throughline release promote {release} {stage}` puts it there",
        )
    return _moved(root, record, stage, committed, "Roll back to")


def _moved(root: Path, record: Mapping[str, Any], stage: str, committed: bool, why: str) -> str:
    name, version = str(record["pipeline"]), str(record["version"])
    release = f"{name}@{version}"
    if stage != PRODUCTION:
        before = standing_versions(root, name).get(stage)
        _refuse_the_same(before, version, stage, release)
        assign(root, name, version, stage, f"{why} {release}: {stage}")
        return f"{name}: {stage} {before or 'empty'} → {version}"
    before = releases.champion(root, name)
    _refuse_the_same(before, version, stage, release)
    with all_or_nothing(root, name, committed), fetched_champion(root, record):
        releases.crown(root, name, version)
        if committed:
            commit_records(root, name, f"{why} {release}: {stage}")
            assign_champion(root, name, why)
    return f"{name}: {stage} {before or 'empty'} → {version}, the champion"


def _refuse_the_same(before: str | None, version: str, stage: str, release: str) -> None:
    if before == version:
        raise BadPipeline(f"Another version than that in {stage} was expected", release)

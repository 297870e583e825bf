"""What a stage asks of a release, and what of it a release does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, ThroughlineError
from throughline.paths import Workspace
from throughline.pipeline.yaml_file import YamlFile
from throughline.releasing.git import GitRefused, git
from throughline.releasing.stages.approval import approver

if TYPE_CHECKING:
    from throughline.pipeline.schema.release_stage import ReleaseStage

SECTION = "stages"
APPROVAL = "another person's approval"


def asked(root: Path, name: str, stage: str) -> list[ReleaseStage]:
    """What params.yaml and the pipeline's own file ask of a release in a stage; both hold.

    Raises:
        BadPipeline: a section `stages` is wrong, or differs from the one that is committed: what
            a stage asks is everybody's.
    """
    workspace = Workspace(root, name)
    files = (workspace.parameters_file, workspace.pipeline_file)
    return [known[stage] for path in files if stage in (known := _section(root, path))]


def _section(root: Path, path: Path) -> Mapping[str, ReleaseStage]:
    """Section `stages` of a file; empty where it has none, or is not there."""
    from pydantic import ValidationError

    from throughline.pipeline.mistakes import told
    from throughline.pipeline.schema.release_stage import SharedStages
    from throughline.pipeline.unions import problems

    file = YamlFile(path) if path.exists() else None
    section = {SECTION: file.content[SECTION]} if file and file.content.get(SECTION) else {}
    if section != _committed(root, path, section):
        raise BadPipeline(
            f"What stages ask must be committed: '{SECTION}' in {path}", "other than in git",
            "Commit it",
        )  # fmt: skip
    if file is None:
        return {}
    try:
        return SharedStages.model_validate(section).stages
    except ValidationError as error:
        found = problems(error.errors(), section)
        raise BadPipeline.of(told(found, file, (), section, SharedStages)) from None


def _committed(root: Path, path: Path, otherwise: Mapping[str, Any]) -> Mapping[str, Any]:
    """The section as it is committed; `otherwise` outside git."""
    try:
        git(root, "rev-parse", "HEAD")
    except GitRefused:
        return otherwise
    section = None
    with suppress(GitRefused, BadPipeline):
        text = git(root, "show", f"HEAD:./{path.relative_to(root).as_posix()}")
        section = YamlFile(path, text).content.get(SECTION)
    return {SECTION: section} if section else {}


def lacking(root: Path, record: Mapping[str, Any], stage: str) -> list[str]:
    """What a stage asks and a release does not have, a line each; empty where it may stand there.

    Args:
        root: the repository.
        record: of the release.
        stage: such as `production`.

    Raises:
        BadPipeline: what the stage asks is wrong, or not committed.
    """
    name, version = str(record["pipeline"]), str(record["version"])
    conditions = asked(root, name, stage)
    found = [line for each in conditions for line in _gates_that_fail(record, each)]
    if any(each.approval for each in conditions) and not approver(root, name, version, stage):
        found.append(APPROVAL)
    return found


def _gates_that_fail(record: Mapping[str, Any], asked: ReleaseStage) -> Iterator[str]:
    from throughline.evaluation.compare.judgement import gated
    from throughline.pipeline.schema.judgement import Gates

    comparisons = list(record.get("comparisons", []))
    known = [each["name"] for each in comparisons]
    # One by one: params.yaml may ask all pipelines for a figure that this one does not have.
    single = [Gates(beat=[name]) for name in asked.gates.beat if name in known]
    single += [Gates(metrics={name: bound}) for name, bound in asked.gates.metrics.items()]
    yield from (f"beat {name} (not compared)" for name in asked.gates.beat if name not in known)
    for gates in single:
        try:
            (found,) = gated(gates, record["metrics"], comparisons)
        except ThroughlineError:
            yield f"{' '.join(*gates.metrics.items())} (it has no such figure)"
            continue
        if not found["holds"]:
            yield f"{found['gate']} (is {found['value']:.4g})"

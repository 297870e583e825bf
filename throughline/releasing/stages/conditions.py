"""What a stage asks of a release, as the project's files that are committed say."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline
from throughline.paths import Workspace
from throughline.pipeline.yaml_file import YamlFile
from throughline.releasing.git import GitRefused, git

if TYPE_CHECKING:
    from throughline.pipeline.schema.release_stage import ReleaseStage

SECTION = "stages"
SIGNED = "signed"


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

    from throughline.pipeline.mistakes import mistakes_of
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
        raise BadPipeline.of(mistakes_of(found, file, (), section, SharedStages)) from None


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

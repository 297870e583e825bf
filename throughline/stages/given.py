"""What a stage is given of a pipeline file and of params.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from throughline import processor
from throughline.errors import BadPipeline, ThroughlineError, listed
from throughline.paths import Workspace
from throughline.pipeline.loading import load
from throughline.pipeline.yaml_file import YamlFile
from throughline.stages.stage import KERAS, Stage

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class StageInput:
    """What one stage may read of a pipeline: its sections, for every branch.

    Attributes:
        name: the pipeline's name.
        branches: `main` and the variants; a section that the stage does not declare is refused.
        prepared_by: for each branch the branch whose prepared data it uses.
        shared: the keys of params.yaml that this stage reads.
        document: the file as parsed, for stages that apply a sweep to it.
    """

    name: str
    branches: Mapping[str, Pipeline]
    prepared_by: Mapping[str, str]
    shared: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def main(self) -> Pipeline:
        """The pipeline itself."""
        return self.branches["main"]

    @property
    def keras(self) -> dict[str, Any]:
        """What `devices.configure` takes of params.yaml, in a stage that trains."""
        return {key: self.shared[key] for key in KERAS}


class _Declared:
    """A pipeline that refuses the sections which a stage does not declare.

    Without this, a stage could read a setting whose change DVC would not notice.
    """

    def __init__(self, pipeline: Pipeline, stage: Stage) -> None:
        self._pipeline = pipeline
        self._stage = stage

    def __getattr__(self, section: str) -> object:
        if section not in self._stage.sections:
            raise ThroughlineError(
                f"Stage '{self._stage.name}' may read the sections that it declares",
                section,
                f"Add it to STAGE in throughline/stages/{self._stage.name}.py and run "
                "`throughline wire`",
            )
        return getattr(self._pipeline, section)

    def of_target(self, name: str) -> Pipeline:
        """See `Pipeline.of_target`."""
        return as_declared(self._pipeline.of_target(name), self._stage)

    def model_copy(self, *, update: Mapping[str, Any]) -> Pipeline:
        """The same with other sections."""
        return as_declared(self._pipeline.model_copy(update=update), self._stage)


def as_declared(pipeline: Pipeline, stage: Stage) -> Pipeline:
    """A pipeline as a stage may read it."""
    return cast("Pipeline", _Declared(pipeline, stage))


def stage_input(workspace: Workspace, stage: Stage) -> StageInput:
    """The part of a pipeline and of params.yaml that a stage may read.

    Raises:
        WrongProcessor: this one cannot give the bits that `instructions` asks for.
    """
    definition = load(workspace)
    parameters = YamlFile(workspace.parameters_file)
    processor.check(parameters.content.get("instructions"))
    missing = [key for key in stage.shared if key not in parameters.content]
    if missing:
        raise BadPipeline(
            f"{workspace.parameters_file} must set {listed(missing)}", list(parameters.content)
        )
    return StageInput(
        name=definition.name,
        branches={name: as_declared(p, stage) for name, p in definition.branches.items()},
        prepared_by=definition.prepared_by,
        shared={key: parameters.content[key] for key in stage.shared},
        document=definition.document,
    )

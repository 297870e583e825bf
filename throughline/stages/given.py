"""What a stage is given of a pipeline file and of params.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from throughline import processor
from throughline.errors import BadPipeline, listed
from throughline.paths import Workspace
from throughline.pipeline.loading import load
from throughline.pipeline.yaml_file import YamlFile
from throughline.stages.sections import KERAS, SHARED, StageView


@dataclass(frozen=True)
class StageInput:
    """What one stage may read of a pipeline: its sections, for every branch.

    Attributes:
        name: the pipeline's name.
        branches: `main` and the variants, each as a view on the sections of this stage.
        prepared_by: for each branch the branch whose prepared data it uses.
        shared: the keys of params.yaml that this stage reads.
        document: the file as parsed, for stages that apply a sweep to it.
    """

    name: str
    branches: Mapping[str, Any]
    prepared_by: Mapping[str, str]
    shared: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def main(self) -> Any:
        """The view on the pipeline itself."""
        return self.branches["main"]

    @property
    def keras(self) -> dict[str, Any]:
        """What `devices.configure` takes of params.yaml, in a stage that trains."""
        return {key: self.shared[key] for key in KERAS}


def stage_input(workspace: Workspace, stage: str) -> StageInput:
    """The part of a pipeline and of params.yaml that a stage may read.

    Raises:
        WrongProcessor: this one cannot give the bits that `instructions` asks for.
    """
    definition = load(workspace)
    parameters = YamlFile(workspace.parameters_file)
    processor.check(parameters.content.get("instructions"))
    missing = [key for key in SHARED.get(stage, ()) if key not in parameters.content]
    if missing:
        raise BadPipeline(
            f"{workspace.parameters_file} must set {listed(missing)}", list(parameters.content)
        )
    return StageInput(
        name=definition.name,
        branches={name: StageView(p, stage) for name, p in definition.branches.items()},
        prepared_by=definition.prepared_by,
        shared={key: parameters.content[key] for key in SHARED.get(stage, ())},
        document=definition.document,
    )

"""Section `stages`: what a release must show before it stands in one, such as `production`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from throughline.names import STAGE
from throughline.pipeline.schema.judgement import Gates, short_gates
from throughline.pipeline.strict import Strict

StageName = Annotated[str, Field(pattern=STAGE)]


class ReleaseStage(Strict):
    """What a stage asks of a release: gates on its figures, and the word of a second person.

    Args:
        gates: as of the pipeline.
        approval: true wants `throughline release approve NAME@vN STAGE` of somebody else than who
            released it; `signed` that git also verifies both tags as signed by these two.
    """

    gates: Annotated[Gates, BeforeValidator(short_gates, json_schema_input_type=dict[str, Any])] = (
        Gates()
    )
    approval: bool | Literal["signed"] = False


class SharedStages(Strict):
    """Section `stages` of params.yaml, which holds for all pipelines.

    Args:
        stages: what each stage of a release asks.
    """

    stages: dict[StageName, ReleaseStage] = {}

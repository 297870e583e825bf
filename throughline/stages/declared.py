"""All stages, in their order; each is declared in the module of its name."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from throughline.order import STAGES
from throughline.stages.stage import Document, Stage

EVERY_STAGE = tuple(STAGES)


@cache
def declared(name: str) -> Stage:
    """The declaration of a stage."""
    stage: Stage = import_module(f"throughline.stages.{name}").STAGE
    return stage


def stages_of(document: Document) -> list[Stage]:
    """The stages of a pipeline.

    Args:
        document: the pipeline file as parsed.
    """
    return [stage for stage in map(declared, EVERY_STAGE) if stage.when(document)]

"""Which sections of the pipeline file each stage reads; `dvc.yaml` is written from this table."""

from __future__ import annotations

from typing import Any

from throughline.errors import ThroughlineError
from throughline.pipeline.pipeline import Pipeline

STAGES = ("ingest", "validate", "prepare", "cross_validate", "train", "export", "evaluate")

# Stands before `prepare` in pipelines that name a pretrained network, and nowhere else.
BOTTLENECK = "bottleneck"
EVERY_STAGE = (*STAGES[:2], BOTTLENECK, *STAGES[2:])

SECTIONS: dict[str, tuple[str, ...]] = {
    "ingest": ("source",),
    "validate": ("expectations",),
    BOTTLENECK: ("columns", "network", "variants"),
    "prepare": ("columns", "inputs", "split", "target", "task", "time", "variants"),
    "cross_validate": (
        "columns",
        "cross_validation",
        "inputs",
        "network",
        "split",
        "sweeps",
        "target",
        "task",
        "time",
        "training",
        "variants",
    ),
    "train": ("inputs", "network", "split", "target", "task", "training", "variants"),
    "export": ("columns", "export", "source", "split", "target", "task", "title", "variants"),
    "evaluate": (
        "claims",
        "columns",
        "compare",
        "cross_validation",
        "export",
        "gates",
        "inputs",
        "slices",
        "split",
        "target",
        "task",
        "title",
        "variants",
    ),
}

# Keys of params.yaml, shared by all pipelines.
SHARED: dict[str, tuple[str, ...]] = {
    "cross_validate": ("seed", "backend", "device", "threads"),
    "train": ("seed", "backend", "device", "threads"),
}


class StageView:
    """A pipeline as one stage may see it: a section that its `dvc.yaml` does not name is refused.

    Without this, a stage could read a setting whose change DVC would not notice.
    """

    def __init__(self, pipeline: Pipeline, stage: str) -> None:
        self._pipeline = pipeline
        self._stage = stage

    def __getattr__(self, section: str) -> Any:
        allowed = SECTIONS[self._stage] + (("problem",) if "task" in SECTIONS[self._stage] else ())
        if section not in allowed:
            raise ThroughlineError(
                f"Stage '{self._stage}' may read the sections its dvc.yaml names",
                section,
                "Add it to throughline/stages/sections.py and run `throughline wire`",
            )
        return getattr(self._pipeline, section)

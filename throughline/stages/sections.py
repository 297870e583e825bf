"""Which keys of the pipeline file each stage reads; `dvc.yaml` is written from this table."""

from __future__ import annotations

from collections.abc import Mapping
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
    BOTTLENECK: ("columns", "network"),
    "prepare": ("columns", "inputs", "split", "target", "task", "time"),
    "cross_validate": ("cross_validation", "network", "sweeps", "training"),
    "train": ("network", "training"),
    "export": ("export", "source.licence", "source.samples", "title"),
    "evaluate": (
        "claims",
        "compare",
        "compare_by",
        "cross_validation",
        "export",
        "gates",
        "slices",
        "title",
    ),
}

# `prepare` writes its sections beside the prepared data, so stages that read those need not name
# them again: whatever changes them changes an input.
PASSED_ON = SECTIONS["prepare"]
AFTER_PREPARE = STAGES[STAGES.index("prepare") + 1 :]

# Keys of params.yaml, shared by all pipelines.
KERAS = ("backend", "device", "instructions", "threads")
SHARED: dict[str, tuple[str, ...]] = {
    "cross_validate": ("seed", *KERAS),
    "train": ("seed", *KERAS),
}


def keys(stage: str, document: Mapping[str, Any]) -> list[str]:
    """The keys of a pipeline file that a stage reads itself, as `params:` lists them.

    DVC refuses a key that a file leaves to its default, so only those that are there are named.
    """
    found = [key for key in SECTIONS[stage] if _has(document, key)]
    for name, variant in (document.get("variants") or {}).items():
        # A variant may drop columns, too.
        own = (*SECTIONS[stage], *(("without",) if stage == "prepare" else ()))
        read = [f"variants.{name}.{key}" for key in own if _has(variant, key)]
        # DVC takes each '.' for a step between keys, so it cannot be told which part.
        found += ["variants"] if read and "." in name else read
    return sorted(set(found))


def _has(document: Mapping[str, Any], key: str) -> bool:
    section, _, inner = key.partition(".")
    value = document.get(section)
    return section in document and (not inner or (isinstance(value, Mapping) and inner in value))


def passed_on(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a pipeline file that `prepare` reads, of the pipeline itself and its variants."""
    return {
        "sections": {key: document[key] for key in PASSED_ON if key in document},
        # Without those that change nothing here: they come and go without a run of `prepare`.
        "variants": {
            name: own
            for name, variant in (document.get("variants") or {}).items()
            if (own := {key: variant[key] for key in (*PASSED_ON, "without") if key in variant})
        },
    }


class StageView:
    """A pipeline as one stage may see it: a section that its `dvc.yaml` does not name is refused.

    Without this, a stage could read a setting whose change DVC would not notice.
    """

    def __init__(self, pipeline: Pipeline, stage: str) -> None:
        self._pipeline = pipeline
        self._stage = stage

    def __getattr__(self, section: str) -> Any:
        allowed = {"variants", *(key.partition(".")[0] for key in SECTIONS[self._stage])}
        if self._stage in AFTER_PREPARE:
            allowed |= set(PASSED_ON)
        if "task" in allowed:
            allowed.add("problem")
        if section not in allowed:
            raise ThroughlineError(
                f"Stage '{self._stage}' may read the sections its dvc.yaml names",
                section,
                "Add it to throughline/stages/sections.py and run `throughline wire`",
            )
        return getattr(self._pipeline, section)

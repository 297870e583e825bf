"""What of all that a stage asks a release does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import ThroughlineError
from throughline.releasing.stages.approval import approver, unproved
from throughline.releasing.stages.conditions import SIGNED, asked

if TYPE_CHECKING:
    from throughline.pipeline.schema.release_stage import ReleaseStage

APPROVAL = "another person's approval"


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
    if not any(each.approval for each in conditions):
        return found
    if not approver(root, name, version, stage):
        return [*found, APPROVAL]
    if any(each.approval == SIGNED for each in conditions):
        found += unproved(root, name, version, stage)
    return found


def _gates_that_fail(record: Mapping[str, Any], asked: ReleaseStage) -> Iterator[str]:
    from throughline.evaluation.compare.verdicts import gated
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

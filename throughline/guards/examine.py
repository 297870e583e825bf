"""All guards on one split, and what follows from what they find."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, listed
from throughline.guards.finding import GUARDS, Case, Finding, Observation
from throughline.pipeline.several_targets import of_each

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.protocol import Split
    from throughline.pipeline.schema.targets import Target

MODULES = ("same_rows", "windows", "groups", "disguise", "identifiers", "unseen", "shift")


def examine(
    rows: pd.DataFrame,
    parts: np.ndarray[Any, Any],
    columns: list[str],
    target: Target,
    task: str,
    split: Split,
    held: str = "test",
) -> list[Finding]:
    """What every guard that is not off says of a split.

    Args:
        rows: the clean rows, target included.
        parts: for each row "training", "test" or "gap".
        columns: the raw columns that are features.
        target: section `target`.
        task: the problem type.
        split: section `split`, with the verdict of each guard in `guards`.
        held: what messages call the part "test". Default: `test`.

    Returns:
        At least one finding a guard; a guard that noticed nothing has one that passed.
    """
    for module in MODULES:
        import_module(f"throughline.guards.{module}")
    case = Case(rows.reset_index(drop=True), np.asarray(parts), columns, target, task, split, held)
    findings: list[Finding] = []
    # In the schema's order: that of the imports depends on what this process has done before.
    for name in (field for field in type(split.guards).model_fields if field in GUARDS):
        verdict = getattr(split.guards, name)
        if verdict == "off":
            continue
        observations = list(GUARDS[name](case))
        findings += [_finding(name, verdict, observation) for observation in observations]
        if not observations:
            findings.append(Finding(name, verdict, True, "nothing found"))
    return findings


def examine_each(
    view: Pipeline,
    rows: pd.DataFrame,
    parts: np.ndarray[Any, Any],
    columns: list[str],
    split: Split,
    held: str = "test",
) -> list[Finding]:
    """What the guards say of a split for the target, or for each of several; nothing twice.

    Args:
        view: a pipeline with `target`, `targets` and `task`.
        rows: as for `examine`, and so are the others.
        parts: for each row "training", "test" or "gap".
        columns: the raw columns that are features.
        split: section `split`.
        held: what messages call the part "test". Default: `test`.
    """
    found = [
        finding
        for each in of_each(view).values()
        for finding in examine(rows, parts, columns, each.target, each.task, split, held)
    ]
    return list(dict.fromkeys(found)) if view.targets else found


def _finding(name: str, verdict: str, observation: Observation) -> Finding:
    return Finding(
        name,
        verdict if observation.certain else "warn",
        False,
        observation.message,
        observation.columns,
        observation.rows,
    )


def enforce(findings: list[Finding]) -> None:
    """Refuse the split where a guard whose verdict is `stop` found something.

    Raises:
        BadData: says what was found, names the columns, and how to go on.
    """
    stopping = [finding for finding in findings if not finding.passed and finding.verdict == "stop"]
    if not stopping:
        return
    first = stopping[0]
    others = f" ({len(stopping) - 1} more findings)" if len(stopping) > 1 else ""
    remedy = f"Remove {listed(first.columns)} from 'columns'" if first.columns else "Mend the split"
    raise BadData(
        f"Guard '{first.guard}': {first.message}{others}",
        remedy=f"{remedy}, or set 'split.guards.{first.guard}: warn' if this is meant",
    )


def after_drops(
    parts: np.ndarray[Any, Any], columns: list[str], findings: list[Finding]
) -> tuple[np.ndarray[Any, Any], list[str]]:
    """The split and the features without what a guard with the verdict `drop` found.

    Guards that find rows drop those of the test part, because training rows are not chosen by what
    is in the test part; guards that find columns drop the columns.

    Args:
        parts: for each row "training", "test" or "gap".
        columns: the features.
        findings: of `examine`.

    Returns:
        The parts, with "gap" for dropped rows, and the columns that stay.
    """
    kept = np.array(parts, dtype=object)
    gone: set[str] = set()
    for finding in findings:
        if finding.passed or finding.verdict != "drop":
            continue
        if finding.rows:
            rows = np.asarray(finding.rows)
            kept[rows[kept[rows] == "test"]] = "gap"
        else:
            gone.update(finding.columns)
    return kept, [name for name in columns if name not in gone]

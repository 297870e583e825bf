"""Several targets, each measured as if it were the only one; its name stands before its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from throughline.pipeline.several_targets import of_each

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline
    from throughline.stages.given import StageInput

# What a branch's report says of the rows and of the network, whatever the target.
OF_ALL = ("title", "rows", "parameters", "training_rows_measured")
# Of the network, not of a target.
SHARED = ("epochs",)


def of_target(stage_input: StageInput, name: str) -> StageInput:
    """What a stage is given, as one of several targets sees it; an empty name is the only one."""
    branches = {branch: of_each(view)[name] for branch, view in stage_input.branches.items()}
    return replace(stage_input, branches=branches)


def scores_of(scores: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What scores.json says of one of several targets; all of it where there is one."""
    if not name:
        return dict(scores)
    branches = {
        branch: found and _branch_of(found, name)
        for branch, found in scores.items()
        if branch not in ("settings", "sweeps")
    }
    # Sweeps are judged by the loss of all targets, and shown once.
    return {**branches, "settings": scores.get("settings", {}), "sweeps": {}}


def _branch_of(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    curves = found["curves"]
    own = {f"{prefix}{name}.": prefix for prefix in ("", "val_")}
    return {
        **found,
        "metrics": _without(found["metrics"], f"{name}."),
        "curves": {
            prefix + curve: values
            for start, prefix in own.items()
            for curve, values in _without(curves, start).items()
        },
        "learning_curve": [
            {
                **point,
                **{part: _without(point[part], f"{name}.") for part in ("training", "validation")},
            }
            for point in found["learning_curve"]
        ],
    }


def _without(named: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)
    }


def merged(main: Pipeline, reports: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One report of several targets: figures, comparisons and gates by `TARGET.NAME`.

    Args:
        main: the pipeline.
        reports: what report.json would say of each target alone; kept below `targets`.
    """
    first = next(iter(reports.values()))
    branches = {
        branch: _branch(branch, {name: each["branches"][branch] for name, each in reports.items()})
        for branch in first["branches"]
    }
    return {
        "pipeline": first["pipeline"],
        "title": first["title"],
        "task": main.task,
        "target": {"columns": list(reports), "unit": ""},
        "targets": dict(reports),
        "branches": branches,
        "claims": [],
        "gates": [
            {**gate, "gate": _gate(name, gate["gate"])}
            for name, each in reports.items()
            for gate in each["gates"]
        ],
        "debug": [],
        "set_aside": None,
    }


def _branch(branch: str, of_each: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    first = next(iter(of_each.values()))
    return {
        **{key: first[key] for key in OF_ALL},
        "metrics": dict(_figures(of_each)),
        "comparisons": [
            _comparison(name, each)
            for name, found in of_each.items()
            for each in found["comparisons"]
        ],
        "slices": [],
        "curves": None,
    }


def _figures(of_each: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for name, found in of_each.items():
        for figure, value in found["metrics"].items():
            yield figure if figure in SHARED else f"{name}.{figure}", value


def _comparison(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    difference = found["difference"]
    return {
        **found,
        "name": f"{name}.{found['name']}",
        "metrics": {f"{name}.{figure}": value for figure, value in found["metrics"].items()},
        "difference": {**difference, "metric": f"{name}.{difference['metric']}"},
    }


def _gate(name: str, gate: str) -> str:
    """`beat mean` and `lower(mae) <= 3` of a target, as the file writes them."""
    if gate.startswith("beat "):
        return f"beat {name}.{gate.removeprefix('beat ')}"
    for end in ("lower(", "upper("):
        if gate.startswith(end):
            return f"{end}{name}.{gate.removeprefix(end)}"
    return f"{name}.{gate}"

"""A pipeline's figures in one line: for the end of a run, and for the list of all pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from throughline.figures.names import figure_of
from throughline.paths import Workspace
from throughline.report.markup import spoken
from throughline.terminal import coloured


def ending(report: Mapping[str, Any], workspace: Workspace) -> str:
    """What a report comes to: the figure, what it was held against, the gates, where to look.

    Args:
        report: the content of report.json.
        workspace: of the pipeline.
    """
    parts = [
        ", ".join([coloured(figure(report), "strong"), *_compared(report)]),
        coloured(gates(report), "bad" if broken(report) else "good"),
        f"REPORT {workspace.evaluation / 'report.html'}",
        f"MODEL {workspace.model}",
        f"next: throughline try {workspace.name}",
    ]
    return f"{workspace.name}: {' · '.join(part for part in parts if part)}"


def figure(report: Mapping[str, Any]) -> str:
    """The figure by which the model was compared, with half of its interval."""
    main = report["branches"]["main"]
    comparisons = main["comparisons"]
    name = comparisons[0]["difference"]["metric"] if comparisons else next(iter(main["metrics"]))
    measured = main["metrics"][name]
    low, high = measured.get("low"), measured.get("high")
    spread = f" ± {(high - low) / 2:.2g}" if None not in (low, high) else ""
    return f"{spoken(name)} {measured['value']:.3g}{spread}"


def gates(report: Mapping[str, Any]) -> str:
    """Whether a release may follow."""
    missed = broken(report)
    if missed:
        return f"gates broken: {', '.join(missed)}"
    return "gates hold" if report["gates"] else "no gates"


def broken(report: Mapping[str, Any]) -> list[str]:
    """Each gate that does not hold: what it asks, and what was measured."""
    held_against = {
        f"beat {comparison['name']}": comparison["difference"]
        for comparison in report["branches"]["main"]["comparisons"]
    }
    return [
        f"{gate['gate']} ({_measured(gate, held_against.get(gate['gate']))})"
        for gate in report["gates"]
        if not gate["holds"]
    ]


def _measured(gate: Mapping[str, Any], difference: Mapping[str, Any] | None) -> str:
    if difference is None:
        return f"is {gate['value']:.3g}"
    ends = difference["low"], difference["high"]
    reach = "" if None in ends else f", could be {ends[0]:+.2g} to {ends[1]:+.2g}"
    return f"{spoken(difference['metric'])} {difference['value']:+.3g}{reach}"


def _compared(report: Mapping[str, Any]) -> Iterator[str]:
    for comparison in report["branches"]["main"]["comparisons"]:
        difference, name = comparison["difference"], comparison["name"]
        if difference["verdict"] in ("better", "worse"):
            yield f"{difference['verdict']} than {name} by {_distance(difference)}"
        elif difference["verdict"] == "not shown":
            yield f"difference to {name} not shown"
        else:
            yield f"{difference['verdict']} to {name}"


def _distance(difference: Mapping[str, Any]) -> str:
    distance = abs(difference["value"])
    limits = figure_of(difference["metric"]).limits
    if (limits.low, limits.high) == (0, 1):
        # Of a share, hundredths of the whole.
        return f"{100 * distance:.3g} points"
    return f"{distance:.3g}"

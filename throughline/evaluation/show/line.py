"""A pipeline's figures in one line: for the end of a run, and for the list of all pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from throughline.errors import printable
from throughline.evaluation.measure.evaluated import figure_of
from throughline.paths import Workspace
from throughline.report.chart import number
from throughline.report.markup import plus_minus, spoken
from throughline.terminal import coloured

AGAINST = {
    "better": "better than",
    "worse": "worse than",
    "equal": "as good as",
    "not shown": "not shown to differ from",
}
# What a model does with its target; those of other tasks predict it.
VERBS = {"forecast": "forecasts", "regression": "estimates", "proportion": "estimates"}
# Forecasters that ask for no network, and that one has to be worth more than.
TO_BEAT = ("ETS", "linear-autoregression")


def ending(report: Mapping[str, Any], workspace: Workspace) -> str:
    """What a report comes to: the figure, what it was held against, the gates, where to look.

    Args:
        report: the content of report.json.
        workspace: of the pipeline.
    """
    parts = [
        ", ".join([coloured(figure(report), "strong"), *map(printable, _compared(report))]),
        coloured(gates(report), "bad" if broken(report) else "good"),
        f"REPORT {workspace.evaluation / 'report.html'}",
        f"MODEL {workspace.model}",
        f"next: throughline try {workspace.name}",
    ]
    return f"{workspace.name}: {' · '.join(part for part in parts if part)}"


def figure(report: Mapping[str, Any]) -> str:
    """The figure by which the model was compared, with half of its interval."""
    targets = report.get("targets")
    if targets:
        return ", ".join(f"{name} {figure(each)}" for name, each in targets.items())
    name, measured = decisive(report)
    return f"{spoken(name)} {plus_minus(measured)}"


def decisive(report: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The figure by which the model was compared: its name, its value with interval."""
    main = report["branches"]["main"]
    comparisons = main["comparisons"]
    name = comparisons[0]["difference"]["metric"] if comparisons else next(iter(main["metrics"]))
    return name, main["metrics"][name]


def sentence(report: Mapping[str, Any], columns: int) -> str:
    """For somebody who decides: what is predicted, how well, against what, whether gates hold.

    Args:
        report: the content of report.json.
        columns: how many the model sees.
    """
    main, target = report["branches"]["main"], report["target"]
    verb = VERBS.get(report["task"], "predicts")
    what = " and ".join(f"“{name}”" for name in target["columns"])
    seen = f"{columns} column{'' if columns == 1 else 's'}"
    unit = f" in {target['unit']}" if target["unit"] else ""
    rows = main["rows"]["test"]
    on = f"{number(rows)} rows it has never seen" if rows else "its own training rows"
    name, measured = decisive(report)
    power = figure_of(name).power or 0
    of = f" {target['unit']}" if target["unit"] and power == 1 else ""
    does = f"{verb} {what}{unit} from {seen}" if what else f"gives back the {seen} that it is given"
    return (
        f"This model {does}: on {on} its {spoken(name)} is "
        f"{plus_minus(measured)}{of}{_against(report)}. {_held(report)}"
    )


def _against(report: Mapping[str, Any]) -> str:
    """What the model was held against, shortest first: better than these, no difference to those.

    A difference that is not shown may still be there; the table says how large.
    """
    found: dict[str, list[str]] = {}
    for comparison in report["branches"]["main"]["comparisons"]:
        difference = comparison["difference"]
        distance = f" (by {_distance(difference)})"
        decided = difference["verdict"] in ("better", "worse")
        name = comparison["name"] + (distance if decided else "")
        found.setdefault(difference["verdict"], []).append(name)
    return "".join(f", {AGAINST[said]} {joined(names)}" for said, names in found.items())


def joined(names: list[str]) -> str:
    """Names in a sentence."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _held(report: Mapping[str, Any]) -> str:
    if not report["gates"]:
        return "No gate is set."
    missed = [gate["gate"] for gate in report["gates"] if not gate["holds"]]
    if missed:
        return f"It may not be released: {joined(missed)} does not hold."
    return "All its gates hold."


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


def outdone(main: Mapping[str, Any]) -> dict[str, Any] | None:
    """The simple forecaster that a model is behind, where there is one.

    Args:
        main: what report.json says of the pipeline itself.

    Returns:
        its `name`, its MASE as `theirs` and the model's as `ours`.
    """
    ours = main["metrics"].get("mase")
    named = {entry["name"]: entry["metrics"].get("mase") for entry in main["comparisons"]}
    simple = {name: named[name]["value"] for name in TO_BEAT if named.get(name)}
    best = min(simple, key=lambda name: simple[name], default=None)
    if ours is None or best is None or ours["value"] <= simple[best]:
        return None
    return {"name": best, "theirs": simple[best], "ours": ours["value"]}

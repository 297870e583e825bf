"""What the page says of forecasts: models that repeat the last value, and windows left out."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from throughline.report.chart import number
from throughline.report.markup import cell, ranged, table, text

# A forecaster whose error is less than this part smaller than persistence's repeats the last value.
REPEATS = 0.02

# Forecasters that ask for no network, and that one has to be worth more than.
TO_BEAT = ("ETS", "linear-autoregression")

PARTS = {"training": "training", "test": "test"}
COUNTS = {
    "windows": "windows",
    "across_gaps": "left out: across a gap",
    "across_series": "left out: across two series",
    "not_measured": "left out: truth not measured",
    "not_finite": "left out: not finite",
    "of_zero": "left out: a percentage of 0",
}


def forecasts(report: Mapping[str, Any]) -> str:
    """Models that are no forecasters, and how many windows were left out and why."""
    main = report["branches"]["main"]
    if "windows" not in main:
        return ""
    rows = [
        (text(PARTS[part]), *(cell(number(counts.get(name, 0))) for name in COUNTS))
        for part, counts in main["windows"].items()
    ]
    steps = main["series"]
    note = (
        f"<p>{number(steps['rows'])} steps of {number(steps['series'])} series; "
        f"{number(steps['absent'])} had no row, {number(steps.get('incomplete', 0))} a row "
        f"without all its values, {number(steps.get('filled', 0))} were filled.</p>"
    )
    header = ("part", *COUNTS.values())
    return f"<h2>Windows</h2>{_repeating(report)}{note}{table(header, rows)}"


def outdone(report: Mapping[str, Any]) -> str:
    """The simple forecaster that this one is behind, where there is one; said before all else."""
    main = report["branches"]["main"]
    ours = main["metrics"].get("mase")
    named = {entry["name"]: entry["metrics"].get("mase") for entry in main["comparisons"]}
    simple = {name: named[name]["value"] for name in TO_BEAT if named.get(name)}
    best = min(simple, key=lambda name: simple[name], default=None)
    if ours is None or best is None or ours["value"] <= simple[best]:
        return ""
    return (
        f'<p class="warning"><b>{escape(best)} forecasts this series better than this model:</b> '
        f"MASE {simple[best]:.3f} against {ours['value']:.3f} on the same windows. Use it, or "
        f"change the pipeline until it is behind.</p>"
    )


def against(entry: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """MASE of a forecaster, and by what part this model's error is smaller; cells of a table."""
    own, mae = entry["metrics"].get("mase"), entry["metrics"].get("mae")
    if own is None or not mae or not mae["value"]:
        return [cell(""), cell("")]
    return [cell(ranged(own)), cell(f"{1 - ours['mae']['value'] / mae['value']:+.3f}")]


def _repeating(report: Mapping[str, Any]) -> str:
    """A warning for each branch that does hardly better than persistence."""
    found = []
    for name, branch in report["branches"].items():
        skill = branch["metrics"].get("skill")
        if skill is None or skill["value"] >= REPEATS:
            continue
        title = "This model" if name == "main" else branch["title"] or name
        explained = branch["metrics"].get("r2")
        although = f", although its R² is {explained['value']:.3f}" if explained else ""
        found.append(
            f'<p class="warning"><b>{escape(title)}: repeats the last value.</b> Its skill against '
            f"persistence is {skill['value']:.3f}{although}.</p>"
        )
    return "".join(found)

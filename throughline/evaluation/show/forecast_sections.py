"""What the page says of forecasts: models that repeat the last value, and windows left out."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from throughline.report.chart import number
from throughline.report.markup import cell, table, text

# A forecaster whose error is less than this part smaller than persistence's repeats the last value.
REPEATS = 0.02

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

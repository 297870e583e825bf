"""The sections of the report page about errors: confusion pairs, wrong texts, words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from throughline.report.chart import Chart, bounds, number
from throughline.report.markup import cell, drawing, spoken, table, text

Report = Mapping[str, Any]

# A curve over a setting needs so many points.
FEWEST_POINTS = 4


def confused(report: Report) -> str:
    """The pairs of classes that are confused most."""
    pairs = report["branches"]["main"].get("confused")
    if not pairs:
        return ""
    rows = [
        (
            text(pair["actual"]),
            text(pair["predicted"]),
            cell(number(pair["rows"])),
            cell(f"{pair['share']:.1%}"),
        )
        for pair in pairs
    ]
    header = ("actual", "taken for", "rows", "of the class's rows")
    return "<h3>Most confused</h3>" + table(header, rows)


def texts(report: Report) -> str:
    """The most wrong texts with the words that weighed most, and what single words say."""
    found = report["branches"]["main"].get("texts")
    if not found:
        return ""
    return _wrong(found["wrong"]) + _weights(found.get("weights", []))


def _wrong(entries: list[dict[str, Any]]) -> str:
    if not entries:
        return ""
    rows = [
        (
            text(entry["actual"]),
            text(f"{entry['predicted']} ({entry['probability']:.3f})"),
            text(entry["text"]),
            cell(", ".join(_weighed(word) for word in entry["words"])),
        )
        for entry in entries
    ]
    note = (
        "<p>The wrong answers that the model was surest of. A word's number is by how much the "
        "log-odds of the answer fall when the word is taken out; negative words spoke against "
        "it.</p>"
    )
    header = ("actual", "answered (probability)", "text", "words that weighed most")
    return "<h2>Most wrong texts</h2>" + note + table(header, rows)


def _weighed(word: Mapping[str, Any]) -> str:
    return f'{escape(str(word["word"]))}&nbsp;<span class="range">{word["weight"]:+.2f}</span>'


def _weights(entries: list[dict[str, Any]]) -> str:
    if not entries:
        return ""
    rows = [
        (text(entry["class"]), cell(", ".join(_weighed(word) for word in entry["words"])))
        for entry in entries
    ]
    note = (
        "<p>By how much a text of this word alone has higher log-odds than an empty one. Without "
        "hidden layers these are the weights themselves.</p>"
    )
    return "<h2>What single words say</h2>" + note + table(("class", "words"), rows)


def sweep_curves(sweeps: Mapping[str, Any]) -> str:
    """The first figure beside the loss over every sweep of one number, on a logarithmic axis."""
    drawn = []
    for name, sweep in sweeps.items():
        points = [point for point in sweep["points"] if "metrics" in point]
        settings = [
            path
            for path in (points[0]["settings"] if points else ())
            if len({str(point["settings"][path]) for point in points}) > 1
        ]
        if len(settings) != 1 or len(points) < FEWEST_POINTS:
            continue
        values = [point["settings"][settings[0]] for point in points]
        if not all(isinstance(v, int | float) and v > 0 for v in values):
            continue
        drawn.append(drawing(sweep.get("title") or name, _curve(settings[0], values, points)))
    return f'<div class="pair">{"".join(drawn)}</div>' if drawn else ""


def _curve(setting: str, values: list[float], points: list[dict[str, Any]]) -> str:
    metric = next((m for m in points[0]["metrics"] if m != "loss"), "loss")
    places = [math.log10(value) for value in values]
    means = [point["metrics"][metric]["mean"] for point in points]
    label = setting.split(".")
    name = " ".join(label[-2:]).replace("_", " ")
    chart = Chart(
        bounds(places),
        bounds(means),
        f"log10 of {name}",
        f"{spoken(metric)}, mean of the folds",
        f"{spoken(metric)} over {name}",
    )
    line = list(zip(places, means, strict=True))
    chart.line(line, "line b", "validation rows")
    chart.dots(line, "b", 3)
    return chart.svg()

"""How the score grows with the number of training rows, for each branch that was asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from throughline.report.chart import Chart, bounds, number
from throughline.report.markup import cell, drawing, spoken, table, text

# As many lines as can be told apart.
KINDS = ("line a", "line b", "line ideal")


def section(report: Mapping[str, Any], sizes: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """A line and a table row a branch; nothing where no sizes were asked for.

    Args:
        report: the content of report.json.
        sizes: for each branch the learning curve of scores.json.
    """
    asked = {name: points for name, points in sizes.items() if points}
    if not asked:
        return ""
    metric = _metric(next(iter(asked.values()))[0]["validation"])
    titles = {name: _title(report, name) for name in asked}
    counts = sorted({int(point["rows"]) for points in asked.values() for point in points})
    rows = [
        (text(titles[name]), *(cell(_score(points, count, metric)) for count in counts))
        for name, points in asked.items()
    ]
    header = ("branch", *(f"{number(count)} rows" for count in counts))
    note = (
        f"<p>{spoken(metric).capitalize()} on validation rows, mean ± sd over the folds; every "
        "fold is trained again on so many of its training rows.</p>"
    )
    chart = drawing("", _chart(asked, titles, metric)) if len(counts) > 1 else ""
    return "<h2>How many rows are needed</h2>" + note + table(header, rows) + chart


def _metric(scores: Mapping[str, Any]) -> str:
    """The first that is no loss."""
    return next((name for name in scores if name != "loss"), "loss")


def _title(report: Mapping[str, Any], name: str) -> str:
    return "main" if name == "main" else str(report["branches"][name]["title"] or name)


def _score(points: Sequence[Mapping[str, Any]], count: int, metric: str) -> str:
    for point in points:
        if point["rows"] == count:
            found = point["validation"][metric]
            return f'{found["mean"]:.3f} <span class="range">± {found["sd"]:.3f}</span>'
    return "–"


def _chart(
    asked: Mapping[str, Sequence[Mapping[str, Any]]], titles: Mapping[str, str], metric: str
) -> str:
    lines = {
        name: [(math.log10(p["rows"]), float(p["validation"][metric]["mean"])) for p in points]
        for name, points in list(asked.items())[: len(KINDS)]
    }
    every = [point for points in lines.values() for point in points]
    span = (min(x for x, _ in every), max(x for x, _ in every))
    title = "Score by training rows"
    heights = bounds([y for _, y in every])
    chart = Chart(span, heights, "training rows, logarithm to base 10", spoken(metric), title)
    for kind, (name, points) in zip(KINDS, lines.items(), strict=False):
        chart.line(sorted(points), kind, titles[name])
    return chart.svg()

"""How the score grows with the number of training rows, for each branch that was asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from throughline.report.chart import Chart, bounds
from throughline.report.markup import spoken

# As many lines as can be told apart.
KINDS = ("line a", "line b", "line ideal")


def sizes(report: Mapping[str, Any], scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the page shows of it: a line and a table row a branch.

    Args:
        report: the content of report.json.
        scores: for each branch its entry of scores.json.
    """
    asked = {
        name: found["learning_curve"]
        for name, found in scores.items()
        if found.get("learning_curve")
    }
    known = next(iter(asked.values()))[0]["validation"] if asked else {}
    metric = next((name for name in known if name != "loss"), "loss")
    titles = {name: str(report["branches"][name]["title"] or name) for name in asked}
    titles |= {"main": "main"}
    counts = sorted({int(point["rows"]) for points in asked.values() for point in points})
    lines = {
        titles[name]: [
            (math.log10(p["rows"]), float(p["validation"][metric]["mean"])) for p in points
        ]
        for name, points in list(asked.items())[: len(KINDS)]
    }
    chart = _chart(lines, metric).svg() if len(counts) > 1 else None
    return {"asked": asked, "titles": titles, "counts": counts, "metric": metric, "chart": chart}


def _chart(lines: Mapping[str, list[tuple[float, float]]], metric: str) -> Chart:
    every = [point for points in lines.values() for point in points]
    span = (min(x for x, _ in every), max(x for x, _ in every))
    heights = bounds([y for _, y in every])
    title = "training rows, logarithm to base 10"
    chart = Chart(span, heights, title, spoken(metric), "Score by training rows")
    for kind, (name, points) in zip(KINDS, lines.items(), strict=False):
        chart.line(sorted(points), kind, name)
    return chart

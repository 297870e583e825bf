"""What the page shows of sweeps: points, what choosing among them is worth, a curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from throughline.report.chart import Chart, bounds
from throughline.report.markup import spoken

if TYPE_CHECKING:
    from markupsafe import Markup

# Points of a sweep that the page shows; the CSV beside the scores has all of them.
MOST_POINTS = 60
# A curve over a setting needs so many points.
FEWEST_POINTS = 4


def prepared(sweeps: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The sweeps of scores.json as the template takes them."""
    return [_prepared(name, sweep) for name, sweep in sweeps.items()]


def _prepared(name: str, sweep: Mapping[str, Any]) -> dict[str, Any]:
    points = sweep["points"]
    metrics = list(next((p["metrics"] for p in points if "metrics" in p), {"loss": None}))
    refitted = list(next((p["refitted"] for p in points if "refitted" in p), ()))
    header = [key.rpartition(".")[2].replace("_", " ") for key in points[0].get("settings", ())]
    header += [spoken(key) for key in metrics]
    return {
        "title": sweep.get("title") or name,
        "header": header + [f"{spoken(key)} of all rows trained on" for key in refitted],
        "points": points[:MOST_POINTS],
        "best": sweep["best"],
        "metrics": metrics,
        "selected": _selected(sweep),
        "curve": curve(points),
    }


def _selected(sweep: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the best point is worth by folds that had no say in choosing it."""
    found = sweep.get("selected")
    if found is None or sweep["best"] is None:
        return None
    name = sweep["by"]
    best = sweep["points"][sweep["best"]]["metrics"][name]["mean"]
    honest = {"value": found["mean"], "low": found["low"], "high": found["high"]}
    return {"metric": name, "best": best, "count": len(sweep["points"]), "honest": honest}


def curve(points: Sequence[Mapping[str, Any]]) -> Markup | None:
    """The first figure beside the loss over one number, on a logarithmic axis."""
    points = [point for point in points if "metrics" in point]
    settings = [
        path
        for path in (points[0]["settings"] if points else ())
        if len({str(point["settings"][path]) for point in points}) > 1
    ]
    if len(settings) != 1 or len(points) < FEWEST_POINTS:
        return None
    values = [point["settings"][settings[0]] for point in points]
    if not all(isinstance(v, int | float) and v > 0 for v in values):
        return None
    metric = next((m for m in points[0]["metrics"] if m != "loss"), "loss")
    places = [math.log10(value) for value in values]
    means = [point["metrics"][metric]["mean"] for point in points]
    name = " ".join(settings[0].split(".")[-2:]).replace("_", " ")
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

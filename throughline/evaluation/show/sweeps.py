"""What the page shows of sweeps: their points, luck, and a curve over one number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
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
        "all": sum("metrics" in point for point in points),
        "best": sweep["best"],
        "metrics": metrics,
        "by_chance": _by_chance(points, metrics),
        "curve": curve(points),
    }


def _by_chance(points: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> float | None:
    """How far the best of so many equal points lies above them by luck alone.

    The expected largest of k normal numbers (Blom 1958) in standard errors of a mean of the folds.
    """
    found = [point["metrics"][metrics[-1]] for point in points if "metrics" in point]
    errors = [each["sd"] / len(each["values"]) ** 0.5 for each in found if each.get("values")]
    if len(errors) < 2:
        return None
    largest = NormalDist().inv_cdf((len(errors) - 0.375) / (len(errors) + 0.25))
    return float(largest * sum(errors) / len(errors))


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

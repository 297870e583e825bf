"""The section of the report page that shows sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from statistics import NormalDist
from typing import Any

from throughline.report.markup import cell, spoken, table, text

# Points of a sweep that the page shows; the CSV beside the scores has all of them.
MOST_POINTS = 60


def sweeps(found: Mapping[str, Any]) -> str:
    """What the sweeps found, on validation rows alone."""
    parts = []
    for name, sweep in found.items():
        points = sweep["points"][:MOST_POINTS]
        settings = list(points[0]["settings"])
        metrics = list(next((p["metrics"] for p in points if "metrics" in p), {"loss": None}))
        rows = [
            (
                *(text(point["settings"][key]) for key in settings),
                *(cell(_spread(point.get("metrics", {}).get(key))) for key in metrics),
                *(text(f"{value:.4g}") for value in point.get("refitted", {}).values()),
            )
            for point in points
        ]
        header = [key.rpartition(".")[2].replace("_", " ") for key in settings]
        header += [spoken(key) for key in metrics]
        refitted = list(next((p["refitted"] for p in points if "refitted" in p), ()))
        header += [f"{spoken(key)} of all rows trained on" for key in refitted]
        title = sweep.get("title") or name
        said = table(header, rows, sweep["best"]) + _by_chance(sweep["points"], metrics)
        parts.append(f"<h3>{escape(title)}</h3>" + said)
    if not parts:
        return ""
    note = "<p>Means ± sd over the folds of the training rows; no test row was looked at.</p>"
    return "<h2>Sweeps</h2>" + note + "".join(parts)


def _by_chance(points: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> str:
    """How far the best of so many equal points lies above them by luck alone.

    The expected largest of k normal numbers (Blom 1958) in standard errors of a mean of the folds.
    """
    found = [point["metrics"][metrics[-1]] for point in points if "metrics" in point]
    errors = [each["sd"] / len(each["values"]) ** 0.5 for each in found if each.get("values")]
    if len(errors) < 2:
        return ""
    count, error = len(errors), sum(errors) / len(errors)
    largest = NormalDist().inv_cdf((count - 0.375) / (count + 0.25))
    return (
        f"<p>The best was chosen by these very folds: of {count} points that are all as good, the "
        f"best is better by about {largest * error:.2g} in {spoken(metrics[-1])} by chance.</p>"
    )


def _spread(metric: Mapping[str, Any] | None) -> str:
    if metric is None:
        return "diverged"
    return f'{metric["mean"]:.4g} <span class="range">± {metric["sd"]:.2g}</span>'

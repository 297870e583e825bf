"""The section of the report page that shows sweeps."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from throughline.report.markup import cell, ranged, spoken, table, text

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
        said = table(header, rows, sweep["best"]) + _selected(sweep)
        parts.append(f"<h3>{escape(title)}</h3>" + said)
    if not parts:
        return ""
    note = "<p>Means ± sd over the folds of the training rows; no test row was looked at.</p>"
    return "<h2>Sweeps</h2>" + note + "".join(parts)


def _selected(sweep: Mapping[str, Any]) -> str:
    """What the best point is worth by folds that had no say in choosing it."""
    found = sweep.get("selected")
    if found is None or sweep["best"] is None:
        return ""
    name = sweep["by"]
    best = sweep["points"][sweep["best"]]["metrics"][name]["mean"]
    honest = ranged({"value": found["mean"], "low": found["low"], "high": found["high"]})
    return (
        f"<p>The best was chosen by these very folds, which flatters its {spoken(name)} of "
        f"{best:.4g}. Scored on each fold by the point that the others choose, a choice among "
        f"{len(sweep['points'])} points is worth {honest}.</p>"
    )


def _spread(metric: Mapping[str, Any] | None) -> str:
    if metric is None:
        return "diverged"
    return f'{metric["mean"]:.4g} <span class="range">± {metric["sd"]:.2g}</span>'

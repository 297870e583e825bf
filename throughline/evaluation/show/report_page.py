"""The report page: what the model is worth, in the order in which a reader asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from throughline.evaluation.measure.evaluated import FIGURES
from throughline.evaluation.show.advice import advice
from throughline.evaluation.show.line import outdone, sentence
from throughline.evaluation.show.methods import cautions, methods
from throughline.report import page as pages
from throughline.report.chart import number


def page(
    report: Mapping[str, Any], plots: Mapping[str, Any], sees: Mapping[str, Any], provenance: Any
) -> str:
    """The report as one HTML page that opens offline.

    Args:
        report: the content of report.json.
        plots: of `plotted`.
        sees: what the model sees, of `facts.seen`.
        provenance: how it was made, of `facts.provenance`.
    """
    return pages.page(
        "evaluation/show/report.html",
        "report",
        report["pipeline"],
        title=report["title"],
        sees=sees,
        provenance=provenance,
        advice=advice(report),
        **_shown(report, plots, sees["count"]),
    )


def page_of_several(
    report: Mapping[str, Any],
    reports: Mapping[str, Mapping[str, Any]],
    plots: Mapping[str, Mapping[str, Any]],
    sees: Mapping[str, Any],
    provenance: Any,
    sweeps: Any,
) -> str:
    """The report of several targets: what is true of all of them, and a section of each.

    Args:
        report: the content of report.json.
        reports: of each target what the report of it alone would say.
        plots: of each target, of `plotted`.
        sees: what the model sees, of `facts.seen`.
        provenance: how it was made, of `facts.provenance`.
        sweeps: of `sweeps.prepared`.
    """
    sections = {
        name: Markup(
            _below(
                pages.body(
                    "evaluation/show/target.html", **_shown(each, plots[name], sees["count"])
                ),
                name,
            )
        )
        for name, each in reports.items()
    }
    return pages.page(
        "evaluation/show/several.html",
        "report",
        report["pipeline"],
        title=report["title"],
        report=report,
        sections=sections,
        sweeps=sweeps,
        sees=sees,
        provenance=provenance,
        advice=[f"{name}: {line}" for name, each in reports.items() for line in advice(each)],
    )


def _below(body: str, name: str) -> str:
    """A body whose headings stand below one of a higher order, with marks of their own."""
    body = re.sub(r"<(/?)h3\b", r"<\1h4", body)
    body = re.sub(r'<h2 id="([\w-]+)"', rf'<h3 id="{name}-\1"', body)
    return body.replace("</h2>", "</h3>")


def _shown(
    report: Mapping[str, Any], plots: Mapping[str, Any], columns_seen: int
) -> dict[str, Any]:
    """What the templates show of one target."""
    metrics = report["branches"]["main"]["metrics"]
    names = list(FIGURES[report["task"]])
    folded = [name.removeprefix("cv_") for name in metrics if name.startswith("cv_")]
    every = dict.fromkeys((*names, *folded))
    columns = _columns(report["branches"]["main"])
    return {
        "report": report,
        "plots": plots,
        "lead": sentence(report, columns_seen),
        "outdone": outdone(report["branches"]["main"]),
        "names": names,
        "rows": [name for name in every if any(p + name in metrics for p in columns.values())],
        "columns": columns,
        "methods": methods(metrics.values(), report["task"]),
        "cautions": cautions(report["branches"]["main"]),
    }


def _columns(main: Mapping[str, Any]) -> dict[str, str]:
    """The prefixes of the figures of each kind of rows, by what those rows are."""
    columns = {"test rows" if main["rows"]["test"] else "training rows": ""}
    if main["rows"]["test"]:
        known = main.get("training_rows_measured", main["rows"]["training"])
        every = known == main["rows"]["training"]
        columns["training rows" if every else f"{number(known)} of the training rows"] = "train_"
    if any(name.startswith("cv_") for name in main["metrics"]):
        columns["cross-validation, mean of the folds"] = "cv_"
    return columns

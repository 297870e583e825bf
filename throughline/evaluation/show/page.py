"""The report page: what the model is worth, in the order in which a reader asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throughline.evaluation.show.advice import advice
from throughline.evaluation.show.line import outdone, sentence
from throughline.evaluation.show.methods import cautions, methods
from throughline.figures.names import FIGURES
from throughline.report import page as pages
from throughline.report.chart import number


def page(
    report: Mapping[str, Any], plots: Mapping[str, Any], sees: Mapping[str, Any], made: Any
) -> str:
    """The report as one HTML page that opens offline.

    Args:
        report: the content of report.json.
        plots: of `plotted`.
        sees: what the model sees, of `facts.seen`.
        made: how it was made, of `facts.made`.
    """
    metrics = report["branches"]["main"]["metrics"]
    names = list(FIGURES[report["task"]])
    folded = [name.removeprefix("cv_") for name in metrics if name.startswith("cv_")]
    every = dict.fromkeys((*names, *folded))
    columns = _columns(report["branches"]["main"])
    return pages.page(
        "evaluation/show/report.html",
        "report",
        report["pipeline"],
        title=report["title"],
        report=report,
        plots=plots,
        sees=sees,
        made=made,
        lead=sentence(report, sees["count"]),
        outdone=outdone(report["branches"]["main"]),
        advice=advice(report),
        names=names,
        rows=[name for name in every if any(p + name in metrics for p in columns.values())],
        columns=columns,
        methods=methods(metrics.values(), report["task"]),
        cautions=cautions(report["branches"]["main"]),
    )


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

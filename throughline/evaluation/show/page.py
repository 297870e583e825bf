"""The report page: what the model is worth, in the order in which a reader asks."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from throughline.evaluation.compare import set_aside
from throughline.evaluation.measure import sizes
from throughline.evaluation.show import (
    cost_section,
    gallery,
    sections,
    sweep_section,
    text_sections,
)
from throughline.evaluation.show.forecast_sections import forecasts, outdone
from throughline.figures.names import FIGURES
from throughline.report.chart import number
from throughline.report.markup import ranged, signed, spoken, told
from throughline.report.style import CSS


def page(report: Mapping[str, Any], plots: Mapping[str, Any]) -> str:
    """The report as one HTML page that opens offline.

    Args:
        report: the content of report.json.
        plots: SVG by name, `boundaries` by branch, `sweeps` of the cross-validation.
    """
    parts = [
        _head(report),
        _tiles(report),
        sections.claims(report),
        sections.gates(report),
        sections.debug_list(report),
        sections.figures(report),
        forecasts(report),
        sections.comparisons(report),
        sections.variants(report),
        sections.precisions(report),
        sections.classes(report),
        text_sections.confused(report),
        text_sections.texts(report),
        sections.drawn(report, plots),
        gallery.section(report, plots.get("pictures")),
        sections.slices(report),
        set_aside.section(report),
        sizes.section(report, plots.get("sizes", {})),
        sweep_section.sweeps(plots["sweeps"]),
        text_sections.sweep_curves(plots["sweeps"]),
        cost_section.section(),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(report['title'])}</title><style>{CSS}</style></head><body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def _head(report: Mapping[str, Any]) -> str:
    rows = report["branches"]["main"]["rows"]
    measured = f"{number(rows['test'])} test rows that no training has seen"
    warning = ""
    if not rows["test"]:
        measured = f"the {number(rows['training'])} training rows"
        warning = (
            '<p class="warning"><b>These are figures of training rows.</b> The pipeline sets no '
            "rows aside (<code>split: {test: 0}</code>), so they say how well the model knows "
            "its own rows, not how well it will do on new ones.</p>"
        )
    return (
        f"<h1>{escape(report['title'])}</h1>{outdone(report)}"
        f'<p class="sub">Pipeline <b>{escape(report["pipeline"])}</b> · {report["task"]} · '
        f"trained on {number(rows['training'])} rows · <code>model.onnx</code> measured on "
        f"{measured}</p>{warning}"
    )


def _tiles(report: Mapping[str, Any]) -> str:
    main = report["branches"]["main"]
    first, second = FIGURES[report["task"]][:2]
    tiles = []
    for name in (first, second):
        figure = main["metrics"].get(name)
        if figure is not None:
            value = ranged({"value": figure["value"], "low": None})
            limits = ranged(figure).removeprefix(value).strip()
            bounded = figure["low"] is not None
            tiles.append(
                _tile(spoken(name), value, f"95 % interval {limits}" if bounded else limits)
            )
    baseline = main["comparisons"][0]
    difference = baseline["difference"]
    tiles.append(
        _tile(
            f"{spoken(difference['metric'])} against {baseline['name']}",
            signed({**difference, "low": None}),
            told(difference),
        )
    )
    claims = report["claims"]
    if claims:
        reached = sum(claim["verdict"] != "not reproduced" for claim in claims)
        words = "printed figures shown equal or compatible"
        tiles.append(_tile("the texts", f"{reached} of {len(claims)}", words))
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tile(name: str, value: str, note: str) -> str:
    return f'<div class="tile"><span>{escape(name)}</span><b>{value}</b><span>{note}</span></div>'

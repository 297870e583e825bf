"""The sections of the report page, each from the part of the report that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from throughline.evaluation.show.methods import cautions, methods
from throughline.figures.names import FIGURES
from throughline.report.chart import number
from throughline.report.markup import (
    MOST_WITH_NUMBERS,
    cell,
    drawing,
    judgement,
    matrix,
    ranged,
    signed,
    spoken,
    table,
    text,
    verdict,
)

Report = Mapping[str, Any]


def claims(report: Report) -> str:
    """What the texts print, and what we found."""
    if not report["claims"]:
        return ""
    header = ("where", "variant", "metric", "printed", "ours", "verdict")
    rows: list[tuple[str, ...]] = []
    book = ""
    for claim in report["claims"]:
        if claim["text"] != book:
            book = claim["text"]
            rows.append((f'<th class="group" colspan="{len(header)}">{escape(book)}</th>',))
        rows.append(
            (
                text(claim["at"]),
                text(claim["point"] or ("" if claim["variant"] == "main" else claim["variant"])),
                text(spoken(claim["metric"])),
                cell(_printed(claim)),
                cell(ranged(claim["ours"])),
                verdict(claim["verdict"], claim["side"]),
            )
        )
        why = " ".join(note for note in (claim["erratum"], claim["reason"]) if note)
        if why:
            rows.append((f'<td class="why" colspan="{len(header)}">{escape(why)}</td>',))
    return "<h2>The texts' figures</h2>" + table(header, rows)


def _printed(claim: Mapping[str, Any]) -> str:
    spread = "" if claim["sd"] is None else f" ±&nbsp;{claim['sd']:g}"
    return f"{claim['printed']:g}{spread}"


def gates(report: Report) -> str:
    """What must hold before a release."""
    if not report["gates"]:
        return ""
    rows = [
        (
            text(gate["gate"]),
            cell(number(gate["value"])),
            f'<td class="{"good" if gate["holds"] else "bad"}">'
            f"{'holds' if gate['holds'] else 'does not hold'}</td>",
        )
        for gate in report["gates"]
    ]
    return "<h2>Gates</h2>" + table(("gate", "value", "verdict"), rows)


def debug_list(report: Report) -> str:
    """What to look at when the model is not better than its trivial baseline."""
    if not report["debug"]:
        return ""
    rows = [tuple(map(text, (e["item"], e["expected"], e["used"]))) for e in report["debug"]]
    trivial = report["branches"]["main"]["comparisons"][0]["name"]
    return (
        f'<h2>Debug list</h2><p class="warning"><b>The model does not beat the baseline '
        f"{escape(trivial)}</b>, so one of these is likely wrong.</p>"
        + table(("look at", "should be", "this pipeline uses"), rows)
    )


def figures(report: Report) -> str:
    """Every figure, on test rows, training rows and folds."""
    metrics = report["branches"]["main"]["metrics"]
    folded = any(name.startswith("cv_") for name in metrics)
    names = list(FIGURES[report["task"]])
    names += [
        plain
        for name in metrics
        if name.startswith("cv_") and (plain := name.removeprefix("cv_")) not in names
    ]
    has_test = report["branches"]["main"]["rows"]["test"] > 0
    header = ["", "test rows" if has_test else "training rows"]
    prefixes = [""]
    if has_test:
        main = report["branches"]["main"]
        known = main.get("training_rows_measured", main["rows"]["training"])
        every = known == main["rows"]["training"]
        header.append("training rows" if every else f"{number(known)} of the training rows")
        prefixes.append("train_")
    if folded:
        header.append("cross-validation, mean of the folds")
        prefixes.append("cv_")
    rows = [
        (text(spoken(name)), *(cell(ranged(metrics.get(prefix + name))) for prefix in prefixes))
        for name in names
        if any(prefix + name in metrics for prefix in prefixes)
    ]
    note = f'<p class="note">{methods(metrics.values(), report["task"])}</p>'
    narrow = cautions(report["branches"]["main"])
    note += f'<p class="warning">{narrow}</p>' if narrow else ""
    return f"<h2>Figures</h2>{table(header, rows)}{note}{_coefficients(report)}"


def _coefficients(report: Report) -> str:
    found = report["branches"]["main"].get("coefficients")
    if not found:
        return ""
    rows = [(text(name.removeprefix("coefficient:")), cell(number(v))) for name, v in found.items()]
    return "<h3>The model is a linear function of the raw columns</h3>" + table(
        ("column", "coefficient"), rows
    )


def comparisons(report: Report) -> str:
    """The baselines and classical models, each with its paired difference."""
    entries = report["branches"]["main"]["comparisons"]
    if not entries:
        return ""
    metric = entries[0]["difference"]["metric"]
    ours = report["branches"]["main"]["metrics"][metric]
    rows = [[cell("<b>this model</b>"), cell(ranged(ours)), cell(""), cell("")]]
    rows += [
        [
            text(_with_arguments(entry)),
            cell(ranged(entry["metrics"].get(metric))),
            cell(signed(entry["difference"])),
            judgement(entry["difference"]),
        ]
        for entry in entries
    ]
    header = ["model", spoken(metric), "this model − it, paired", "this model is"]
    if any("folds" in entry for entry in entries):
        header.insert(2, f"{spoken(metric)}, mean of the folds")
        own = report["branches"]["main"]["metrics"].get(f"cv_{metric}")
        folds = [own, *(entry.get("folds", {}).get(metric) for entry in entries)]
        for row, figure in zip(rows, folds, strict=True):
            row.insert(2, cell(ranged(figure)))
    return (
        "<h2>Against other models</h2><p>Each was trained on the same prepared training rows and "
        "answered the same rows. An interval that holds 0 shows nothing: the difference may be "
        f"anything in it.{_detectable(entries)}</p>" + table(header, rows)
    )


def _detectable(entries: list[Mapping[str, Any]]) -> str:
    """What these rows could have shown."""
    smallest = max(entry["difference"].get("detectable", 0.0) for entry in entries)
    if not smallest:
        return ""
    return f" Differences beyond {smallest:.2g} would have been found in 80 % of such samples."


def _with_arguments(entry: Mapping[str, Any]) -> str:
    given = ", ".join(f"{key}={value}" for key, value in entry["arguments"].items())
    name: str = entry["name"]
    return f"{name} ({given})" if given else name


def variants(report: Report) -> str:
    """The branches beside each other."""
    if len(report["branches"]) == 1:
        return ""
    names = FIGURES[report["task"]][:3]
    rows = []
    for branch, content in report["branches"].items():
        difference = content.get("difference_to_main")
        rows.append(
            (
                text(branch if branch == "main" else content["title"] or branch),
                *(cell(ranged(content["metrics"].get(name))) for name in names),
                cell(signed(difference) if difference else ""),
                judgement(difference) if difference else cell(""),
            )
        )
    compared = spoken(report["branches"]["main"]["comparisons"][0]["difference"]["metric"])
    header = ("branch", *map(spoken, names), f"{compared} − main's, paired", "it is")
    return f"<h2>Variants</h2>{_looks(report)}" + table(header, rows)


def _looks(report: Report) -> str:
    """How often the test rows were looked at, and what that does to the best."""
    looks = sum(content["rows"]["test"] > 0 for content in report["branches"].values())
    if looks < 2:
        return ""
    return (
        f"<p>The test rows were looked at {looks} times, once a branch. Whoever picks the best of "
        "these by them flatters it: choose by cross-validation, and let the test rows judge one."
        "</p>"
    )


def precisions(report: Report) -> str:
    """The smaller files of the model, and what they cost on the rows that are evaluated."""
    entries = report["branches"]["main"].get("precisions")
    if not entries:
        return ""
    rows = [
        (
            text(entry["precision"]),
            cell(number(entry["bytes"])),
            cell(signed(entry["difference"]) if "difference" in entry else ""),
            verdict(
                "" if "released" not in entry else ("kept" if entry["released"] else "refused")
            ),
        )
        for entry in entries
    ]
    compared = spoken(FIGURES[report["task"]][0])
    note = (
        "<p>Answers of the smaller files to the same rows. A file whose interval leaves the "
        "pipeline's tolerance is not released.</p>"
    )
    header = ("precision", "bytes", f"{compared} − float32's, paired", "it is")
    return "<h2>Precisions</h2>" + note + table(header, rows)


def classes(report: Report) -> str:
    """The confusion matrix and the figures of every class."""
    main = report["branches"]["main"]
    if "per_class" not in main:
        return ""
    rows = [
        (
            text(entry["class"]),
            *(
                cell("–" if entry[name] is None else f"{entry[name]:.4f}")
                for name in ("precision", "recall", "f1")
            ),
            cell(number(entry["support"])),
        )
        for entry in main["per_class"]
    ]
    each = table(("class", "precision", "recall", "F1", "rows"), rows)
    counted = matrix(main["classes"], main["confusion"]) if "confusion" in main else ""
    beside = ' class="pair"' if len(rows) <= MOST_WITH_NUMBERS else ""
    return f"<h2>Classes</h2><div{beside}><div>{counted}</div><div>{each}</div></div>"


def drawn(report: Report, plots: Mapping[str, Any]) -> str:
    """The plots, as far as they fit the task."""
    main = report["branches"]["main"]
    curves = drawing("Learning curve", plots.get("learning_curve"))
    caption = _calibrated(main.get("calibration"))
    truth = (
        drawing(caption, plots.get("calibration"))
        + drawing("ROC curve", plots.get("roc"))
        + drawing("Predicted against actual", plots.get("predicted"))
        + drawing("Residuals", plots.get("residuals"))
        + "".join(drawing(caption, svg) for caption, svg in plots.get("forecast", {}).items())
    )
    boundaries = "".join(
        drawing("main" if branch == "main" else report["branches"][branch]["title"] or branch, svg)
        for branch, svg in plots.get("boundaries", {}).items()
    )
    result = f'<h2>Curves</h2><div class="pair">{curves}{truth}</div>' if curves + truth else ""
    if boundaries:
        result += f'<h2>Decision boundary</h2><div class="pair">{boundaries}</div>'
    return result


def _calibrated(found: Mapping[str, Any] | None) -> str:
    """The error beside the one that right probabilities have for so few rows."""
    if found is None:
        return "Calibration"
    return (
        f"Calibration, expected error {found['expected_error']:.3f}; right probabilities give "
        f"{found['if_perfect']:.3f}, at most {found['at_most_if_perfect']:.3f} in 95 %"
    )


def slices(report: Report) -> str:
    """Parts of the rows."""
    entries = report["branches"]["main"]["slices"]
    if not entries:
        return ""
    names = FIGURES[report["task"]][:2]
    rows = [
        (
            text(entry["column"]),
            text(entry["value"]),
            cell(number(entry["rows"])),
            *(cell(ranged(entry["metrics"].get(name))) for name in names),
        )
        for entry in entries
    ]
    header = ("column", "value", "rows", *map(spoken, names))
    return "<h2>Slices</h2>" + table(header, rows)

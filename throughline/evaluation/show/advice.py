"""What to do next, from what a report says: each rule looks at one thing and has one remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from throughline.evaluation.measure.evaluated import FIGURES, figure_of
from throughline.evaluation.show.line import broken
from throughline.report.markup import spoken

Report = Mapping[str, Any]
# A class whose recall is below this is hardly found.
HARDLY_FOUND = 0.5
# An interval of a share that is wider says little.
WIDE = 0.1


def advice(report: Report) -> list[str]:
    """What to do next, the most urgent first."""
    return [line for rule in RULES for line in rule(report)]


def _gates(report: Report) -> Iterator[str]:
    for gate in broken(report):
        yield f"The gate “{gate}” does not hold: no release before it does."


def _simpler(report: Report) -> Iterator[str]:
    """A model that is better, or is not shown to be worse and is simpler."""
    for entry in report["branches"]["main"]["comparisons"][1:]:
        if entry["difference"]["verdict"] == "worse":
            yield f"{entry['name']} does better than this model: start from what it does."
            return
        if entry["difference"]["verdict"] in ("not shown", "equal"):
            yield (
                f"Nothing shows that this model is better than {entry['name']}, which is simpler: "
                "let that one do, or gather more rows."
            )
            return


def _overfitted(report: Report) -> Iterator[str]:
    """Known rows are answered better than the interval of new ones allows."""
    metrics = report["branches"]["main"]["metrics"]
    name = FIGURES[report["task"]][0]
    new, known = metrics.get(name), metrics.get(f"train_{name}")
    if not new or not known or new["low"] is None:
        return
    rises = figure_of(name).rises
    if known["value"] > new["high"] if rises else known["value"] < new["low"]:
        yield (
            f"On training rows {spoken(name)} is {known['value']:.3g}, better than on new rows it "
            "can be: try fewer units, dropout, fewer epochs or more rows."
        )


def _uncertain(report: Report) -> Iterator[str]:
    main = report["branches"]["main"]
    name = FIGURES[report["task"]][0]
    figure = main["metrics"].get(name)
    if name == "accuracy" and figure and figure["low"] is not None:
        width = figure["high"] - figure["low"]
        if width > WIDE:
            yield (
                f"{main['rows']['test']} test rows leave accuracy uncertain by {width:.2g}: more "
                "of them would say it better."
            )


def _hardly_found(report: Report) -> Iterator[str]:
    for entry in report["branches"]["main"].get("per_class", ()):
        if entry["recall"] is not None and entry["recall"] < HARDLY_FOUND and entry["support"]:
            yield (
                f"Of the class “{entry['class']}” only {entry['recall']:.0%} are found: look at "
                "its mistakes, give it more rows or training.class_weight: balanced."
            )
            return


def _slices(report: Report) -> Iterator[str]:
    if not report["branches"]["main"]["slices"]:
        yield "Name a column under slices to see for whom the model does worse."


RULES: tuple[Callable[[Report], Iterator[str]], ...] = (
    _gates, _simpler, _overfitted, _uncertain, _hardly_found, _slices,
)  # fmt: skip

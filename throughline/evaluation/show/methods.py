"""Where the interval of each figure comes from, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from throughline.evaluation.measure.evaluated import EVALUATED

# How the limits of a figure are found, in the order of the table.
METHODS = {
    "wilson": "Wilson's score interval for shares of rows",
    "delong": "DeLong's and Newcombe's for the ROC area",
    "posterior": "that of the confusion matrix' posterior for figures made of its counts",
    "studentised": "the studentised bootstrap and what larger ones would add for errors",
    "bootstrap": "that of 2000 bootstrap resamples of the rows",
    "groups": "that of 2000 draws of whole groups, with Student's t",
    "blocks": "that of 2000 draws of blocks of steps, with Student's t",
    "folds": "that of the folds for cross-validation",
}


# With fewer rows, the squares of lognormal errors are covered in 88 to 92 %.
ENOUGH_ERRORS = 200
# With fewer rows of a class, macro figures of ten classes are covered in 81 %.
ENOUGH_OF_A_CLASS = 5
# With fewer blocks, figures of series that remember long are covered in 84 to 91 %.
ENOUGH_BLOCKS = 50


def cautions(main: Mapping[str, Any]) -> str:
    """Where the intervals of a report are known to be too narrow, in sentences.

    The limits are those at which `python -m benchmarks.honesty` finds 93 % and more.

    Args:
        main: what report.json says of the branch.
    """
    rows = main["rows"]["test"]
    by_method: dict[str, list[str]] = {}
    for name, figure in main["metrics"].items():
        if figure["low"] is not None:
            by_method.setdefault(figure["method"], []).append(name)
    said = []
    if rows < ENOUGH_ERRORS and _are_errors(by_method.get("studentised", ())):
        said.append(
            f"{rows:,} rows may hold none of the rare large errors: where one error is as large as "
            "all others together, the intervals of errors and losses are too narrow (they cover 88 "
            "to 92 % instead of 95 %)."
        )
    thin = sum(each["support"] < ENOUGH_OF_A_CLASS for each in main.get("per_class", ()))
    if thin and any(
        name.startswith(("macro", "balanced")) for name in by_method.get("posterior", ())
    ):
        classes = "1 class has" if thin == 1 else f"{thin} classes have"
        said.append(
            f"{classes} fewer than {ENOUGH_OF_A_CLASS} test rows: the intervals of macro figures "
            "are too narrow."
        )
    blocks = main.get("blocks", ENOUGH_BLOCKS)
    if "blocks" in by_method and blocks < ENOUGH_BLOCKS:
        said.append(
            f"The test part holds only {blocks} blocks of steps that know little of each other: "
            "where errors remember long, the intervals are too narrow."
        )
    return " ".join(said)


def _are_errors(names: Iterable[str]) -> bool:
    return any(EVALUATED[name].skewed for name in names if name in EVALUATED)


def methods(figures: Iterable[Mapping[str, Any]], task: str) -> str:
    """Where the intervals of figures come from, in a sentence.

    Args:
        figures: as the report holds them.
        task: the problem type.
    """
    used = {figure["method"] for figure in figures if figure["low"] is not None}
    said = "; ".join(words for method, words in METHODS.items() if method in used)
    numbers = task in ("regression", "proportion", "forecast")
    loss = "" if numbers else "Loss is the cross-entropy in nats."
    return (f"It is {said}. " if said else "") + loss

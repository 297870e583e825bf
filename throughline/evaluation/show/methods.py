"""Where the interval of each figure comes from, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# How the limits of a figure are found, in the order of the table.
METHODS = {
    "wilson": "Wilson's score interval for shares of rows",
    "delong": "DeLong's and Newcombe's for the ROC area",
    "posterior": "that of the confusion matrix' posterior for figures made of its counts",
    "studentised": "that of the studentised bootstrap for errors",
    "bootstrap": "that of 2000 bootstrap resamples of the rows",
    "groups": "that of 2000 draws of whole groups, with Student's t",
    "blocks": "that of 2000 draws of blocks of steps, with Student's t",
    "folds": "that of the folds for cross-validation",
}


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

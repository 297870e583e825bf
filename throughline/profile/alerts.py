"""What of a table needs a look before anything is trained on it, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

    from throughline.profile.facts import Fact

# Shares of rows from which a column is told.
MUCH_MISSING, MANY_OUTLIERS, ONE_CLASS = 0.05, 0.05, 0.8
# A skewness, and a correlation, that are told.
SKEWED, SAME = 3.0, 0.98
UNUSED = {
    "empty": ("no value at all", "Leave it out"),
    "constant": ("one value in all rows", "Leave it out"),
    "identifier": ("another value in nearly every row", "Leave it out: it tells rows apart"),
    "other": ("values that are no number and no text", "Leave it out, or take it apart before"),
}


class Alert(NamedTuple):
    """What was found in a column, and what to do."""

    column: str
    finding: str
    remedy: str


def alerts(
    frame: pd.DataFrame, facts: Sequence[Fact], goal: Fact, classes: bool, table: pd.DataFrame
) -> list[Alert]:
    """What needs a look, the target and whole rows first.

    Args:
        frame: the rows.
        facts: what is in their columns.
        goal: the target.
        classes: whether it is one of classes.
        table: the correlations of numbers.
    """
    found = [*_of_target(goal, classes), *_of_rows(frame, facts)]
    for fact in facts:
        found += _of_column(fact)
    return [*found, *_of_pairs(table, goal.name)]


def _of_target(goal: Fact, classes: bool) -> Iterator[Alert]:
    if goal.missing:
        remedy = "Such rows are set aside"
        yield Alert(goal.name, f"the target lacks in {goal.missing:,} rows", remedy)
    largest = max(goal.counts.values(), default=0) / max(goal.rows - goal.missing, 1)
    if classes and largest > ONE_CLASS:
        remedy = "Look at recall and ROC AUC beside accuracy; training.class_weight: balanced"
        yield Alert(goal.name, f"{largest:.0%} of the rows are of one class", remedy)


def _of_rows(frame: pd.DataFrame, facts: Sequence[Fact]) -> Iterator[Alert]:
    plain = [fact.name for fact in facts if fact.role != "other"]
    count = int(frame[plain].duplicated().sum())
    if count:
        remedy = "Repeated rows may stand on both sides of a split: split.guards"
        yield Alert("all", f"{count:,} rows repeat another one", remedy)


def _of_column(fact: Fact) -> Iterator[Alert]:
    if fact.role in UNUSED:
        yield Alert(fact.name, *UNUSED[fact.role])
        return
    share = fact.missing / max(fact.rows, 1)
    if share > MUCH_MISSING:
        remedy = "Impute it, or ask why it lacks"
        yield Alert(fact.name, f"{share:.0%} of the values are missing", remedy)
    if fact.role == "number" and fact.outliers > MANY_OUTLIERS * fact.rows:
        outliers = f"{fact.outliers / fact.rows:.0%} lie far outside the middle half"
        yield Alert(fact.name, outliers, "scale: robust, or clip")
    elif fact.role == "number" and abs(fact.skewness) > SKEWED:
        yield Alert(fact.name, f"skewness {fact.skewness:.1f}", "log, where no value is negative")
    if fact.role == "labels":
        levels = f"{fact.distinct:,} different texts"
        yield Alert(fact.name, levels, "A feature each, or ids for an embedding")


def _of_pairs(table: pd.DataFrame, target: str) -> Iterator[Alert]:
    names, values = list(table.columns), table.to_numpy(dtype=float)
    for i, first in enumerate(names):
        for j, second in enumerate(names[i + 1 :], i + 1):
            value = float(values[i, j])
            if abs(value) >= SAME:
                remedy = (
                    "Is it known before the target is?"
                    if target in (first, second)
                    else "One of them is enough"
                )
                found = f"correlation {value:.2f} with {second}"
                yield Alert(first, found, remedy)

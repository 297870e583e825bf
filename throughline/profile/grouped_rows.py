"""Tables in which one person, device or site has many rows: the column that names it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from throughline.guards.finding import is_number
from throughline.guards.groups import called_group, constant_within, group_names
from throughline.profile.moments import tells_times

if TYPE_CHECKING:
    import pandas as pd

    from throughline.profile.facts import Fact

# A group of more rows is a word for unknown ones, or a category.
LARGEST = 0.2
# So many columns that do not change within groups must be shared by several of them, as a sex or a
# year of birth is: what numbers are made from a number is told apart by it, as a logarithm.
FEWEST_SHARED, SHARED = 2, 0.9
PERIOD = re.compile(
    r"(.*[ _.-])?(decade|year|yr|season|quarter|qtr|month|week|day|days|hour|wave|period|round|term"
    r"|age|t)",
    re.I,
)
# Draws among which one is looked for that leaves every class in both parts.
SEEDS = 20


def group_column(frame: pd.DataFrame, facts: Sequence[Fact], target: str) -> str | None:
    """The column whose values each name one thing with several rows; None where there is none.

    One that is called so, as `patient_id`, comes before one that acts so; of several the one of the
    fewest values: a household's persons stay together with it.

    Args:
        frame: the rows.
        facts: what is in their columns.
        target: the column to predict.
    """
    rows = frame[frame[target].notna()]
    no_names = ("time", "text", "other", "flag", "boolean", "constant")
    known = {
        fact.name: fact
        for fact in facts
        if fact.name != target and not fact.missing and fact.role not in no_names
    }
    found = [known[name] for name in group_names(rows, known) if _are_things(rows, name, target)]
    called = [fact for fact in found if called_group(fact.name)]
    return min(called or found, key=lambda fact: fact.distinct).name if found else None


def _are_things(rows: pd.DataFrame, name: str, target: str) -> bool:
    """Whether what acts like groups is no moment, no quantity and no ordinary category."""
    counts = rows[name].value_counts()
    if counts.iloc[0] > LARGEST * len(rows):
        return False
    if called_group(name):
        return True
    if PERIOD.fullmatch(name) or tells_times(name):
        return False
    within = [other for other in constant_within(rows, name) if other != target]
    shared = [other for other in within if rows[other].nunique() <= SHARED * len(counts)]
    return not is_number(rows[name]) or len(shared) >= FEWEST_SHARED


def same_groups(frame: pd.DataFrame, facts: Sequence[Fact], group: str) -> list[str]:
    """Columns of texts that name the same groups, as the name of a person beside a number."""
    pairs = frame.groupby(group)
    return [
        fact.name
        for fact in facts
        if fact.name != group
        and fact.role in ("labels", "identifier", "category", "text")
        and fact.distinct == frame[group].nunique()
        and bool((pairs[fact.name].nunique() == 1).all())
    ]


def split(frame: pd.DataFrame, group: str, target: str, classifies: bool) -> dict[str, Any]:
    """A split by whole groups, with every class in both parts where some draw has that."""
    import numpy as np

    from throughline.samples.splits import drawn

    rows = frame[frame[target].notna()]
    found: dict[str, Any] = {"kind": "grouped", "column": group, "test": 0.2, "seed": 0}
    if not classifies:
        return found
    answers, groups = rows[target].to_numpy(), rows[group].to_numpy()
    classes = rows[target].nunique()
    for seed in range(SEEDS):
        held = np.zeros(len(rows), bool)
        held[drawn.grouped(groups, found["test"], seed)] = True
        if all(len(set(answers[part].tolist())) == classes for part in (held, ~held)):
            return found | {"seed": seed}
    return found | {"guards": {"unseen_classes": "warn"}}

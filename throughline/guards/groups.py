"""Guard `groups`: rows of one person, device or site belong into one part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import listed
from throughline.guards.finding import Case, Observation, guard, is_number, is_plain, is_whole

if TYPE_CHECKING:
    import pandas as pd

# What a column that says which rows belong together is usually called, whole or cut short.
WHO = (
    "patient|subject|person|user|customer|client|session|speaker|author|household|family|animal"
    "|device|machine|sensor|station|group"
)
CUT_SHORT = "pat|pt|subj|pers|usr|cust|cli|sess|hh|dev|mach|stn"
NUMBER = "id|identifier|number|num|no|nr|code|key"
GROUP_NAME = re.compile(
    rf"({WHO})([ ._-]{{0,2}}({NUMBER}))?|(.*[ ._-])?({WHO}|{CUT_SHORT})[ ._-]{{0,2}}({NUMBER})[.]?"
    rf"|id[ ._-]?({WHO}|{CUT_SHORT})",
    re.IGNORECASE,
)
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
FEWEST_GROUPS = 10
# A column whose values are as few as that is a category that others may well follow from.
SMALLEST_SHARE = 0.05
# So many columns do not change within nearly every group.
FEWEST_CONSTANT, CONSTANT = 2, 0.95


@guard("groups")
def groups(case: Case) -> Iterator[Observation]:
    """Groups with rows in both parts.

    Certain for the columns that `split.column` (grouped) or `guards.grouped_by` names; suspicious
    for a column that is called like a group, as `patient_id`, and whose values repeat, or within
    whose values other columns do not change.
    """
    declared = list(case.split.guards.grouped_by)
    if case.split.kind == "grouped" and case.split.column:
        declared.append(case.split.column)
    for name in declared:
        if name not in case.by_name:
            yield Observation(f"the column '{name}' of groups is not in the rows", (name,))
            continue
        yield from _across(case, name, certain=True)
    others = [n for n in map(str, case.rows.columns) if n not in (*declared, *case.target.columns)]
    for name in group_names(case.rows, others):
        yield from _across(case, name, certain=False)


def called_group(name: str) -> bool:
    """Whether a column is called like a person, device or site: `patient_id`, `PatNr`, `hh id`."""
    return any(GROUP_NAME.fullmatch(spelt) for spelt in (name, HUMP.sub("_", name)))


def group_names(rows: pd.DataFrame, names: Iterable[str]) -> list[str]:
    """The columns whose values seem to name persons, devices or sites, each with several rows."""
    codes = dict[str, np.ndarray]()
    return [
        name
        for name in names
        if _looks_like_groups(rows, name) or _acts_like_groups(rows, name, codes)
    ]


def _looks_like_groups(rows: pd.DataFrame, name: str) -> bool:
    if not called_group(name):
        return False
    column = rows[name]
    if not is_plain(column) or (is_number(column) and not is_whole(column)):
        return False
    # One row a group is an identifier; a handful of groups is an ordinary category.
    return FEWEST_GROUPS <= column.nunique() <= len(column) / 2


def _acts_like_groups(rows: pd.DataFrame, name: str, codes: dict[str, np.ndarray]) -> bool:
    """Whether the rows of a value are one thing seen several times, whatever the column is called.

    It has many values, few rows each, and in nearly every one of them other columns do not change,
    though they differ from one to the next: a patient has one sex, one year of birth.
    """
    column = rows[name]
    if not is_plain(column) or column.isna().any():
        return False
    if is_number(column) and not is_whole(column):
        return False
    count = column.nunique()
    if not max(FEWEST_GROUPS, SMALLEST_SHARE * len(column)) <= count <= len(column) / 2:
        return False
    return len(list(constant_within(rows, name, codes))) >= FEWEST_CONSTANT


def constant_within(
    rows: pd.DataFrame, name: str, codes: dict[str, np.ndarray] | None = None
) -> Iterator[str]:
    """The columns that do not change within nearly every group of rows with one value.

    Args:
        rows: the table.
        name: the column of groups, missing nowhere.
        codes: receives for each column its values' numbers, -1 where missing; to be given again for
            the next column of the table.
    """
    import pandas as pd

    codes = {} if codes is None else codes
    for other in map(str, rows.columns):
        if other not in codes and is_plain(rows[other]):
            codes[other] = pd.factorize(rows[other])[0]
    counts = np.bincount(codes[name])
    repeated = counts[codes[name]] > 1
    place, groups = codes[name][repeated], int((counts > 1).sum())
    for other, every in codes.items():
        if other == name or every.max() < 1:
            continue
        values = every[repeated]
        # What some rows disagree in, all do.
        some = slice(max(256, groups))
        if any(_agreeing(place[p], values[p], groups) < CONSTANT for p in (some, slice(None))):
            continue
        shuffled = np.random.RandomState(0).permutation(every)[repeated]
        if _agreeing(place, shuffled, groups) <= CONSTANT / 2:
            yield other


def _agreeing(place: np.ndarray, codes: np.ndarray, groups: int) -> float:
    """The share of groups with one value at most; a missing one, -1, is none."""
    known, width = codes >= 0, codes.max(initial=0) + 1
    pairs = np.unique(place[known] * width + codes[known])
    different = np.unique(pairs // width, return_counts=True)[1] > 1
    return float(1 - different.sum() / groups) if groups else 0.0


def _across(case: Case, name: str, certain: bool) -> Iterator[Observation]:
    column = case.by_name[name]
    shared = set(case.training[name].dropna()) & set(case.test[name].dropna())
    if not shared:
        return
    rows = np.flatnonzero((case.parts == "test") & column.isin(shared).to_numpy())
    yield Observation(
        f"{len(shared)} of {column.nunique()} groups of '{name}' have rows in both parts, such as "
        f"{listed(sorted(shared, key=str)[:3])}; split with 'kind: grouped, column: {name}'",
        # Without `columns`: the remedy is the split, not to remove the column.
        rows=tuple(int(row) for row in rows),
        certain=certain,
    )

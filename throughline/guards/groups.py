"""Guard `groups`: rows of one person, device or site belong into one part."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from throughline.errors import listed
from throughline.guards.finding import Case, Observation, guard, is_number, is_plain

# Names of columns that usually say which rows belong together.
GROUP_NAME = re.compile(
    r"(patient|subject|person|user|customer|client|session|speaker|author|household|family|animal"
    r"|device|machine|sensor|station|group)([ _-]?(id|number|no|nr|code|key))?",
    re.IGNORECASE,
)
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
        if name not in case.rows.columns:
            yield Observation(f"the column '{name}' of groups is not in the rows", (name,))
            continue
        yield from _across(case, name, certain=True)
    for name in case.rows.columns:
        if name not in declared and (
            _looks_like_groups(case, str(name)) or _acts_like_groups(case, str(name))
        ):
            yield from _across(case, str(name), certain=False)


def _looks_like_groups(case: Case, name: str) -> bool:
    if not GROUP_NAME.fullmatch(name) or name in case.target.columns:
        return False
    column = case.rows[name]
    if not is_plain(column) or (is_number(column) and (column.dropna() % 1 != 0).any()):
        return False
    # One row a group is an identifier; a handful of groups is an ordinary category.
    return FEWEST_GROUPS <= column.nunique() <= len(column) / 2


def _acts_like_groups(case: Case, name: str) -> bool:
    """Whether the rows of a value are one thing seen several times, whatever the column is called.

    It has many values, few rows each, and in nearly every one of them other columns do not change,
    though they differ from one to the next: a patient has one sex, one year of birth.
    """
    import pandas as pd

    column = case.rows[name]
    if name in case.target.columns or not is_plain(column) or column.isna().any():
        return False
    if is_number(column) and (column % 1 != 0).any():
        return False
    count = column.nunique()
    if not max(FEWEST_GROUPS, SMALLEST_SHARE * len(column)) <= count <= len(column) / 2:
        return False
    place = column.groupby(column, sort=False).ngroup()
    repeated = place.groupby(place).transform("size").to_numpy() > 1
    constant = 0
    for other in case.rows.columns:
        values = case.rows[other]
        if other == name or not is_plain(values) or not values.nunique() >= 2:
            continue
        agreeing = (values[repeated].groupby(place[repeated]).nunique() <= 1).mean()
        shuffled = values.sample(frac=1, random_state=0).to_numpy()[repeated]
        chance = (pd.Series(shuffled).groupby(place[repeated].to_numpy()).nunique() <= 1).mean()
        constant += bool(agreeing >= CONSTANT and chance <= CONSTANT / 2)
    return constant >= FEWEST_CONSTANT


def _across(case: Case, name: str, certain: bool) -> Iterator[Observation]:
    column = case.rows[name]
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

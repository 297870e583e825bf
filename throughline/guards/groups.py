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


@guard("groups")
def groups(case: Case) -> Iterator[Observation]:
    """Groups with rows in both parts.

    Certain for the columns that `split.column` (grouped) or `guards.grouped_by` names; suspicious
    for a column that is called like a group, as `patient_id`, and whose values repeat.
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
        if name not in declared and _looks_like_groups(case, str(name)):
            yield from _across(case, str(name), certain=False)


def _looks_like_groups(case: Case, name: str) -> bool:
    if not GROUP_NAME.fullmatch(name) or name in case.target.columns:
        return False
    column = case.rows[name]
    if not is_plain(column) or (is_number(column) and (column.dropna() % 1 != 0).any()):
        return False
    # One row a group is an identifier; a handful of groups is an ordinary category.
    return FEWEST_GROUPS <= column.nunique() <= len(column) / 2


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

"""Guards `unseen_classes` and `unseen_categories`: training must have seen what is tested."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from throughline.errors import listed
from throughline.guards.finding import Case, Observation, guard, is_number, plain_columns

# A column with more values than this is a text or an identifier.
MOST_CATEGORIES = 200


@guard("unseen_classes")
def unseen_classes(case: Case) -> Iterator[Observation]:
    """Classes that the rows or `target.classes` hold and no training row has."""
    if not case.classifies:
        return
    for name in case.target.columns:
        seen = set(case.by_name[name][case.parts == "training"].dropna().unique())
        held = case.by_name[name].dropna()
        expected = set(held.unique()) | set(case.target.classes or ())
        absent = sorted(expected - seen, key=str)
        if absent:
            rows = np.flatnonzero(
                (case.parts == "test") & held.reindex(case.rows.index).isin(absent)
            )
            yield Observation(
                f"no training row has the class {listed(absent)} of '{name}', so it can never be "
                "predicted; stratify the split or take the class out",
                rows=tuple(int(row) for row in rows),
            )


@guard("unseen_categories")
def unseen_categories(case: Case) -> Iterator[Observation]:
    """Categories of a feature that test rows have and training rows have not."""
    trained = case.parts == "training"
    for name, column in plain_columns(case):
        # The first rows nearly always tell.
        if is_number(column) or any(
            part.nunique() > MOST_CATEGORIES for part in (column.head(1000), column)
        ):
            continue
        # Of this column alone: all training rows for each column cost columns x columns.
        seen = column[trained].dropna().unique()
        unknown = (case.parts == "test") & (~column.isin(seen) & column.notna()).to_numpy()
        if unknown.any():
            values = sorted(set(column[unknown]), key=str)
            yield Observation(
                f"{int(unknown.sum())} test rows have a category of '{name}' that no training row "
                f"has: {listed(values)}",
                (name,),
                tuple(int(row) for row in np.flatnonzero(unknown)),
            )

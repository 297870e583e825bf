"""Guard `identifiers`: a column that numbers the rows says nothing about new ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from throughline.guards.finding import Case, Observation, guard, is_number, is_whole, plain_columns

if TYPE_CHECKING:
    import pandas as pd

NAME = re.compile(r"(.*[ _-])?(id|uuid|guid|key|index|row|nr|no)|.*[a-z]I[Dd]", re.IGNORECASE)
FEWEST_ROWS = 20
# A part of the rows has gaps in its numbers.
WIDEST_NUMBERING = 2
# Longer texts are sentences, which are rarely equal and still say something.
MOST_WORDS = 4


@guard("identifiers")
def identifiers(case: Case) -> Iterator[Observation]:
    """Features with another value in (nearly) every row that are no measurement and no sentence."""
    # Training rows only: a column that is dropped must not depend on what is in the test rows.
    training = case.parts == "training"
    if training.sum() < FEWEST_ROWS:
        return
    for name, column in plain_columns(case):
        reason = identifying(name, column[training])
        if reason:
            yield Observation(f"'{name}' {reason}, so it identifies rows", (name,))


def identifying(name: str, column: pd.Series) -> str:
    """Why a column identifies rows, or nothing where it does not."""
    present = column.dropna()
    if present.empty or (is_number(column) and not is_whole(present)):
        return ""
    if is_number(column):
        if present.nunique() < len(present):
            return ""
        if present.max() - present.min() < WIDEST_NUMBERING * len(present):
            return "numbers the rows"
        return "has another value in every row" if NAME.fullmatch(name) else ""
    words = present.iloc[:200].astype(str).str.split().map(len).mean()
    if words > MOST_WORDS and not NAME.fullmatch(name):
        return ""
    distinct = present.nunique()
    if distinct < 0.95 * len(present):
        return ""
    return f"has {distinct} different values in {len(present)} rows"

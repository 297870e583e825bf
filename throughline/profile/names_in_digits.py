"""Whole numbers that name things: customers, places, goods. None of them is more than another."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from throughline.profile.moments import written_in_numbers
from throughline.sources.table import LARGEST_EXACT

if TYPE_CHECKING:
    import pandas as pd

NAMED = re.compile(
    r"(?i:(.*[ _-])?(id|code|nbr|sku|zip|zipcode|zip[ _-]?code|postcode|postal[ _-]?code|plz))"
    r"|.*[a-z](ID|Id|Code)"
)
# Fewer are told by their numbers as well; where most are seen once they tell rows apart.
FEWEST, MOST = 3, 0.5


def names_in_digits(frame: pd.DataFrame, whole: Collection[str]) -> dict[str, str]:
    """For each column of whole numbers that are names what shows it.

    Args:
        frame: the rows.
        whole: the columns whose numbers their source has as whole ones, also where some are
            missing; a column of floats would not come back as it was.
    """
    found = {}
    for name in map(str, frame.columns):
        column = frame[name]
        if name not in whole or column.dtype.kind not in "if":
            continue
        present = column.dropna()
        if present.empty or (present % 1 != 0).any():
            continue
        if column.dtype.kind == "i" and present.abs().max() > LARGEST_EXACT:
            if not written_in_numbers(name, present):
                most = f"{LARGEST_EXACT:,}"
                found[name] = f"whole numbers beyond {most} lose digits as quantities: texts"
        elif NAMED.fullmatch(name) and FEWEST <= present.nunique() <= MOST * len(present):
            found[name] = (
                f"{present.nunique()} numbers that name things, by the column's own: texts"
            )
    return found

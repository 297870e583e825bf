"""Texts that are all numbers, in a file whose format has types, as JSON of many services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from throughline.profile.names_in_digits import NAMED
from throughline.serving.rows.cells import Cells
from throughline.serving.rows.split import CODE
from throughline.sources.table import LARGEST_EXACT

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 2


def numbers_in_texts(frame: pd.DataFrame) -> dict[str, str]:
    """For each column of texts that are all numbers one of them.

    Codes with leading zeros, numbers beyond 2^53 and columns that are called like names of things
    stay texts.
    """
    import pandas as pd

    found = {}
    for name in map(str, frame.columns):
        if not isinstance(frame[name].dtype, pd.StringDtype) or NAMED.fullmatch(name):
            continue
        present = frame[name].dropna().drop_duplicates()
        present = present[present != ""]
        if len(present) < FEWEST or present.str.fullmatch(CODE).any():
            continue
        if all(_is_exact(text) for text in present):
            found[name] = str(present.iloc[0])
    return found


def _is_exact(text: str) -> bool:
    try:
        value = Cells().number(text)
    except ValueError:
        return False
    return value is not None and abs(value) <= LARGEST_EXACT

"""A last row that adds up the rows above it and has no word that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from throughline.errors import listed
from throughline.serving.rows.cells import Cells

if TYPE_CHECKING:
    import pandas as pd

# The line that leaves the row out.
SUMS_KEY = "source.read.skip_footer: 1"
FEWEST_ROWS = 5
# Of the numbers in the row; beside sums there may be means.
MOST_OTHERS = 0.5
# Of the sum of sizes: what adding loses.
LOST = 1e-9


def said_of_sums(cells: pd.DataFrame, read: Mapping[str, Any]) -> str:
    """What to say of a last row that sums up the others; empty where it does not.

    Args:
        cells: the texts of all cells.
        read: the keys of `source.read`.
    """
    if len(cells) <= FEWEST_ROWS:
        return ""
    last = [str(cell).strip() for cell in cells.iloc[-1]]
    above = cells.iloc[:-1]
    # A label that lacks there alone.
    blank = [name for name, cell in zip(cells.columns, last, strict=True) if not cell]
    if not any(above[name].str.strip().astype(bool).all() for name in blank):
        return ""
    plain = Cells(decimal=read.get("decimal", "."), thousands=read.get("thousands", ""))
    filled = [(name, cell) for name, cell in zip(cells.columns, last, strict=True) if cell]
    summed = [name for name, cell in filled if _is_sum(cell, above[name].tolist(), plain)]
    if not summed or len(filled) - len(summed) > MOST_OTHERS * len(filled):
        return ""
    return f"ends with a row of the sums of {listed(summed)} and no {listed(blank)}: is it a total?"


def _is_sum(cell: str, above: Sequence[str], plain: Cells) -> bool:
    """Whether a cell is the sum of those above it, as far as its decimals go."""
    try:
        total = plain.number(cell)
        numbers = [plain.number(text) or 0.0 for text in above]
    except ValueError:
        return False
    if total is None or not any(numbers):
        return False
    digits = len(cell.rpartition(plain.decimal)[2]) if plain.decimal in cell else 0
    apart = 0.5 * 10.0**-digits + LOST * sum(map(abs, numbers))
    return abs(sum(numbers) - total) <= apart

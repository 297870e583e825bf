"""Test rows that are a training row but for a trifle, as noise that was added or a rounding."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.finding import Case, is_number, plain_columns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.random import Generator

# With fewer measured columns, rows lie near each other by chance.
FEWEST_COLUMNS = 3
# A number with fewer different values is a grade, and two rows may well have the same grades.
FEWEST_VALUES = 50
# A hundredth of the usual distance to the nearest row.
NEAR = 0.01
FEWEST_ROWS, SMALLEST_SHARE = 3, 0.005
MOST_TESTED, MOST_KNOWN = 1000, 5000
# A copy is one in any so many columns.
MOST_COLUMNS = 200


def near_copies(case: Case) -> np.ndarray[Any, Any]:
    """Test rows whose nearest training row is nearer than rows ever are, as positions.

    Of many rows a seeded draw is looked at.
    """
    columns = [
        column for _, column in plain_columns(case) if is_number(column) and _measured(column)
    ]
    # As many from every place of the table.
    looked_at = columns[:: math.ceil(len(columns) / MOST_COLUMNS) or 1]
    numbers = [column.to_numpy(dtype=float) for column in looked_at]
    nothing = np.array([], dtype=np.int64)
    if len(numbers) < FEWEST_COLUMNS:
        return nothing
    whole = np.logical_and.reduce([np.isfinite(values) for values in numbers])
    generator = np.random.default_rng(0)
    training = _drawn(np.flatnonzero((case.parts == "training") & whole), MOST_KNOWN, generator)
    tested = _drawn(np.flatnonzero((case.parts == "test") & whole), MOST_TESTED, generator)
    if min(len(training), len(tested)) < FEWEST_ROWS or len(training) < 2 * FEWEST_COLUMNS:
        return nothing
    known, asked = (
        np.stack([values[places] for values in numbers], axis=1) for places in (training, tested)
    )
    spread = known.std(axis=0)
    known, asked = (rows / np.where(spread > 0, spread, 1.0) for rows in (known, asked))
    usual = _nearest(known[:MOST_TESTED], known, leave_out=True)
    found = _nearest(asked, known)
    # Equal rows are another observation.
    near = (found > 0) & (found < NEAR * np.median(usual[usual > 0])) if usual.any() else found < 0
    copies = tested[near]
    few = len(copies) < max(FEWEST_ROWS, SMALLEST_SHARE * len(tested))
    return nothing if few else copies


def _measured(column: pd.Series) -> bool:
    """Whether a number has so many different values; the first rows nearly always tell."""
    return column.head(MOST_KNOWN).nunique() >= FEWEST_VALUES or column.nunique() >= FEWEST_VALUES


def _drawn(places: np.ndarray[Any, Any], most: int, generator: Generator) -> np.ndarray[Any, Any]:
    return places if len(places) <= most else generator.choice(places, most, replace=False)


def _nearest(
    rows: np.ndarray[Any, Any], known: np.ndarray[Any, Any], leave_out: bool = False
) -> np.ndarray[Any, Any]:
    """The distance of each row to its nearest known one.

    Args:
        rows: (N, columns).
        known: (M, columns).
        leave_out: whether row i is known row i. Default: false.
    """
    from scipy.spatial.distance import cdist

    found = np.empty(len(rows))
    for start in range(0, len(rows), 100):
        part = rows[start : start + 100]
        # By differences: those of large squares would lose what is looked for.
        distances = cdist(part, known)
        if leave_out:
            distances[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        found[start : start + 100] = distances.min(axis=1)
    return found

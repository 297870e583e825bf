"""What each row counts in the loss, from a column of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData, BadPipeline, nearest
from throughline.preprocessing.plan import kind_of

if TYPE_CHECKING:
    import pandas as pd

SECTION = "training.sample_weight"


def row_weights(rows: pd.DataFrame, column: str | None) -> np.ndarray | None:
    """The numbers of `column`; None where the pipeline names none.

    Args:
        rows: raw training rows.
        column: as section `training` names it.

    Returns:
        float32 array of shape (rows,).

    Raises:
        BadPipeline: the rows have no such column.
        BadData: a blank, a text, a number below 0 or without end, or nothing but zeros.
    """
    if column is None:
        return None
    if column not in rows.columns:
        raise BadPipeline(
            f"{SECTION}: the rows have no column '{column}'", remedy=nearest(column, rows.columns)
        )
    if kind_of(rows[column]) not in ("number", "boolean"):
        raise BadData(
            f"{SECTION}: column '{column}' must hold numbers", kind_of(rows[column]), "Mend it"
        )
    weights = rows[column].to_numpy(dtype=np.float32, na_value=np.nan)
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise BadData(
            f"{SECTION}: column '{column}' must hold a finite number of at least 0 in every row; "
            f"{int(wrong.sum())} hold none",
            f"{rows[column].iloc[row]} first, in row {row} of the training rows",
            "Mend or remove the rows; 0 leaves a row out",
        )
    if not weights.any():
        raise BadData(
            f"{SECTION}: column '{column}' must be above 0 in some row", "0 in all training rows"
        )
    return weights

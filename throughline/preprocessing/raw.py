"""Raw columns as graphs take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.tokens.token_rows import is_windows, texts_of

if TYPE_CHECKING:
    import pandas as pd


def raw_values(rows: pd.DataFrame, name: str, kind: str) -> np.ndarray:
    """A raw column as the graph takes it, shape (rows,): float32, object of str, or bool.

    Pictures are one array of uint8, shape (rows, height, width, channels).
    """
    import pandas as pd

    column = rows[name]
    if kind == "image":
        return np.stack(column.to_list())
    if kind == "string":
        if is_windows(column):
            # Their texts are made here; callers take some rows at a time.
            return np.asarray(texts_of(column))
        if isinstance(column.dtype, pd.StringDtype):
            texts: np.ndarray = column.to_numpy(dtype=object, na_value="")
            return texts
        return np.array(["" if v is None or v != v else str(v) for v in column], dtype=object)
    if kind == "boolean":
        return column.to_numpy(dtype=bool)
    # By way of float64, as a server reads a number: one that is rounded twice is another one.
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(over="ignore"):
        return np.asarray(values.astype(np.float32))

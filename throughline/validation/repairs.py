"""Quarantined rows that a person has mended, in a file beside the pipeline file.

`pipelines/NAME/repairs.csv` holds the number of a raw row in its first column, `row`, and the
mended values in the others. It belongs into git: it says who changed which value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from throughline.errors import BadData, listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd


def write_repairs(frame: pd.DataFrame, rows: Sequence[int], path: Path) -> None:
    """Write rows as they are, to be mended by hand.

    Args:
        frame: the raw rows.
        rows: numbers of those that were set aside, counted from 0.
        path: of the file.
    """
    chosen = frame.iloc[list(rows)]
    chosen.insert(0, "row", list(rows))
    chosen.to_csv(path, index=False)


def repaired(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The raw rows with the mended ones in their places.

    Raises:
        BadData: a row number that is none, a column that is missing or too many, a value that is
            no number in a column of numbers.
    """
    import pandas as pd

    repairs = pd.read_csv(path)
    if list(repairs.columns) != ["row", *frame.columns]:
        raise BadData(
            f"{path} must have the columns row, {listed(frame.columns)}", listed(repairs.columns)
        )
    wrong = [row for row in repairs["row"] if row not in frame.index]
    if wrong or repairs["row"].duplicated().any():
        raise BadData(
            f"{path} must name each row once, from 0 to {len(frame) - 1}",
            listed(wrong or repairs["row"][repairs["row"].duplicated()]),
        )
    mended = repairs.set_index("row")
    result = frame.copy()
    for name in frame.columns:
        try:
            values = mended[name].astype(frame[name].dtype)
        except (TypeError, ValueError) as error:
            raise BadData(
                f"{path}, column '{name}' must hold {frame[name].dtype}: {error}"
            ) from None
        result.loc[mended.index, name] = values
    return result

"""When the rows of series were: seconds of their clock and in UTC, and the grid they lie on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.pipeline.schema.time import Time
from throughline.serving.errors import BadRequest
from throughline.serving.rows import clock as clocks

if TYPE_CHECKING:
    import pandas as pd


def times(rows: pd.DataFrame, time: Time, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of the wall clock and in UTC, for each row.

    Args:
        rows: clean rows; those of a series oldest first or newest first, if there is a `zone`
            in whose autumn an hour comes twice.
        time: section `time`.
        groups: the number of each row's series.

    Raises:
        BadData: a time that cannot be read.
    """
    try:
        wall = wall_clock(rows, time.index.model_dump())
    except BadRequest as error:
        raise BadData(f"time.index: {error}", remedy="Give `formats`, or mend the rows") from None
    # Sorted once: looking for the rows of each series among all costs series x rows.
    sorted_rows = np.argsort(groups, kind="stable")
    firsts = np.flatnonzero(np.diff(groups[sorted_rows])) + 1
    runs = [
        own[::-1] if wall[own[0]] > wall[own[-1]] else own for own in np.split(sorted_rows, firsts)
    ]
    order = np.concatenate(runs)
    starts = np.concatenate([np.arange(len(own)) == 0 for own in runs])
    moments = np.empty_like(wall)
    moments[order] = clocks.utc(wall[order], time.index.zone, starts)
    return wall, moments


def wall_clock(rows: pd.DataFrame, index: Mapping[str, Any]) -> np.ndarray:
    """Seconds of the wall clock since 1970 for each row, by section `time.index`."""
    return clocks.seconds({name: _values(rows[name]) for name in rows.columns}, index)


def _values(column: pd.Series) -> np.ndarray:
    return column.to_numpy() if column.dtype.kind == "M" else column.to_numpy(dtype=object)


def grid_of(moments: np.ndarray, time: Time) -> dict[str, Any]:
    every, unit = time.grid
    first = int(moments.min())
    grid = {"every": every, "unit": unit, "origin": 0}
    if time.resample is not None:
        return grid
    if unit != "mo":
        return {**grid, "origin": first % (every if unit == "s" else clocks.DAY)}
    months = moments.astype("datetime64[s]").astype("datetime64[M]")
    begun, over = (
        moments - edges.astype("datetime64[s]").astype(np.int64) for edges in (months, months + 1)
    )
    # The last days of months are as far from their ends, and no two neighbours from their
    # beginnings.
    ends = (over == over[0]).all() and not (begun == begun[0]).all()
    origin = int(over[0] if ends else begun[np.argmin(moments)])
    phase = {"phase": int(months.min().astype(np.int64)) % every} if every > 1 else {}
    return {**grid, "origin": origin, **phase}

"""Rows of a series brought onto the grid of the training, by what the training did with its own.

The twin of `samples.windows.frame`, on arrays of a request and without pandas: rows of one step
become one, a step without a row ends a run of windows or is filled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from throughline.serving.errors import BadRequest

# Steps of a request that are filled; two rows a century apart must not take all memory.
MOST_FILLED = 1_000_000
Resample = Literal["mean", "sum", "last"] | None
Gaps = Literal["refuse", "mark"] | Mapping[str, int | None]


@dataclass(frozen=True)
class Rows:
    """Rows one below the other, each series oldest first.

    Attributes:
        columns: for each input its values, (rows,).
        steps: the number of each row's step on the grid.
        begins: whether a row begins a run: no window has rows of two.
        origin: the row of the request that is the newest in each row.
    """

    columns: Mapping[str, np.ndarray]
    steps: np.ndarray
    begins: np.ndarray
    origin: np.ndarray

    def __len__(self) -> int:
        return len(self.steps)

    def taken(self, places: np.ndarray) -> Rows:
        """Some of the rows, in an order that keeps each series together."""
        columns = {name: values[places] for name, values in self.columns.items()}
        return Rows(columns, self.steps[places], self.begins[places], self.origin[places])


def one_a_step(rows: Rows, how: Resample) -> Rows:
    """The rows of each step as one; a text or a truth value is the last one of its step."""
    first = rows.begins | (np.diff(rows.steps, prepend=rows.steps[:1] - 1) != 0)
    if how is None or first.all():
        return rows
    starts = np.flatnonzero(first)
    last = np.append(starts[1:], len(rows)) - 1
    columns = {
        name: _joined(values, starts, how) if values.dtype.kind == "f" else values[last]
        for name, values in rows.columns.items()
    }
    return Rows(columns, rows.steps[starts], rows.begins[starts], rows.origin[last])


def _joined(values: np.ndarray, starts: np.ndarray, how: Resample) -> np.ndarray:
    """Mean, sum or last of the values that are known between neighbouring starts, or NaN."""
    known = ~np.isnan(values)
    counts = np.add.reduceat(known.astype(np.int64), starts)
    if how == "last":
        places = np.where(known, np.arange(len(values)), -1)
        newest = np.maximum.reduceat(places, starts)
        return np.where(counts > 0, values[newest], np.nan).astype(values.dtype)
    sums = np.add.reduceat(np.where(known, values, 0).astype(np.float64), starts)
    with np.errstate(invalid="ignore"):
        found = sums / counts if how == "mean" else sums
    return np.where(counts > 0, found, np.nan).astype(values.dtype)


def without_gaps(rows: Rows, gaps: Gaps, needed: Collection[str]) -> Rows:
    """Rows whose windows are those of the training: a gap is filled, or begins a new run.

    Args:
        rows: one a step.
        gaps: what the training did with steps that have no row, or one that lacks a value.
        needed: columns whose values must be there.
    """
    if gaps == "refuse" or not len(rows):
        return rows
    whole = ~np.logical_or.reduce(
        [_blank(rows.columns[name]) for name in needed] or [np.zeros(len(rows), dtype=bool)]
    )
    kept, series = rows.taken(np.flatnonzero(whole)), np.cumsum(rows.begins)[whole]
    if isinstance(gaps, Mapping) and len(kept):
        kept, series = _filled(kept, series, gaps["fill"])
    # Rows in the wrong order stay in one run, so that they are noticed.
    gap = np.diff(kept.steps, prepend=kept.steps[:1]) > 1
    new = np.diff(series, prepend=series[:1] - 1) != 0
    return Rows(kept.columns, kept.steps, new | gap, kept.origin)


def _filled(rows: Rows, series: np.ndarray, most: int | None) -> tuple[Rows, np.ndarray]:
    """A row for every step near enough to one, each value the last known one; and its series."""
    same = np.diff(series, append=series[-1:] + 1) == 0
    missing = np.diff(rows.steps, append=rows.steps[-1:]) - 1
    after = np.where(same, np.maximum(missing, 0), 0)
    if most is not None:
        # One more tells that there is a gap behind them.
        after = np.minimum(after, most + 1)
    if after.sum() > MOST_FILLED:
        raise BadRequest(
            f"Rows must leave at most {MOST_FILLED:,} steps to fill. Received: {after.sum():,}."
        )
    places = np.repeat(np.arange(len(rows)), after + 1)
    since = np.arange(len(places)) - np.repeat(np.cumsum(after + 1) - after - 1, after + 1)
    wide, series = rows.taken(places), series[places]
    start = np.maximum.accumulate(
        np.where(np.diff(series, prepend=series[:1] - 1) != 0, np.arange(len(places)), 0)
    )
    columns = {
        name: _last_known(values, (since == 0) & ~_blank(values), start, most)
        for name, values in wide.columns.items()
    }
    begins = wide.begins & (since == 0)
    found = Rows(columns, wide.steps + since, begins, wide.origin)
    near = np.flatnonzero(since <= (since.max() if most is None else most))
    return found.taken(near), series[near]


def _last_known(
    values: np.ndarray, known: np.ndarray, start: np.ndarray, most: int | None
) -> np.ndarray:
    """Values with unknown ones replaced by the last known one of the series, if it is near."""
    place = np.arange(len(values))
    last = np.maximum.accumulate(np.where(known, place, -1))
    reached = last >= start
    if most is not None:
        reached &= place - last <= most
    result = values[np.maximum(last, 0)]
    if values.dtype.kind == "f":
        result = np.where(reached, result, np.nan).astype(values.dtype)
    elif values.dtype == object:
        result = np.where(reached, result, "")
    return result


def _blank(values: np.ndarray) -> Any:
    if values.dtype.kind == "f":
        return np.isnan(values)
    return values == "" if values.dtype == object else np.zeros(len(values), dtype=bool)

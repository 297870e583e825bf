"""Rows on a regular grid: one row a step and series, oldest first, absent steps marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, BadPipeline, listed, nearest
from throughline.pipeline.schema.time import Fill, Time
from throughline.samples.windows.moments import grid_of, times
from throughline.serving.rows import clock as clocks

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Series:
    """One or several series on one grid, each a run of rows without a missing step.

    Attributes:
        rows: the raw columns; those of absent rows are empty.
        steps: int64, the number of each row's step on the grid.
        clock: int64, the seconds of the wall clock since 1970.
        groups: int64, which series a row belongs to; a series' rows stand together.
        present: whether the row was measured, or filled.
        measured: whether the values that are to be predicted were measured; filled ones are no
            truth, and no window is learned from or judged by them.
        grid: `every`, `unit` and `origin`, as `throughline.serving.rows.clock.steps` takes them.
        counts: what was done to the rows.
    """

    rows: pd.DataFrame
    steps: np.ndarray
    clock: np.ndarray
    groups: np.ndarray
    present: np.ndarray
    measured: np.ndarray
    grid: dict[str, Any]
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.steps)

    def part(self, chosen: np.ndarray) -> Series:
        """Some of the rows; they must be whole runs of steps in each series."""
        return replace(
            self,
            rows=self.rows[chosen].reset_index(drop=True),
            steps=self.steps[chosen],
            clock=self.clock[chosen],
            groups=self.groups[chosen],
            present=self.present[chosen],
            measured=self.measured[chosen],
        )

    @property
    def starts(self) -> np.ndarray:
        """The first row of each series, and the number of all rows at the end."""
        edges = np.flatnonzero(np.diff(self.groups)) + 1
        return np.concatenate([[0], edges, [len(self)]])


def regular(
    rows: pd.DataFrame, time: Time, needed: Sequence[str], targets: Sequence[str] = ()
) -> Series:
    """Bring rows onto the grid.

    Args:
        rows: clean rows in any order.
        time: section `time`.
        needed: columns that must not be empty, because nothing fills them.
        targets: those of them that are predicted.

    Raises:
        BadPipeline: a column that the rows do not have.
        BadData: a time that cannot be read, rows off the grid or on one step, gaps that the file
            refuses.
    """
    for name in time.columns:
        if name not in rows.columns:
            raise BadPipeline(
                f"time: the rows have no column '{name}'", remedy=nearest(name, rows.columns)
            )
    if not len(rows):
        raise BadData("A series must have rows", "none")
    groups, names = _numbered(rows, time.group)
    wall, moments = times(rows, time, groups)
    grid = grid_of(moments, time)
    steps, exact = clocks.steps(moments, grid)
    if time.resample is None and not exact.all():
        row = int(np.flatnonzero(~exact)[0])
        raise BadData(
            f"Rows must lie on a grid of {time.every}; {int((~exact).sum())} do not",
            f"row {row} at {_said(wall[row])}",
            "Leave out `time.index.zone`, for days of a wall clock have 23 to 25 hours"
            if time.index.zone and time.every.endswith(("d", "w"))
            else "Give another `time.every`, or `time.resample: mean`",
        )
    table = rows.assign(**{"/group": groups, "/step": steps})
    usual = int(table.groupby(["/group", "/step"]).size().median())
    table = _one_row_a_step(table, time, wall)
    if isinstance(time.gaps, Fill):
        # A row that lacks a value is a gap, and a gap is filled with the whole row before it.
        table = table[_known(table, needed)]
        if not len(table):
            raise BadData("A series must have rows with all their values", "none")
    series = _gapless(table, names, time, grid)
    series = replace(series, counts=series.counts | {"rows_a_step": usual})
    return _filled(series, time, needed, targets)


def _known(table: pd.DataFrame, needed: Sequence[str]) -> np.ndarray:
    """Whether each row has all values that it needs; what is infinite was not measured."""
    known = np.ones(len(table), dtype=bool)
    for name in set(needed) & set(table.columns):
        column = table[name]
        present = column.notna().to_numpy()
        finite = np.isfinite(column.to_numpy()) if column.dtype.kind == "f" else present
        known &= present & finite
    return known


def _said(second: int) -> str:
    return str(np.datetime64(int(second), "s")).replace("T", " ")


def series_of(rows: pd.DataFrame, time: Time) -> np.ndarray:
    """The number of each row's series."""
    return _numbered(rows, time.group)[0]


def _numbered(rows: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, list[tuple[Any, ...]]]:
    """The number of each row's series, and what the group columns hold in each."""
    if not columns:
        return np.zeros(len(rows), dtype=np.int64), [()]
    for name in columns:
        if (absent := rows[name].isna().to_numpy()).any():
            raise BadData(
                f"time.group: column '{name}' must say of every row which series it belongs to",
                f"nothing in {int(absent.sum())} rows, the first of them row "
                f"{int(np.flatnonzero(absent)[0])}",
                "Drop these rows, or mend them",
            )
    keys = list(zip(*(rows[name].tolist() for name in columns), strict=True))
    names = sorted(set(keys))
    number = {name: position for position, name in enumerate(names)}
    return np.array([number[key] for key in keys], dtype=np.int64), names


def _one_row_a_step(table: pd.DataFrame, time: Time, wall: np.ndarray) -> pd.DataFrame:
    doubled = table.duplicated(["/group", "/step"]).to_numpy()
    if time.resample is None:
        if doubled.any():
            raise BadData(
                f"Each step of {time.every} must have one row; {int(doubled.sum())} have more",
                _said(wall[int(np.flatnonzero(doubled)[0])]),
                "Name the columns that tell series apart in `time.group`, or give `time.resample`",
            )
        return table.sort_values(["/group", "/step"], kind="stable")
    how = {
        name: time.resample if table[name].dtype.kind in "iuf" else "last"
        for name in table.columns
        if name not in ("/group", "/step")
    }
    steps = table.groupby(["/group", "/step"], sort=True)
    found = steps.agg(how)
    if time.resample == "sum":
        # Nothing measured adds up to nothing known, not to 0.
        found = found.where(steps.count() > 0)
    return found.reset_index()


def _gapless(
    table: pd.DataFrame, names: list[tuple[Any, ...]], time: Time, grid: dict[str, Any]
) -> Series:
    """Every series from its first step to its last, with empty rows where there was none."""
    import pandas as pd

    held = table["/group"].to_numpy() * 2**40 + (table["/step"].to_numpy() - table["/step"].min())
    # Rows lie series by series, the oldest first.
    numbers, own_steps = table["/group"].to_numpy(), table["/step"].to_numpy()
    firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
    lasts = np.append(firsts[1:], len(numbers)) - 1
    groups, steps = [], []
    for first, last in zip(firsts, lasts, strict=True):
        steps.append(np.arange(own_steps[first], own_steps[last] + 1))
        groups.append(np.full(len(steps[-1]), numbers[first], dtype=np.int64))
    every_group, every_step = np.concatenate(groups), np.concatenate(steps)
    wanted = every_group * 2**40 + (every_step - table["/step"].min())
    at = np.searchsorted(held, wanted)
    present = np.isin(wanted, held)
    absent = int((~present).sum())
    if absent and time.gaps == "refuse":
        row = int(np.flatnonzero(~present)[0])
        moment = clocks.moments_of(every_step[row : row + 1], grid)
        raise BadData(
            f"Every step of {time.every} must have a row; {absent} have none",
            f"none at {_said(clocks.wall_clock(moment, time.index.zone)[0])}",
            "Give `time.gaps: mark` or `time.gaps: fill`",
        )
    rows = table.drop(columns=["/group", "/step"]).reset_index(drop=True)
    if absent:
        rows = rows.reindex(np.where(present, at, -1)).reset_index(drop=True)
        for position, name in enumerate(time.group):
            rows[name] = pd.Series([names[g][position] for g in every_group])
    moments = clocks.moments_of(every_step, grid)
    wall = clocks.wall_clock(moments, time.index.zone)
    counts = {"rows": len(rows), "absent": absent, "series": len(names)}
    return Series(rows, every_step, wall, every_group, present, present, grid, counts)


def _filled(series: Series, time: Time, needed: Sequence[str], targets: Sequence[str]) -> Series:
    """Fill gaps where the file says so; a row without a value that is needed is no row."""
    rows, present = series.rows, series.present
    counts = dict(series.counts)
    # Texts and truth values of rows that are not there must still have a type.
    for name in rows.columns:
        if rows[name].dtype == object and set(map(type, rows.loc[present, name])) == {bool}:
            rows = rows.assign(**{name: rows[name].ffill().astype(bool)})
    wanted = [name for name in needed if name in rows.columns]
    numbers = [name for name in wanted if rows[name].dtype.kind == "f"]
    # What is infinite was not measured.
    rows = rows.assign(**{name: rows[name].where(np.isfinite(rows[name])) for name in numbers})
    measured = present & rows[list(targets)].notna().all(axis=1).to_numpy()
    whole = present & rows[wanted].notna().all(axis=1).to_numpy() if wanted else present
    if isinstance(time.gaps, Fill):
        filled = rows.groupby(series.groups)[list(rows.columns)].ffill(limit=time.gaps.most)
        held = [name for name in filled.columns if name not in time.index.columns]
        rows = rows.assign(**{name: filled[name].where(~present, filled[name]) for name in held})
        kept = filled[wanted].notna().all(axis=1).to_numpy() if wanted else np.ones_like(present)
        reach = present if time.gaps.most is None else _near(series, present, time.gaps.most)
        now = kept & (reach if time.gaps.most is not None else True)
        counts["filled"] = int((now & ~whole).sum())
        whole = now
    elif time.gaps == "refuse" and not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        name = next(n for n in wanted if rows[n].isna().iloc[row])
        raise BadData(
            f"Column '{name}' must be known in every row; rows without all their values: "
            f"{int((~whole).sum())}",
            f"none at {_said(series.clock[row])}",
            "Give the column an `impute`, or `time.gaps: mark` or `fill`",
        )
    counts["incomplete"] = int((present & ~whole).sum())
    return replace(series, rows=rows, present=whole, measured=measured & whole, counts=counts)


def _near(series: Series, present: np.ndarray, most: int) -> np.ndarray:
    """Rows at most `most` rows after a measured one of their series."""
    place = np.arange(len(present))
    last = np.maximum.accumulate(np.where(present, place, -1))
    start = np.repeat(series.starts[:-1], np.diff(series.starts))
    near: np.ndarray = (last >= start) & (place - last <= most)
    return near


def required(names: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse target columns that the rows do not have."""
    for name in names:
        if name not in columns:
            raise BadPipeline(
                f"target: the rows have no column '{name}'",
                listed(columns),
                nearest(name, columns),
            )

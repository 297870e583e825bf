"""Rows that follow each other in time as a draft of a forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.pipeline.schema.time import Time
from throughline.profile.facts import Fact
from throughline.profile.kinds.forecast import Way, chosen, seen
from throughline.profile.moments import times
from throughline.samples.windows.frame import regular

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS = 40
MOST_SERIES = 50
# So many of the steps between rows must be alike.
REGULAR = 0.95
UNITS = ((604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
# Step -> rows that the network sees, and the calendar that tells more than they do.
WINDOWS: Mapping[str, tuple[int, list[str]]] = {
    "10min": (36, ["hour"]),
    "15min": (48, ["hour", "weekday"]),
    "30min": (48, ["hour", "weekday"]),
    "1h": (48, ["hour", "weekday"]),
    "1d": (28, ["weekday", "month"]),
    "1b": (20, ["weekday", "month"]),
    "1w": (26, ["month"]),
    "1mo": (12, []),
    "3mo": (8, []),
    "12mo": (6, []),
}
USUAL: tuple[int, list[str]] = (24, [])
SEASONAL = ("10min", "15min", "30min", "1h", "1d", "1b", "1mo", "3mo")
# Weeks of a year, where the data hold some years.
WEEKS, FEWEST_YEARS = 52, 4
FOLDS = 3
TEST = 0.2
DAY = 86_400
# Gaps are filled where windows that cross none would be fewer than this share.
FEWEST_WHOLE = 0.8
# A window is at most such a part of the steps, so that the test part holds some.
LONGEST = 9
# Longer seasons leave too few whole ones in a window.
MOST_SEASON = 60
# Rows of one look farther back where there is no season.
UNSEASONAL = 12
# Windows that a fold is validated by, and rows that a network bends on, at least.
FEWEST_IN_A_FOLD, FEWEST_TO_BEND = 8, 500


@dataclass(frozen=True)
class Grid:
    """How rows lie in time.

    Attributes:
        index: section `time.index`.
        columns: those of the index.
        every: the step, as `1h`.
        group: the columns that tell several series apart, if any.
        moments: seconds since 1970 of each row.
        absent: steps that have no row.
        joined: some steps have several rows, or rows that do not lie on them.
        steps: of the longest series.
    """

    index: Any
    columns: list[str]
    every: str
    group: list[str]
    moments: np.ndarray
    absent: int
    joined: bool
    steps: int


def grid_of(frame: pd.DataFrame, facts: Sequence[Fact]) -> Grid | None:
    """The grid of rows that are one or several regular series; None for an ordinary table.

    Args:
        frame: the rows.
        facts: what is in their columns.
    """
    if len(frame) < FEWEST_ROWS:
        return None
    names = [fact.name for fact in facts if fact.role == "category" and fact.distinct > 1]
    groups = [[], *([name] for name in names), *map(list, combinations(names, 2))]
    best: Grid | None = None
    for columns, formats, moments in times(frame, facts):
        index: Any = {"columns": columns, "formats": formats} if formats else columns
        for group in groups:
            if set(group) & set(columns):
                continue
            found = _grid(moments, _labels(frame, group), index, columns, group)
            # 01/02 read the other way round is a series too, but one with holes.
            if found is not None and (best is None or found.absent < best.absent):
                best = found
            if found is not None:
                break
        if best is not None and not best.absent:
            break
    return best


def _labels(frame: pd.DataFrame, group: list[str]) -> np.ndarray[Any, Any]:
    if not group:
        return np.zeros(len(frame), dtype=np.int64)
    return frame.groupby(group, sort=False, dropna=False).ngroup().to_numpy()


def _grid(
    moments: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    index: Any,
    columns: list[str],
    group: list[str],
) -> Grid | None:
    runs = [np.sort(moments[labels == label]) for label in np.unique(labels)]
    if len(runs) > MOST_SERIES:
        return None
    found = _months(runs) or _business_days(runs) or _seconds(runs)
    if found is None:
        return None
    every, numbers, exact = found
    steps = np.concatenate([np.diff(each) for each in numbers])
    enough = len(steps) >= FEWEST_ROWS - 1
    if not enough or (steps == 0).mean() > 1 - REGULAR or (steps <= 1).mean() < REGULAR:
        return None
    joined = bool((steps == 0).any()) or not exact
    longest = max(int(each[-1] - each[0]) for each in numbers) + 1
    absent = int(np.maximum(steps - 1, 0).sum())
    return Grid(
        index if len(columns) > 1 or isinstance(index, dict) else columns[0],
        columns, every, group, moments, absent, joined, longest,
    )  # fmt: skip


Found = tuple[str, list["np.ndarray[Any, Any]"], bool]


def _months(runs: list[np.ndarray[Any, Any]]) -> Found | None:
    """Steps of whole months: the same day of each, the last one, or any."""
    months = [run.astype("datetime64[s]").astype("datetime64[M]") for run in runs]
    numbers = [each.astype(np.int64) for each in months]
    apart = np.concatenate([np.diff(each) for each in numbers])
    if not (apart > 0).any():
        return None
    step = int(np.median(apart[apart > 0]))
    if 12 % step or (apart <= 0).mean() > 1 - REGULAR or (apart % step).any():
        return None
    into = np.concatenate(
        [r - m.astype("datetime64[s]").astype(np.int64) for r, m in zip(runs, months, strict=True)]
    )
    left = np.concatenate(
        [
            r - (m + 1).astype("datetime64[s]").astype(np.int64)
            for r, m in zip(runs, months, strict=True)
        ]
    )
    exact = len(np.unique(into)) == 1 or len(np.unique(left)) == 1
    first = min(int(each.min()) for each in numbers)
    return f"{step}mo", [(each - first) // step for each in numbers], exact


def _business_days(runs: list[np.ndarray[Any, Any]]) -> Found | None:
    """Days from Monday to Friday, all at one time of the day."""
    every = np.concatenate(runs)
    days = (every // DAY).astype("datetime64[D]")
    week = np.is_busday(days).all() and len(np.unique(every % DAY)) == 1
    if not week or int(np.median(np.concatenate([np.diff(run) for run in runs]))) != DAY:
        return None
    numbers = [
        np.busday_count(np.datetime64(0, "D"), (r // DAY).astype("datetime64[D]")) for r in runs
    ]
    # A few days that happen to lie in one week are days.
    return ("1b", numbers, True) if len(every) > 7 else None


def _seconds(runs: list[np.ndarray[Any, Any]]) -> Found | None:
    apart = np.concatenate([np.diff(run) for run in runs])
    if not (apart > 0).any():
        return None
    step = int(np.median(apart[apart > 0]))
    if (apart % step).any():
        return None
    size, unit = next((size, unit) for size, unit in UNITS if step % size == 0)
    first = min(int(run[0]) for run in runs)
    return f"{step // size}{unit}", [(run - first) // step for run in runs], True


def sections(
    frame: pd.DataFrame, grid: Grid, facts: Sequence[Fact], target: str, notes: list[str]
) -> dict[str, Any]:
    """The sections of a draft that forecasts a column.

    Args:
        frame: the rows.
        grid: of the rows.
        facts: what is in their columns.
        target: the column that is forecast.
        notes: receives the columns that are left out and why.
    """
    time: dict[str, Any] = {"index": grid.index, "every": grid.every}
    if grid.group:
        time["group"] = grid.group if len(grid.group) > 1 else grid.group[0]
    time |= {"resample": "mean"} if grid.joined else {}
    weekly = grid.every == "1w" and grid.steps >= FEWEST_YEARS * WEEKS
    time |= {"season": WEEKS} if weekly else {}
    order = np.argsort(grid.moments, kind="stable")
    begun = frame.iloc[order[: max(2, int(len(frame) * (1 - TEST) / (FOLDS + 1)))]]
    others = []
    for fact in facts:
        if fact.name in (target, *grid.group, *grid.columns):
            continue
        if fact.role not in ("number", "flag"):
            notes.append(f"{fact.name} is left out: {fact.role}, and a window holds numbers")
        elif begun[fact.name].nunique() < 2:
            notes.append(f"{fact.name} is left out: it says nothing in the rows of the first fold")
        else:
            others.append(fact)
    way = _way(frame.iloc[order], grid, time, target, [fact.name for fact in others])
    if not way.others:
        notes += [
            f"{fact.name} is left out: a linear forecast of later training rows is as good by "
            f"'{target}' alone"
            for fact in others
        ]
    # A row without its target is set aside, which leaves a gap as well.
    lacking = sum(fact.missing for fact in facts if fact.name == target)
    lost = (grid.absent + lacking) * (way.before + 1) / len(frame)
    if lost:
        # Rows that are filled are seen and never predicted.
        time["gaps"] = "mark" if lost < 1 - FEWEST_WHOLE else "fill"
    time |= {"lookback": way.lookback, "horizon": 1}
    time |= {"calendar": WINDOWS.get(grid.every, USUAL)[1]} if way.calendar else {}
    change: dict[str, Any] = {}
    if way.change:
        change = {"change": way.change if way.periods == 1 else {way.change: way.periods}}
    columns = {target: {**change, "scale": "standard"}}
    columns |= {fact.name: _treatment(fact) for fact in others if way.others}
    seasonal = ["seasonal-persistence"] if weekly or grid.every in SEASONAL else []
    return {
        "target": {"column": target, **change, "scale": "standard"},
        "columns": columns,
        "time": time,
        "split": {"kind": "temporal", "test": TEST},
        **_learning(grid, way, len(frame)),
        "compare": ["persistence", *seasonal, "drift", "ETS", "linear-autoregression"],
        "gates": {"beat": "persistence"},
    }


def _way(
    frame: pd.DataFrame, grid: Grid, time: Mapping[str, Any], target: str, others: list[str]
) -> Way:
    """How the series is seen, tried on its training steps alone."""
    usual, calendar = WINDOWS.get(grid.every, USUAL)
    usual = max(2, min(usual, grid.steps // 12))
    section = Time.model_validate({**time, "gaps": "fill", "lookback": usual})
    rows = frame[frame[target].notna()].reset_index(drop=True)
    series = regular(rows, section, [target], [target])
    steps = np.unique(series.steps)
    known = series.part(series.steps < steps[int(len(steps) * (1 - TEST))])
    season = section.cycle
    longest = max(usual + 1, grid.steps // LONGEST)
    if season is not None and season > MOST_SEASON:
        season = None
    lookbacks = [usual, usual // 2, 2 * usual, season + 1 if season else UNSEASONAL]
    kept = [each for each in dict.fromkeys(lookbacks) if 2 <= each < longest]
    return chosen(seen(known, target, others, calendar, season), kept or [usual], longest)


def _learning(grid: Grid, way: Way, rows: int) -> dict[str, Any]:
    """Network, training and folds: linear first, and beyond that what later stretches bear out."""
    block = grid.steps * (1 - TEST) / (FOLDS + 1)
    folds = block - way.before >= FEWEST_IN_A_FOLD
    small = not folds or rows < FEWEST_TO_BEND
    past: list[Any] = [{"Flatten": {}}]
    beside: dict[str, Any] = {
        "layers": [
            {"Flatten": {}, "name": "past"},
            {"Dense": {"units": 16, "activation": "relu"}, "name": "bends"},
            {"Concatenate": {}, "from": ["past", "bends"]},
        ]
    }
    learning: dict[str, Any] = {
        "network": past if small else beside,
        "training": {
            "start": "linear",
            "optimizer": {"Adam": {"learning_rate": 0.0001 if small else 0.0005}},
            "batch_size": 256 if rows > 5_000 else 32,
            "epochs": {"max": 30, "choose": "cross_validation"} if folds else 1,
        },
    }
    return {**learning, "cross_validation": {"folds": FOLDS}} if folds else learning


def _treatment(fact: Fact) -> dict[str, Any]:
    """A column of a draft beside the target, whose gaps nothing fills."""
    return {**({"impute": "median"} if fact.missing else {}), "scale": "standard"}

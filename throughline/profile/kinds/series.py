"""Rows that follow each other in time as a draft of a forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.pipeline.schema.time import Time
from throughline.profile.facts import Fact
from throughline.profile.kinds.forecast import Way, chosen, seen
from throughline.profile.kinds.grids import Grid
from throughline.samples.windows.frame import regular

if TYPE_CHECKING:
    import pandas as pd

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
    cycle = Time.model_validate(time).cycle or 1
    # Each part must hold a season and a row beyond it, or none is asked for.
    held = int(grid.steps * TEST) > cycle
    time |= {} if held else {"season": 1}
    seasonal = ["seasonal-persistence"] if held and (weekly or grid.every in SEASONAL) else []
    return {
        "target": {"column": target, **change, "scale": "standard"},
        "columns": columns,
        "time": time,
        "split": {"kind": "temporal", "test": TEST},
        **_learning(grid, way, len(frame), _folds(frame.iloc[order], grid, target, way)),
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


def _folds(frame: pd.DataFrame, grid: Grid, target: str, way: Way) -> int:
    """How many folds there are, or 0: the first trains on the oldest rows, which must move.

    Sales of what was not sold yet, or counts of what had not come, begin with a long stretch of 0.
    """
    if grid.steps * (1 - TEST) / (FOLDS + 1) - way.before < FEWEST_IN_A_FOLD:
        return 0
    series = frame.groupby(list(grid.group))[target] if grid.group else frame[target]
    seen = series.diff(way.periods) if way.change else frame[target]
    for folds in range(FOLDS, 1, -1):
        oldest = seen.iloc[: int(len(frame) * (1 - TEST) / (folds + 1))]
        if oldest.nunique() > 1:
            return folds
    return 0


def _learning(grid: Grid, way: Way, rows: int, folds: int) -> dict[str, Any]:
    """Network, training and folds: linear first, and beyond that what later stretches bear out."""
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
    return {**learning, "cross_validation": {"folds": folds}} if folds else learning


def _treatment(fact: Fact) -> dict[str, Any]:
    """A column of a draft beside the target, whose gaps nothing fills."""
    return {**({"impute": "median"} if fact.missing else {}), "scale": "standard"}

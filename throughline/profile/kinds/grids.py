"""How rows lie in time: the grid of one or several regular series, if they are such."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.profile.facts import Fact
from throughline.profile.moments import CLOCKS, index_of, times
from throughline.profile.names_in_digits import NAMED

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS = 40
# The test part of shorter series would hold no window: persons of a few years are a table.
FEWEST_STEPS = 20
MOST_SERIES = 50
# So many of the steps between rows must be alike.
REGULAR = 0.95
# Columns of these names say when a row was, not whose it is.
CALENDAR = {
    "year", "quarter", "month", "week", "day", "weekday", "minute", "mon", "qtr", "doy", *CLOCKS,
}  # fmt: skip
UNITS = ((604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
DAY = 86_400
# A name that says a day, month or quarter, such as `2021-03`, `Jan 2021` or `3/1/21`.
DATED = re.compile(r"\d{4}[-/. ]?[QWqw]?\d|[A-Za-z.-][ -]?\d{4}$|\d[-/.]\d+[-/.]\d")
# What clocks and sensors count in, in seconds.
STEPS = (
    *(1, 2, 5, 10, 15, 20, 30),
    *(60 * each for each in (1, 2, 5, 10, 15, 20, 30)),
    *(3_600 * each for each in (1, 2, 3, 4, 6, 8, 12)),
    DAY,
)


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
        doubled: rows on the step of another one.
        steps: of the longest series.
    """

    index: Any
    columns: list[str]
    every: str
    group: list[str]
    moments: np.ndarray
    absent: int
    joined: bool
    doubled: int
    steps: int

    @property
    def joining_note(self) -> str:
        """What becomes of rows that share a step; empty where none do."""
        if not self.doubled:
            return ""
        rows = f"{self.doubled} rows share a step of {self.every} with another and are joined by"
        holes = f" their mean, {self.absent} steps have none" if self.absent else " their mean"
        clock = "; an hour that comes twice in autumn is two if time.index names its zone"
        few = self.doubled <= (1 - REGULAR) * len(self.moments)
        return rows + holes + (clock if few and self.every.endswith(("min", "h")) else "")


def grid_of(frame: pd.DataFrame, facts: Sequence[Fact]) -> Grid | None:
    """The grid of rows that are one or several regular series; None for an ordinary table.

    Args:
        frame: the rows.
        facts: what is in their columns.
    """
    if len(frame) < FEWEST_ROWS:
        return None
    names = [fact.name for fact in facts if _tells_apart(fact)]
    groups = [[], *([name] for name in names), *map(list, combinations(names, 2))]
    best: Grid | None = None
    for columns, formats, moments in times(frame, facts):
        index = index_of(columns, formats)
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


def check_long(names: Sequence[str], target: str) -> None:
    """Refuse a table with a column for each time, of which the target is one.

    Raises:
        BadData: says how it gets a row for each.
    """
    import pandas as pd

    from throughline.samples.times import found_format

    said = [name for name in names if DATED.search(name)]
    if target not in said or len(said) < FEWEST_STEPS or found_format(pd.Series(said)) is None:
        return
    others = [name for name in names if name not in said]
    raise BadData(
        "A series must have a row for each time",
        f"{len(said)} columns, one for each, from '{said[0]}' to '{said[-1]}'",
        f"Save pandas.read_csv(FILE).melt(id_vars={others}, var_name='time', value_name='value')",
    )


def _tells_apart(fact: Fact) -> bool:
    """Whether a column could say which series a row is of: a category, or a number of a shop."""
    if fact.name.lower() in CALENDAR:
        return False
    if fact.role == "category":
        return fact.distinct > 1
    numbered = fact.role in ("number", "flag") and fact.low >= 0 and not fact.missing
    called = NAMED.fullmatch(fact.name) is not None
    close = called or fact.high - fact.low < 2 * fact.distinct
    apart = 1 < fact.distinct <= MOST_SERIES and close
    return numbered and apart and fact.low.is_integer() and fact.high.is_integer()


def coarse_grid_of(frame: pd.DataFrame, facts: Sequence[Fact]) -> Grid | None:
    """The shortest usual step that nearly always holds a row of one series of any times.

    For rows that say nothing but when and how much, as of a sensor that reports what changes: they
    are joined on each step.

    Args:
        frame: the rows.
        facts: what is in their columns.
    """
    for columns, formats, moments in times(frame, facts):
        index = index_of(columns, formats) if formats else columns[0]
        usual = np.median(np.diff(np.unique(moments)))
        for step in (each for each in STEPS if each >= usual):
            held = np.unique(moments // step)
            apart = np.diff(held)
            if len(held) < FEWEST_ROWS:
                break
            if (apart == 1).mean() >= REGULAR:
                absent = int((apart - 1).sum())
                longest = int(held[-1] - held[0]) + 1
                doubled = len(moments) - len(held)
                every = _written(step)
                return Grid(index, columns, every, [], moments, absent, True, doubled, longest)
    return None


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
    doubled = int((steps == 0).sum())
    longest = max(int(each[-1] - each[0]) for each in numbers) + 1
    if longest < FEWEST_STEPS:
        return None
    absent = int(np.maximum(steps - 1, 0).sum())
    return Grid(
        index if len(columns) > 1 or isinstance(index, dict) else columns[0],
        columns, every, group, moments, absent, not exact or doubled > 0, doubled, longest,
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
        return _nearly(runs, step)
    first = min(int(run[0]) for run in runs)
    return _written(step), [(run - first) // step for run in runs], True


def _nearly(runs: list[np.ndarray[Any, Any]], step: int) -> Found | None:
    """Usual steps that rows come some seconds after, as of a sensor that takes a while to tell."""
    usual = min(STEPS, key=lambda each: abs(each - step))
    if usual == 1 or abs(usual - step) > usual * (1 - REGULAR):
        return None
    return _written(usual), [run // usual for run in runs], False


def _written(step: int) -> str:
    """Seconds as `time.every` says them."""
    size, unit = next((size, unit) for size, unit in UNITS if step % size == 0)
    return f"{step // size}{unit}"

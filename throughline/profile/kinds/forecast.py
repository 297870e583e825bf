"""How a linear forecast sees a series best, tried on its training steps; a draft begins so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from throughline.samples.windows.calendar import waves
from throughline.samples.windows.target import season_bases
from throughline.training.least_squares import ridge

if TYPE_CHECKING:
    from throughline.samples.windows.frame import Series

# The newest rows that are looked at, blocks of them that are forecast in turn, and those that are
# known from the start: from too few rows every way learns badly, and the shortest wins. With 4
# blocks, 1 known, test errors of 13 series of 63 to 1,500 steps are 4.6 % larger.
MOST_ROWS, BLOCKS, KNOWN = 20_000, 8, 3
FEWEST_WINDOWS = 10
# A way that asks for more than the one before it must be better by this part.
WORTH = 0.01
# A series grows where so much of its second half lies outside the first.
GROWN = 0.25
# Less, as a part of the values themselves, is rounding.
SPREAD = 1e-9


class Way(NamedTuple):
    """One way to see a series.

    Attributes:
        change: `difference`, `percent` or None: what becomes of the target.
        periods: of the change.
        lookback: rows that are seen.
        calendar: whether the time of the newest row is seen.
        others: whether the other columns are seen.
    """

    change: str | None
    periods: int
    lookback: int
    calendar: bool = False
    others: bool = False

    @property
    def before(self) -> int:
        """Rows of a window up to and with its newest one."""
        return self.lookback + (self.periods if self.change else 0)


@dataclass(frozen=True)
class Seen:
    """The training rows of one or several series.

    Attributes:
        values: of the target, (T,).
        others: of the other columns, (T, C).
        waves: of the calendar, (T, W).
        steps: the number of each row's step.
        groups: which series a row belongs to; its rows stand together, oldest first.
        measured: whether the target was measured.
        season: rows in a cycle, if there is one.
    """

    values: np.ndarray
    others: np.ndarray
    waves: np.ndarray
    steps: np.ndarray
    groups: np.ndarray
    measured: np.ndarray
    season: int | None


def seen(
    series: Series, target: str, others: Sequence[str], calendar: Sequence[str], season: int | None
) -> Seen:
    """The newest of the rows, as numbers.

    Args:
        series: the training rows on their grid, without gaps.
        target: the column that is forecast.
        others: columns of numbers beside it.
        calendar: features of the time of a row.
        season: rows in a cycle, if there is one.
    """
    newest = np.unique(series.steps)
    each = max(1, len(series) // len(newest))
    kept = series.steps >= newest[-min(len(newest), MOST_ROWS // each)]
    part = series.part(kept)
    beside = part.rows[list(others)].astype(np.float64).ffill().fillna(0.0).to_numpy()
    return Seen(
        part.rows[target].to_numpy(dtype=np.float64),
        beside,
        waves(part.clock, calendar),
        part.steps,
        part.groups,
        part.measured & np.isfinite(part.rows[target].to_numpy(dtype=np.float64)),
        season,
    )


def chosen(rows: Seen, lookbacks: Sequence[int], longest: int) -> Way:
    """The way whose forecasts one step ahead of later blocks of the rows were the nearest.

    The target's own past comes first, then the calendar, then other columns, each where it is
    worth it.

    Args:
        rows: the training rows.
        lookbacks: of which one is taken, the usual one first.
        longest: rows that a window may have.
    """
    periods = [1] if not rows.season or rows.season == 1 else [1, rows.season]
    # What leaves the range that it was learned in is seen by its changes alone.
    ways = [] if _grows(rows) else [Way(None, 0, lookback) for lookback in lookbacks]
    ways += [Way("difference", p, lookback) for p in periods for lookback in lookbacks]
    if (rows.values[rows.measured] > 0).all():
        ways += [Way("percent", p, lookback) for p in periods for lookback in lookbacks]
    ways = [way for way in ways if way.before <= longest] or ways[:1]
    ways = [way for way in ways if _moves(rows, way)] or [Way(None, 0, lookbacks[0])]
    before = max(way.before for way in ways)
    best, error = ways[0], np.inf
    for way in ways:
        found = _error(rows, way, before)
        if found < error * (1 - (WORTH if way.change == "percent" != best.change else 0)):
            best, error = way, found
    for more, there in (("calendar", rows.waves), ("others", rows.others)):
        way = Way(**{**best._asdict(), more: True})
        if there.shape[1] and (found := _error(rows, way, before)) < error * (1 - WORTH):
            best, error = way, found
    return best


def _grows(rows: Seen) -> bool:
    """Whether later values of a series leave the range of its earlier ones."""
    left = counted = 0
    for group in np.unique(rows.groups):
        own = rows.values[(rows.groups == group) & rows.measured]
        early, late = np.array_split(own, 2)
        if len(early) and len(late):
            left += int(((late < early.min()) | (late > early.max())).sum())
            counted += len(late)
    return left > GROWN * counted


def _moves(rows: Seen, way: Way) -> bool:
    """Whether a change leaves anything to learn: a day of the week never changes by 7 days."""
    features, _, _ = _features(rows, way, _ends(rows, way.before))
    return bool(features.size) and bool(np.ptp(features) > SPREAD * np.abs(features).max())


def _error(rows: Seen, way: Way, before: int) -> float:
    """The mean error on each block of what the blocks before it say, in steps of each series."""
    ends = _ends(rows, before)
    errors = []
    for known, asked in _blocks(rows.steps[ends]):
        if len(known := ends[known]) < FEWEST_WINDOWS or not len(asked := ends[asked]):
            continue
        features, base, unit = _features(rows, way, known)
        answers = (rows.values[known + 1] - base) / unit
        linear = ridge([(features, answers[:, None])])
        features, base, unit = _features(rows, way, asked)
        forecasts = base + unit * linear(features)[:, 0]
        size = _sizes(rows)[rows.groups[asked]]
        errors.append(np.abs(forecasts - rows.values[asked + 1]) / size)
    return float(np.concatenate(errors).mean()) if errors else np.inf


def _ends(rows: Seen, before: int) -> np.ndarray:
    """The newest row of every window, whose next row was measured."""
    places = np.arange(len(rows.values) - 1)
    first = np.searchsorted(rows.groups, rows.groups[places])
    whole = places - first >= before - 1
    same = rows.groups[places + 1] == rows.groups[places]
    return np.asarray(places[whole & same & rows.measured[places + 1]])


def _blocks(steps: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for block in np.array_split(np.unique(steps), BLOCKS)[KNOWN:]:
        if len(block):
            yield steps < block[0], (steps >= block[0]) & (steps <= block[-1])


def _features(rows: Seen, way: Way, ends: np.ndarray) -> tuple[Any, Any, Any]:
    """What a window shows, the value that its change starts from, and the unit of the change."""
    at = ends[:, None] + np.arange(1 - way.lookback, 1)
    past, base, unit = rows.values[at], np.zeros(len(ends)), np.ones(len(ends))
    if way.change:
        old = rows.values[at - way.periods]
        base = rows.values[ends + season_bases([1], way.periods)[0]]
        past = past - old
        if way.change == "percent":
            past, unit = 100 * past / old, base / 100
    parts = [past]
    parts += [rows.waves[ends]] if way.calendar else []
    parts += [rows.others[at].reshape(len(ends), -1)] if way.others else []
    return np.concatenate(parts, axis=1), base, unit


def _sizes(rows: Seen) -> np.ndarray:
    """The mean step of each series, so that a large one does not decide alone."""
    same = np.diff(rows.groups) == 0
    steps = np.bincount(rows.groups[1:][same], np.abs(np.diff(rows.values))[same])
    count = np.bincount(rows.groups[1:][same], minlength=len(steps))
    mean = steps / np.maximum(count, 1)
    return np.where(mean > 0, mean, 1.0)

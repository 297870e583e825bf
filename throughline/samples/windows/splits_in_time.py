"""Training, test and folds in time: whole windows on one side of a boundary, none across it.

A window belongs to a part when all its rows do, those that it predicts included. So the newest
rows of two windows of different parts are at least `before + horizon` rows apart, whatever `gap`
adds to that. Boundaries are steps of the grid and the same for all series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData, BadPipeline
from throughline.pipeline.schema.protocol import CrossValidation, Split
from throughline.samples.splits.folds import Fold
from throughline.samples.windows.positions import Extent, within
from throughline.serving.rows import clock as clocks

if TYPE_CHECKING:
    from throughline.samples.windows.frame import Series


def boundary(series: Series, split: Split, zone: str | None) -> int:
    """The first step of the test part.

    Args:
        series: all rows.
        split: section `split`; `start` is the first time of the test part, or `test` the share of
            the steps, or their number.
        zone: of the wall clock that `start` is written in.

    Raises:
        BadPipeline: a `start` that is no time, or after all rows.
    """
    every = np.unique(series.steps)
    if split.start is not None:
        try:
            wall = np.array([split.start], dtype="datetime64[s]").astype(np.int64)
        except ValueError:
            raise BadPipeline(
                "split.start must be a time such as 2014-01-01", split.start
            ) from None
        first = int(clocks.steps(clocks.utc(wall, zone), series.grid)[0][0])
        if first > every[-1]:
            newest = clocks.wall_clock(clocks.moments_of(every[-1:], series.grid), zone)
            raise BadPipeline(
                "split.start must be a time that the rows reach, so that there is a test part",
                split.start,
                f"The newest row is of {np.datetime64(int(newest[0]), 's')}",
            )
        return first
    count = int(split.test) if split.test >= 1 else round(len(every) * split.test)
    return int(every[max(len(every) - count, 0)]) if count else int(every[-1]) + 1


def parts(series: Series, split: Split, zone: str | None) -> np.ndarray:
    """The part of each row: `training`, `test` or `gap`."""
    first = boundary(series, split, zone)
    assigned = np.full(len(series), "training", dtype=object)
    assigned[series.steps >= first - split.gap] = "gap"
    assigned[series.steps >= first] = "test"
    return assigned


def folds(
    series: Series, ends: np.ndarray, extent: Extent, protocol: CrossValidation, split: Split
) -> list[Fold]:
    """The folds of a protocol in time.

    rolling-origin: the steps are cut into `folds` + 1 blocks; each but the first is validated by a
    network that knows the blocks before it (Tashman 2000). blocked: `folds` blocks; each is
    validated by a network that knows the others.

    Args:
        series: the training rows.
        ends: the newest row of each training window.
        extent: of a window.
        protocol: section `cross_validation`.
        split: section `split`, whose gap lies before the validated block, too.

    Raises:
        BadData: a fold that has no window to train or to validate.
    """
    every = np.unique(series.steps)
    rolling = protocol.order != "blocked"
    edges = np.array_split(every, protocol.folds + rolling)
    blocks = edges[1:] if rolling else edges
    result = []
    for number, block in enumerate(blocks):
        held = (series.steps >= block[0]) & (series.steps <= block[-1])
        known = series.steps < block[0] - split.gap
        if not rolling:
            known |= series.steps > block[-1] + split.gap
        inside = within(known, ends, extent.before, extent.after)
        validated = within(held, ends, extent.before, extent.after)
        if not inside.any() or not validated.any():
            raise BadData(
                f"Fold {number + 1} must have windows to train on and to validate on",
                f"{int(inside.sum())} and {int(validated.sum())}, of "
                f"{extent.before} + {extent.after} rows each",
                "Lower `cross_validation.folds`, or bring more rows",
            )
        result.append(Fold(np.flatnonzero(inside), np.flatnonzero(validated), 0, known))
    return result


def last_share(
    steps: np.ndarray, share: float, extent: Extent, gap: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Windows to train on and, of the last steps, to watch; none of the two share a row.

    Args:
        steps: the step of the newest row of each window.
        share: of the windows to watch.
        extent: of a window.
        gap: steps between the rows of both, as the split asks for.
    """
    if not share:
        return np.arange(len(steps)), None
    first = np.sort(steps)[-max(1, round(len(steps) * share))]
    watched = np.flatnonzero(steps >= first)
    trained = np.flatnonzero(steps + extent.after <= first - extent.before - gap)
    if not len(trained):
        raise BadData(
            "Windows that are watched may share no row with those that train; none are left",
            f"training.validation: {share}",
            "Lower it, or bring more rows",
        )
    return trained, watched

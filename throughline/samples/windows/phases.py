"""A series in the order of the phases of a step, in which each window lies in one piece.

Rows 0, step, 2 step, ... come first, then 1, 1 + step, ..., up to step - 1. The rows that a window
sees are a step apart, so here they are neighbours, and a window of them is one copy of memory. The
series is held in this order in the place of its own, not beside it.
"""

from __future__ import annotations

import numpy as np

from throughline.samples.windows.gathered import Windowed


def windows(series: np.ndarray, ends: np.ndarray, offsets: np.ndarray) -> Windowed:
    """Windows of a series, which is put in the order of their step.

    Args:
        series: (T, F), the oldest row first; reordered in place, so the caller's no more. One
            that cannot be, because it is read-only or a view with gaps, is copied.
        ends: int32 (N,), the newest row of each window.
        offsets: int32 (steps,), rows counted from the newest one.

    Returns:
        The windows. Offsets that are not equally spaced leave the series as it is.
    """
    step = spacing(offsets)
    if step > 1:
        series = np.require(series, requirements=["C", "W"])
        reorder(series, step)
        ends = places(ends, len(series), step)
        offsets = offsets // step
    return Windowed(series, ends, offsets)


def spacing(offsets: np.ndarray) -> int:
    """The rows between neighbours of all offsets; 1 where they differ, or there is only one."""
    found = set(np.diff(offsets).tolist())
    step = found.pop() if len(found) == 1 else 1
    # The newest row may not be the window's last: then places cannot be told by division.
    return step if step > 0 and not (offsets % step).any() else 1


def places(rows: np.ndarray, count: int, step: int) -> np.ndarray:
    """Where rows of a series stand in the order of a step.

    Args:
        rows: row numbers.
        count: rows of the series.
        step: rows between neighbours.
    """
    turn, phase = np.divmod(rows, step)
    # Each phase has `count // step` rows, and the first `count % step` of them one more.
    before = phase * (count // step) + np.minimum(phase, count % step)
    return np.asarray((before + turn).astype(rows.dtype))


def reorder(series: np.ndarray, step: int) -> None:
    """Put the rows of a series in the order of a step, in place.

    A column at a time, so that no second series is needed but one of its columns.

    Args:
        series: (T, ...), the oldest row first.
        step: rows between neighbours.
    """
    for column in series.reshape(len(series), -1).T:
        column[:] = np.concatenate([column[phase::step] for phase in range(step)])

"""Guard `windows`: windows over one series may not share values across the parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.guards.dated import following
from throughline.guards.finding import Case, Finding, Observation, guard, is_number

if TYPE_CHECKING:
    from throughline.samples.windows.positions import Extent
    from throughline.samples.windows.preparing.series import Placed

FEWEST_WIDTH = 3
FEWEST_ROWS = 20
# Series may have a few gaps, after which a window starts anew.
SLIDING = 0.9


@guard("windows")
def windows(case: Case) -> Iterator[Observation]:
    """Rows that are a window sliding over a series, with neighbours in the other part.

    Such rows repeat the values of their neighbours: a random split then tests on values that
    training has seen. A temporal split needs a gap as wide as the window.
    """
    found = following(case)
    if found is not None:
        name, share = found
        yield Observation(
            f"in the order of '{name}' the target follows from the row before ({share:.2f} of it), "
            "and rows are split at random; split with 'kind: temporal, column: "
            f"{name}'",
            certain=False,
        )
    width, table = _widest(case)
    if width < FEWEST_WIDTH:
        return
    steps = _slides(table)
    if steps is None or not (case.parts == "test").any():
        return
    series = np.concatenate([[0], np.cumsum(~steps)])
    overlapping = _near_training(case.parts, series, width)
    if overlapping.any():
        total = int((case.parts == "test").sum())
        yield Observation(
            f"{int(overlapping.sum())} of {total} {case.held} rows are windows of {width} values "
            "that overlap windows of the training part; split with 'kind: temporal' and "
            f"'gap: {width - 1}' or more",
            rows=tuple(int(row) for row in np.flatnonzero(overlapping)),
        )


def _widest(case: Case) -> tuple[int, np.ndarray[Any, Any]]:
    """The numeric features in their order, or the widest column of arrays of one length."""
    names = [name for name in case.columns if name in case.by_name]
    numbers = [name for name in names if is_number(case.by_name[name])]
    table = case.rows[numbers].to_numpy(dtype=float)
    for name in names:
        first = case.by_name[name].iloc[0] if case.by_name[name].dtype == object else None
        if isinstance(first, np.ndarray) and first.ndim == 1 and len(first) > table.shape[1]:
            values = list(case.by_name[name])
            if all(isinstance(v, np.ndarray) and v.shape == first.shape for v in values):
                table = np.stack(values).astype(float)
    return table.shape[1], table


def _slides(table: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """Whether each row is the row before it, moved by one; None where rows are no windows."""
    if len(table) < FEWEST_ROWS:
        return None
    for older, newer in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
        steps: np.ndarray[Any, Any] = (table[:-1, older] == table[1:, newer]).all(axis=1)
        # Constant rows, as those of blank pixels, slide over nothing.
        varied = (table[:-1] != table[:-1, :1]).any(axis=1)
        if (steps & varied).mean() > SLIDING:
            return steps
    return None


def _near_training(
    parts: np.ndarray[Any, Any], series: np.ndarray[Any, Any], width: int
) -> np.ndarray[Any, Any]:
    """Test rows with a training row less than `width` rows away in the same series."""
    place = np.arange(len(parts))
    training = np.flatnonzero(parts == "training")
    near = np.zeros(len(parts), dtype=bool)
    if not len(training):
        return near
    position = np.searchsorted(training, place)
    for neighbour in (position - 1, position):
        held = training[np.clip(neighbour, 0, len(training) - 1)]
        near |= (np.abs(held - place) < width) & (series[held] == series[place])
    tested: np.ndarray[Any, Any] = near & (parts == "test")
    return tested


def apart(training: Placed, test: Placed, extent: Extent, verdict: str) -> list[Finding]:
    """The proof that no training window holds a step that a test window predicts, or sees.

    It goes by the steps of the grid alone, so it also sees what a split by row numbers would miss.

    Args:
        training: the windows that train.
        test: the windows that test.
        extent: of a window.
        verdict: of the guard `windows`.
    """
    if verdict == "off":
        return []
    if not len(test.ends):
        return [Finding("windows", verdict, True, "there are no test windows")]
    newest = int(training.newest.max()) + extent.after
    oldest = int(test.newest.min()) - extent.before + 1
    distance = int(test.newest.min()) - int(training.newest.max())
    if newest < oldest:
        message = (
            f"{len(training.ends)} training windows end {oldest - newest} steps before the first "
            f"step of {len(test.ends)} test windows; their newest rows are {distance} steps apart, "
            f"at least {extent.before} + {extent.after}"
        )
        return [Finding("windows", verdict, True, message)]
    overlapping = np.flatnonzero(test.newest - extent.before + 1 <= newest)
    message = (
        f"{len(overlapping)} of {len(test.ends)} test windows share steps with training windows; "
        f"their newest rows are {distance} steps apart and should be {extent.before} + "
        f"{extent.after}"
    )
    return [Finding("windows", verdict, False, message, (), tuple(overlapping.tolist()))]

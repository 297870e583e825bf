"""Whether what a fold fits moves with the rows that it must not see."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from throughline.canary.corruption import corrupted

if TYPE_CHECKING:
    from throughline.samples.kinds import Trial


def moved_folds(trials: Iterable[Trial], classes: Collection[str]) -> tuple[int, tuple[int, ...]]:
    """How many folds there are, and those of which something moves with rows that they don't see.

    Args:
        trials: what each fold fits.
        classes: the columns that are predicted and hold classes.
    """
    folds, moved = set[int](), set[int]()
    for trial in trials:
        folds.add(trial.fold)
        if trial.fold not in moved:
            changed = corrupted(trial.table, trial.unseen, trial.unchanged, classes)
            if trial.fit(trial.table) != trial.fit(changed):
                moved.add(trial.fold)
    return len(folds), tuple(sorted(moved))

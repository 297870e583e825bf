"""What a selected point is worth: the folds that select it may not score it as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.training.folds.folded import of_folds
from throughline.training.folds.intervals import corrected_interval

if TYPE_CHECKING:
    from throughline.figures.figure import Figure


def selected(
    scores: Sequence[Sequence[float]],
    folds: Sequence[tuple[int, int]],
    sizes: tuple[float, float],
    figure: Figure,
) -> dict[str, Any] | None:
    """The score of whatever point the other folds of its shuffle select, fold by fold.

    The best of many points is the best by luck as well: of 24 that are all as good its mean over
    five folds of 100 rows lies 4.5 points above theirs. A fold that had no say in the choice knows
    nothing of that luck. It is pessimistic by what a choice from one fold less is worse. Source:
    Varma and Simon (2006), Bias in error estimation when using cross-validation for model
    selection, BMC Bioinformatics 7, 91, with the scores of the folds that there are in the place of
    inner ones.

    Args:
        scores: of each point its trainings', those of a fold one after the other.
        folds: the shuffle that each fold is of, and its number.
        sizes: training and validation rows of a fold.
        figure: what is scored.

    Returns:
        `mean` with the corrected 95 % interval `low` to `high`; None where no point is selected, or
        no other fold could select one.
    """
    seeds = len(scores[0]) // len(folds) if scores else 0
    table = np.array([of_folds(np.asarray(each), seeds) for each in scores])
    shuffles = np.array([shuffle for shuffle, _ in folds])
    if len(table) < 2 or np.bincount(shuffles).max() < 2:
        return None
    honest = []
    for fold, shuffle in enumerate(shuffles):
        others = shuffles == shuffle
        others[fold] = False
        if others.any():
            honest.append(table[figure.best(table[:, others].mean(axis=1).tolist()), fold])
    low, high = corrected_interval(honest, *sizes, within=figure.limits)
    return {"mean": float(np.mean(honest)), "low": float(low), "high": float(high)}

"""Figures over folds and seeds, and what a choice among points is said to be worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.honesty.draws import Cell
from throughline.evaluation.measure.evaluated import figure_of as figure
from throughline.training.folds.folded import summary
from throughline.training.search.selection import selected

FOLDS = 5


def fold_scores(generator: np.random.Generator, points: int, rows: int, seeds: int) -> np.ndarray:
    """Accuracies of points that are all right in 75 %, (points, folds x seeds).

    Some rows are harder than others, and all seeds of a fold answer the same rows.
    """
    chances = generator.beta(1.5, 0.5, rows)
    right = generator.random((points, seeds, rows)) < chances
    by_fold = right.reshape(points, seeds, FOLDS, -1).mean(axis=3)
    return np.asarray(by_fold.transpose(0, 2, 1).reshape(points, -1))


def selection() -> Iterator[Cell]:
    """Means over folds: of several seeds, and of the best of equal points."""
    accuracy, folds = figure("accuracy"), [(0, number) for number in range(FOLDS)]
    for rows in (100, 500):
        sizes = rows * (FOLDS - 1) / FOLDS, rows / FOLDS

        def seeded(
            generator: np.random.Generator, n: int = rows, s: tuple[float, float] = sizes
        ) -> bool:
            found = summary(accuracy, fold_scores(generator, 1, n, 5)[0], s, 5)
            return bool(found["low"] <= 0.75 <= found["high"])

        yield Cell("accuracy of 5 folds with 5 seeds", rows, "95 %", seeded)

        def chosen(
            generator: np.random.Generator, n: int = rows, s: tuple[float, float] = sizes
        ) -> dict[str, float]:
            found = selected(fold_scores(generator, 24, n, 1).tolist(), folds, s, accuracy)
            assert found is not None
            return found

        def covered(generator: np.random.Generator, draw: Any = chosen) -> bool:
            found = draw(generator)
            return bool(found["low"] <= 0.75 <= found["high"])

        def above(generator: np.random.Generator, draw: Any = chosen) -> bool:
            return bool(draw(generator)["mean"] > 0.75)

        yield Cell("a choice among 24 equal points", rows, "95 %", covered)
        yield Cell("the same, said to be better than it is", rows, "about half", above)

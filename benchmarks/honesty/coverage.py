"""Intervals of figures: classes, numbers, groups and series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
from scipy.signal import lfilter

from benchmarks.honesty.draws import (
    NAMES,
    Cell,
    Draw,
    covers,
    figure_cell,
    of_classes,
    of_many,
    of_numbers,
    true_figure,
)
from throughline.evaluation.intervals.blocks import BlockResamples, block_length, understated
from throughline.evaluation.intervals.clusters import ClusterResamples
from throughline.evaluation.outcome import Outcome

NORMAL = NormalDist()


def classes() -> Iterator[Cell]:
    """Figures of classifiers on independent rows."""
    for area in (0.76, 0.9, 0.983):
        separation = NORMAL.inv_cdf(area) * 2**0.5
        for rows, share in ((20, 0.5), (50, 0.5), (200, 0.1), (1000, 0.02)):

            def draw(
                generator: np.random.Generator, count: int, s: float = separation, p: float = share
            ) -> Outcome:
                return of_classes(generator, count, s, p)

            yield figure_cell(f"{area}, {share:.0%} positive", rows, "roc_auc", area, draw)
    for separation in (1.5, 3.0):

        def draw_two(generator: np.random.Generator, count: int, s: float = separation) -> Outcome:
            return of_classes(generator, count, s)

        for rows in (20, 50, 200):
            for name in ("accuracy", "recall", "f1", "loss"):
                true = true_figure(name, draw_two)
                yield figure_cell(f"separation {separation}", rows, name, true, draw_two)
    for count, right in ((3, 0.7), (3, 0.95), (10, 0.8), (15, 0.7)):

        def many(
            generator: np.random.Generator, rows: int, c: int = count, p: float = right
        ) -> Outcome:
            return of_many(generator, rows, c, p)

        for rows in (50, 200):
            for name in ("balanced_accuracy", "macro_f1"):
                yield figure_cell(
                    f"{count} classes, {right:.0%} right", rows, name, true_figure(name, many), many
                )


def numbers() -> Iterator[Cell]:
    """Errors of forecasts of numbers, from well-behaved to very skewed."""
    kinds: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
        "normal errors": lambda g, n: g.normal(0, 1, n),
        "t errors, 5 degrees": lambda g, n: g.standard_t(5, n),
        "lognormal errors": lambda g, n: np.exp(g.normal(0, 1, n)) * g.choice([-1, 1], n),
    }
    for what, errors in kinds.items():

        def draw(generator: np.random.Generator, rows: int, kind: Draw = errors) -> Outcome:  # type: ignore[assignment]
            return of_numbers(np.asarray(kind(generator, rows)), generator)

        for name in ("mae", "mse", "r2"):
            true = true_figure(name, draw, 4_000_000)
            for rows in (20, 50, 200):
                yield figure_cell(what, rows, name, true, draw)


def groups() -> Iterator[Cell]:
    """Right or wrong answers of patients with several rows each."""
    for correlation in (0.05, 0.17, 0.44):
        for count, size in ((40, 50), (12, 30)):
            spread = (correlation / (1 - correlation)) ** 0.5
            level = NORMAL.inv_cdf(0.8) * (1 + spread**2) ** 0.5

            def hit(
                generator: np.random.Generator,
                s: float = spread,
                m: float = level,
                g: int = count,
                k: int = size,
            ) -> bool | None:
                patient = np.repeat(np.arange(g), k)
                latent = m + s * generator.normal(size=g)[patient] + generator.normal(size=g * k)
                actual = generator.integers(2, size=g * k)
                predicted = np.where(latent > 0, actual, 1 - actual)
                outcome = Outcome("binary", actual, predicted, np.eye(2)[predicted], NAMES)
                return covers("accuracy", 0.8, outcome, ClusterResamples(patient))

            what = f"accuracy, {count} groups of {size}, correlation {correlation}"
            yield Cell(what, count * size, "95 %", hit)


def series() -> Iterator[Cell]:
    """Errors of a forecaster that remember."""
    for memory in (0.0, 0.5, 0.9, 0.98):
        for rows in (200, 1000):

            def hit(
                generator: np.random.Generator, m: float = memory, n: int = rows
            ) -> bool | None:
                noise = lfilter([1.0], [1.0, -m], generator.normal(size=n + 300))
                errors = noise[300:] * (1 - m**2) ** 0.5
                outcome = of_numbers(errors, generator)
                losses = np.abs(errors)
                block = block_length(1, None, losses)
                draws = BlockResamples(np.arange(n), block, understated(losses, block))
                return covers("mae", (2 / np.pi) ** 0.5, outcome, draws)

            yield Cell(f"mae of a series, AR {memory}", rows, "95 %", hit)

"""Answers of models whose true figures are known, and one line of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from throughline.evaluation.intervals.resamples import Resamples
from throughline.evaluation.measure.measure import measured
from throughline.evaluation.outcome import Outcome

NAMES = ("no", "yes")


Draw = Callable[[np.random.Generator, int], Outcome]


Part = Callable[[], Iterator["Cell"]]


@dataclass(frozen=True)
class Cell:
    """One line of the table: a kind of rows, their number, and what happens in one repetition."""

    what: str
    rows: int
    nominal: str
    hit: Callable[[np.random.Generator], bool | None]


def of_classes(
    generator: np.random.Generator, rows: int, separation: float, share: float = 0.5
) -> Outcome:
    """Two classes whose scores are normal, told by the right probabilities."""
    actual = np.zeros(rows, dtype=np.int64)
    actual[: max(2, round(share * rows))] = 1
    log_odds = np.log(actual.mean() / (1 - actual.mean()))
    score = generator.normal(separation * actual, 1)
    probability = 1 / (1 + np.exp(-(separation * (score - separation / 2) + log_odds)))
    table = np.column_stack([1 - probability, probability])
    return Outcome("binary", actual, table.argmax(axis=1), table, NAMES)


def of_numbers(errors: np.ndarray, generator: np.random.Generator) -> Outcome:
    """A regression with these errors."""
    actual = generator.normal(0, 2, (len(errors), 1))
    return Outcome("regression", actual, actual + errors[:, None], None, ("y",))


def of_many(generator: np.random.Generator, rows: int, classes: int, right: float) -> Outcome:
    """Classes of unlike size, each row right with one probability, else any other class."""
    shares = np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()
    actual = generator.choice(classes, rows, p=shares)
    other = (actual + generator.integers(1, classes, rows)) % classes
    predicted = np.where(generator.random(rows) < right, actual, other)
    names = tuple(f"c{number}" for number in range(classes))
    return Outcome("multiclass", actual, predicted, np.eye(classes)[predicted], names)


def covers(name: str, true: float, outcome: Outcome, draws: Resamples) -> bool | None:
    """Whether the interval of a figure holds its true value; None without an interval."""
    figure = measured(outcome, draws).get(name)
    if figure is None or figure["low"] is None or figure["high"] is None:
        return None
    return figure["low"] <= true <= figure["high"]


def figure_cell(what: str, rows: int, name: str, true: float, draw: Draw) -> Cell:
    draws = Resamples(rows)

    def hit(generator: np.random.Generator) -> bool | None:
        return covers(name, true, draw(generator, rows), draws)

    return Cell(f"{name}, {what}", rows, "95 %", hit)


def true_figure(name: str, draw: Draw, rows: int = 400_000) -> float:
    """A figure of very many rows."""
    from throughline.evaluation.measure.measure import scored

    return scored(draw(np.random.default_rng(99), rows))[name]

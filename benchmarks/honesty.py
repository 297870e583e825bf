"""What the intervals and verdicts of a report cover, simulated through the functions that make it.

Run: python -m benchmarks.honesty [--repetitions 400] [--only WORD]

Each line is a cell: what is drawn, how many rows, what was meant to be covered, in how many of the
repetitions with an interval it was, and in how many a report gives none, because too few rows
decide. A share of 400 repetitions is known to about 2 points.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy.signal import lfilter

from throughline.evaluation.compare.champion import judged
from throughline.evaluation.intervals.blocks import BlockResamples, block_length, understated
from throughline.evaluation.intervals.clusters import ClusterResamples
from throughline.evaluation.intervals.resamples import Resamples
from throughline.evaluation.measure.difference import Choice, difference
from throughline.evaluation.measure.evaluated import figure_of as figure
from throughline.evaluation.measure.measure import measured
from throughline.evaluation.outcome import Outcome
from throughline.training.folds.folded import summary
from throughline.training.search.selection import selected

NORMAL = NormalDist()
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


def _figure(what: str, rows: int, name: str, true: float, draw: Draw) -> Cell:
    draws = Resamples(rows)

    def hit(generator: np.random.Generator) -> bool | None:
        return covers(name, true, draw(generator, rows), draws)

    return Cell(f"{name}, {what}", rows, "95 %", hit)


def _true(name: str, draw: Draw, rows: int = 400_000) -> float:
    """A figure of very many rows."""
    from throughline.evaluation.measure.measure import scored

    return scored(draw(np.random.default_rng(99), rows))[name]


def classes() -> Iterator[Cell]:
    """Figures of classifiers on independent rows."""
    for area in (0.76, 0.9, 0.983):
        separation = NORMAL.inv_cdf(area) * 2**0.5
        for rows, share in ((20, 0.5), (50, 0.5), (200, 0.1), (1000, 0.02)):

            def draw(
                generator: np.random.Generator, count: int, s: float = separation, p: float = share
            ) -> Outcome:
                return of_classes(generator, count, s, p)

            yield _figure(f"{area}, {share:.0%} positive", rows, "roc_auc", area, draw)
    for separation in (1.5, 3.0):

        def told(generator: np.random.Generator, count: int, s: float = separation) -> Outcome:
            return of_classes(generator, count, s)

        for rows in (20, 50, 200):
            for name in ("accuracy", "recall", "f1", "loss"):
                yield _figure(f"separation {separation}", rows, name, _true(name, told), told)
    for count, right in ((3, 0.7), (3, 0.95), (10, 0.8), (15, 0.7)):

        def many(
            generator: np.random.Generator, rows: int, c: int = count, p: float = right
        ) -> Outcome:
            return of_many(generator, rows, c, p)

        for rows in (50, 200):
            for name in ("balanced_accuracy", "macro_f1"):
                yield _figure(
                    f"{count} classes, {right:.0%} right", rows, name, _true(name, many), many
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
            true = _true(name, draw, 4_000_000)
            for rows in (20, 50, 200):
                yield _figure(what, rows, name, true, draw)


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


def _pair(generator: np.random.Generator, rows: int, gap: float) -> tuple[Outcome, Outcome]:
    """Two models that are right in 80 % and 80 % + gap, mostly on the same rows."""
    actual = generator.integers(2, size=rows)
    fate = generator.random(rows)
    ours = np.where(fate < 0.7 + gap, True, np.where(fate < 0.8 + gap, True, False))
    theirs = np.where(fate < 0.7, True, (fate >= 0.8 + gap) & (fate < 0.9 + gap))
    pair = []
    for right in (ours, theirs):
        predicted = np.where(right, actual, 1 - actual)
        pair.append(Outcome("binary", actual, predicted, np.eye(2)[predicted], NAMES))
    return pair[0], pair[1]


def verdicts() -> Iterator[Cell]:
    """How often a difference is claimed that is not there, and found where it is."""
    choice = Choice("accuracy")
    for rows in (30, 50, 200, 1000):
        for gap, nominal in ((0.0, "5 % at most"), (0.05, "power")):

            def hit(generator: np.random.Generator, n: int = rows, d: float = gap) -> bool:
                ours, theirs = _pair(generator, n, d)
                said = difference(ours, theirs, Resamples(n), choice)["verdict"]
                return said in ("better", "worse")

            yield Cell(f"a verdict on accuracy, true gap {gap:.0%}", rows, nominal, hit)
    for rows in (50, 200, 1000):

        def equal(generator: np.random.Generator, n: int = rows) -> bool:
            ours, theirs = _pair(generator, n, 0.05)
            return (
                difference(ours, theirs, Resamples(n), Choice("accuracy", 0.05))["verdict"]
                == "equal"
            )

        yield Cell("'equal within .05', true gap .05", rows, "5 % at most", equal)


def _right_or_wrong(generator: np.random.Generator, actual: np.ndarray) -> Outcome:
    """Right in 80 % of the rows."""
    predicted = np.where(generator.random(len(actual)) < 0.2, 1 - actual, actual)
    return Outcome("binary", actual, predicted, np.eye(2)[predicted], NAMES)


def _sure(generator: np.random.Generator, actual: np.ndarray) -> Outcome:
    """Probabilities of a model that is nearly sure, and now and then sure of the wrong class."""
    odds = generator.normal(3.0 * (2 * actual - 1), 2.0)
    probability = 1 / (1 + np.exp(-odds))
    table = np.column_stack([1 - probability, probability])
    return Outcome("binary", actual, table.argmax(axis=1), table, NAMES)


def _off(generator: np.random.Generator, actual: np.ndarray) -> Outcome:
    """Numbers that are missed by errors with heavy tails."""
    truth = actual[:, None].astype(float)
    errors = generator.standard_t(3, truth.shape)
    return Outcome("regression", truth, truth + errors, None, ("y",))


# What is compared in a night: a figure, how many rows are positive, and a model's answers.
NIGHTLY: dict[str, tuple[float, Callable[[np.random.Generator, np.ndarray], Outcome]]] = {
    "accuracy": (0.5, _right_or_wrong),
    "loss": (0.5, _sure),
    "roc_auc": (0.05, _sure),
    "mse": (0.5, _off),
}


def nights() -> Iterator[Cell]:
    """A champion that an equal model replaces within so many nights, with three seeds.

    The champion's answers are of the same model every night, and so are the rows, or they are new.
    """
    for metric, (share, answers) in NIGHTLY.items():
        for rows in ("new", "the same"):

            def hit(
                generator: np.random.Generator,
                metric: str = metric,
                share: float = share,
                answers: Callable[[np.random.Generator, np.ndarray], Outcome] = answers,
                kept: bool = rows == "the same",
            ) -> bool:
                draws, choice = Resamples(200), Choice(metric)
                reference: Outcome | None = None
                for look in range(1, 101):
                    if reference is None or not kept:
                        actual = (generator.permutation(200) < share * 200).astype(np.int64)
                        reference = answers(generator, actual)
                    ours = [answers(generator, actual) for _ in range(3)]
                    if judged(ours, reference, draws, choice, look)["verdict"] == "better":
                        return True
                return False

            what = f"a champion falls in 100 nights, by {metric} of {rows} rows"
            yield Cell(what, 200, "5 % at most", hit)


FOLDS = 5


def _scores(generator: np.random.Generator, points: int, rows: int, seeds: int) -> np.ndarray:
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
            found = summary(accuracy, _scores(generator, 1, n, 5)[0], s, 5)
            return bool(found["low"] <= 0.75 <= found["high"])

        yield Cell("accuracy of 5 folds with 5 seeds", rows, "95 %", seeded)

        def chosen(
            generator: np.random.Generator, n: int = rows, s: tuple[float, float] = sizes
        ) -> dict[str, float]:
            found = selected(_scores(generator, 24, n, 1).tolist(), folds, s, accuracy)
            assert found is not None
            return found

        def covered(generator: np.random.Generator, draw: Any = chosen) -> bool:
            found = draw(generator)
            return bool(found["low"] <= 0.75 <= found["high"])

        def above(generator: np.random.Generator, draw: Any = chosen) -> bool:
            return bool(draw(generator)["mean"] > 0.75)

        yield Cell("a choice among 24 equal points", rows, "95 %", covered)
        yield Cell("the same, said to be better than it is", rows, "about half", above)


PARTS: tuple[Part, ...] = (classes, numbers, groups, series, verdicts, nights, selection)


def measure(cell: Cell, repetitions: int) -> tuple[float, float]:
    """The share of repetitions in which what the cell asks happened, of those that show something.

    Returns:
        that share, and the share of those that show nothing.
    """
    generator = np.random.default_rng(1)
    found = [cell.hit(generator) for _ in range(repetitions)]
    told = [hit for hit in found if hit is not None]
    return sum(told) / max(1, len(told)), 1 - len(told) / len(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    print("| what | rows | nominal | measured | no interval |\n|---|--:|---|--:|--:|")
    for part in PARTS:
        for cell in part():
            if asked.only in f"{part.__name__} {cell.what}":
                share, none = measure(cell, asked.repetitions)
                told = f"{share:.1%} | {f'{none:.1%}' if none else ''} |"
                print(f"| {cell.what} | {cell.rows} | {cell.nominal} | {told}", flush=True)


if __name__ == "__main__":
    main()

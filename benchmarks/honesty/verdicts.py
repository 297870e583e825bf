"""Verdicts of comparisons: of two models, and of a champion night after night."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.honesty.draws import NAMES, Cell
from throughline.evaluation.compare.champion import judged
from throughline.evaluation.intervals.resamples import Resamples
from throughline.evaluation.measure.difference import Choice, difference
from throughline.evaluation.outcome import Outcome


def two_models(generator: np.random.Generator, rows: int, gap: float) -> tuple[Outcome, Outcome]:
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
                ours, theirs = two_models(generator, n, d)
                said = difference(ours, theirs, Resamples(n), choice)["verdict"]
                return said in ("better", "worse")

            yield Cell(f"a verdict on accuracy, true gap {gap:.0%}", rows, nominal, hit)
    for rows in (50, 200, 1000):

        def equal(generator: np.random.Generator, n: int = rows) -> bool:
            ours, theirs = two_models(generator, n, 0.05)
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

"""`python -m benchmarks.stopping`: by which rows a fold may learn when to stop, tried three ways.

Scores of folds should say how good the network is that is shipped. On pure noise that is half
right; on real rows it is what the shipped network gets right of the half of the rows that no fold
has seen. Each line is the mean of some draws: of the noise, or of the half.

scored   the rows that a fold is scored on also decide when it stops (what is not to be done)
part     a fifth of the fold's training rows decides; so it does of all rows for what is shipped
others   the epoch at which the mean curve of the other folds is best; for what is shipped, of all
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from throughline.training.engine.runs import Fitted, Run

DRAWS = 10
FOLDS, REPEATS = 5, 2
SHARE, EPOCHS, PATIENCE = 0.2, 100, 30
MONITOR = "val_accuracy"


class Rows(NamedTuple):
    """Rows of one draw: those to learn from, and those that say how good what is shipped is."""

    inputs: np.ndarray
    target: np.ndarray
    known: np.ndarray
    unseen: np.ndarray


def main() -> None:
    """Print a line for each kind of rows and way."""
    from throughline.training.engine.devices import configure

    configure(device="cpu", threads=1)
    print(f"{'rows':14} {'way':7} {'folds':>7} {'shipped':>8} {'flattered':>10} {'covered':>8}")
    for name, draws in (("noise", noise()), *((each, real(each)) for each in REAL)):
        found: dict[str, list[tuple[float, float, bool]]] = {}
        for seed, rows in enumerate(draws):
            for way, score in scored(rows, seed).items():
                found.setdefault(way, []).append(score)
        for way, scores in found.items():
            folds, shipped, covered = np.array(scores, float).T
            flattered = folds - shipped
            error = flattered.std(ddof=1) / np.sqrt(len(scores))
            print(
                f"{name:14} {way:7} {folds.mean():7.3f} {shipped.mean():8.3f} "
                f"{flattered.mean():+6.3f}±{error:.3f} {covered.mean():8.0%}",
                flush=True,
            )


REAL = ("iris", "wine", "breast_cancer")


def noise() -> Iterator[Rows]:
    """Three hundred rows of twelve numbers that say nothing about their class."""
    for seed in range(DRAWS):
        generator = np.random.default_rng(seed)
        inputs = generator.normal(size=(300, 12)).astype(np.float32)
        target = generator.permutation(np.tile([0, 1], 150)).astype(np.int32)
        yield Rows(inputs, target, np.arange(300), np.zeros(0, int))


def real(name: str) -> Iterator[Rows]:
    """A set of scikit-learn's, half of it unseen."""
    from sklearn import datasets

    from throughline.samples.splits import drawn

    found: Any = getattr(datasets, f"load_{name}")()
    inputs, target = found.data.astype(np.float32), found.target.astype(np.int32)
    for seed in range(DRAWS):
        unseen = drawn.stratified(target, 0.5, seed)
        known = np.setdiff1d(np.arange(len(target)), unseen)
        scaled = (inputs - inputs[known].mean(0)) / inputs[known].std(0)
        yield Rows(scaled, target, known, unseen)


def scored(rows: Rows, seed: int) -> dict[str, tuple[float, float, bool]]:
    """For each way the score of the folds, that of what is shipped, whether its interval fits."""
    from throughline.samples.splits import drawn
    from throughline.training.engine.runs import Run
    from throughline.training.folds.folded import best_epoch, epochs_by_others
    from throughline.training.folds.intervals import corrected_interval

    inputs = {"features": rows.inputs}
    labels = rows.target[rows.known]

    def run(trained: np.ndarray, held: np.ndarray | None, number: int, watched: Any = None) -> Run:
        apart = None if watched is None else rows.known[watched]
        return Run(inputs, rows.target, rows.known[trained], held, number, watched_rows=apart)

    def parted(known: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        watched = known[drawn.evenly(labels[known], SHARE, number)]
        return np.setdiff1d(known, watched), watched

    pairs = [
        (repeat, fold, trained, held)
        for repeat in range(REPEATS)
        for fold, (trained, held) in enumerate(
            drawn.stratified_folds(labels, FOLDS, seed * REPEATS + repeat)
        )
    ]
    plain = [run(t, rows.known[h], r) for r, _, t, h in pairs]
    apart = []
    for repeat, _, trained, held in pairs:
        kept, watched = parted(trained, repeat)
        apart.append(run(kept, rows.known[held], repeat, watched))
    every = np.arange(len(rows.known))
    kept, watched = parted(every, 0)

    stopped, part, whole = fit(plain, PATIENCE), fit(apart, PATIENCE), fit(plain)
    curves = [fitted.history for fitted in whole]
    others = epochs_by_others(curves, [pair[:2] for pair in pairs], MONITOR, figures())
    chosen = best_epoch(curves, MONITOR, figures())
    by_part = shipped(rows, fit([run(kept, rows.known[watched], 0)], PATIENCE))
    by_curve = shipped(rows, fit([run(every, None, 0)], epochs=chosen))
    ways = {
        "scored": (stopped, [f.best_epoch for f in stopped], by_part),
        "part": (part, [f.best_epoch for f in part], by_part),
        "others": (whole, others, by_curve),
    }
    result = {}
    for way, (trainings, epochs, truth) in ways.items():
        values = [f.history[MONITOR][e - 1] for f, e in zip(trainings, epochs, strict=True)]
        low, high = corrected_interval(values, len(labels) * (1 - 1 / FOLDS), len(labels) / FOLDS)
        result[way] = (float(np.mean(values)), truth, bool(low <= truth <= high))
    return result


def shipped(rows: Rows, trained: list[Fitted]) -> float:
    """What a network gets right of the unseen rows; of noise a half, whatever it learnt."""
    if not len(rows.unseen):
        return 0.5
    model = build(rows)(0)
    model.set_weights(trained[0].weights)
    answers = np.asarray(model(rows.inputs[rows.unseen]))
    return float((answers.argmax(1) == rows.target[rows.unseen]).mean())


def figures() -> dict[str, Any]:
    """Accuracy is better the larger it is."""
    from throughline.figures.learned import figure

    return {"accuracy": figure("accuracy")}


def build(rows: Rows) -> Any:
    """A layer of 32, as somebody would begin."""
    from throughline.training.network import build as network

    output = network.Output(int(rows.target.max()) + 1, "softmax")
    layers = [{"Dense": {"units": 32, "activation": "relu"}}]
    return lambda seed: network.build(
        layers, {"features": rows.inputs.shape[1:]}, output, seed=seed
    )


def fit(runs: list[Run], patience: int | None = None, epochs: int | None = None) -> list[Fitted]:
    """Train for at most a hundred epochs, with early stopping if it is asked for."""
    from throughline.pipeline.schema.training import Training
    from throughline.training.engine.engine import fit as train

    rows = Rows(runs[0].inputs["features"], runs[0].target, np.zeros(0), np.zeros(0))
    rule: Any = {"max": EPOCHS, "patience": patience, "monitor": MONITOR}
    training = Training(
        optimizer={"Adam": {"learning_rate": 0.01}},
        epochs=epochs or (rule if patience else EPOCHS),
    )
    loss = "sparse_categorical_crossentropy"
    return train(build(rows), training, runs, loss=loss, metrics=["accuracy"], predictions=False)


if __name__ == "__main__":
    main()

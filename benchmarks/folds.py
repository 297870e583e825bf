"""Cross-validation of the Boston listing: our engine against the listing in plain Keras.

    python -m benchmarks.folds            # plain Keras on a few epochs, scaled to all; 3 minutes
    python -m benchmarks.folds --full     # plain Keras in full, as printed; about 10 minutes
    python -m benchmarks.folds --ways     # our own folds, and a sweep, in turn, together and in
                                          # processes

Four folds, 100 epochs, batch size 1, layers of 64, 64 and 1 unit. Both sides run in this process,
and the times include building, tracing and compiling. Without `THROUGHLINE_MIRROR` the rows are
drawn at random in the same shape, which changes no time.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.training.engine.devices import configure
from throughline.training.folds.intervals import corrected_interval

if TYPE_CHECKING:
    from throughline.training.search.side_by_side import Group, SideBySide

ROWS, COLUMNS, FOLDS, EPOCHS = 404, 13, 4, 100
LAYERS = [{"Dense": {"units": 64, "activation": "relu"}}] * 2
REQUIRED_RATIO, LARGEST_ITERATED = 100, 6

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def rows() -> tuple[np.ndarray, np.ndarray]:
    """404 rows of 13 features, and the target."""
    path = Path(os.environ.get("THROUGHLINE_MIRROR", "")) / "boston" / "boston_house_prices.csv"
    if path.is_file():
        table = np.genfromtxt(path, delimiter=",", skip_header=_header(path))
        table = np.random.default_rng(0).permutation(table)[:ROWS]
        return table[:, :COLUMNS], table[:, COLUMNS]
    generator = np.random.default_rng(0)
    x = generator.normal(size=(ROWS, COLUMNS))
    return x, 22 + x @ generator.normal(size=COLUMNS)


def _header(path: Path) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(i for i, line in enumerate(lines) if line.split(",")[0].strip('"')[:1].isdecimal()
                and line.count(",") == COLUMNS and "." in line)  # fmt: skip


def folds(repeats: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and validation rows of every fold."""
    found = []
    for repeat in range(repeats):
        order = np.random.default_rng(repeat).permutation(ROWS)
        for held in np.array_split(order, FOLDS):
            found.append((np.setdiff1d(order, held), held))
    return found


def scaled(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Standardised by the fold's training rows."""
    return ((x - x[train].mean(0)) / x[train].std(0)).astype(np.float32)


def engine(x: np.ndarray, y: np.ndarray, repeats: int) -> tuple[float, list[float]]:
    """Seconds, and every fold's mean absolute error after the last epoch."""
    from throughline.pipeline.schema.training import Training
    from throughline.training.engine.engine import fit
    from throughline.training.engine.runs import Run
    from throughline.training.network.build import Output, build

    began = time.perf_counter()

    def make(seed: int) -> Any:
        return build(LAYERS, {"features": (COLUMNS,)}, Output(1, "linear"), seed=seed)

    runs = [
        Run({"features": scaled(x, train)}, y, train, held, seed)
        for seed, (train, held) in enumerate(folds(repeats))
    ]
    training = Training(optimizer="rmsprop", batch_size=1, epochs=EPOCHS)
    fitted = fit(make, training, runs, loss="mse", metrics=["mae"])
    return time.perf_counter() - began, [f.history["val_mae"][-1] for f in fitted]


WAYS = ("in-turn", "together", "processes")
NETWORKS: dict[str, tuple[list[Any], tuple[int, ...], int, int, int]] = {
    "Boston, 64-64-1, batch 1, 100 epochs": (LAYERS, (COLUMNS,), 1, EPOCHS, ROWS),
    "dense 8, batch 16, 100 epochs": ([{"Dense": {"units": 8}}], (4,), 16, EPOCHS, 150),
    "two convolutions on 28 x 28, batch 16, 4 epochs": (
        [
            {"Conv2D": {"filters": 16, "kernel_size": 3, "activation": "relu"}},
            "MaxPooling2D",
            {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
            "Flatten",
        ],
        (28, 28, 1), 16, 4, 1024,
    ),
    "LSTM 32 on 20 x 8, batch 16, 4 epochs": (
        [{"LSTM": {"units": 32}}], (20, 8), 16, 4, 1024,
    ),
}  # fmt: skip


RATES = (0.0003, 0.001, 0.003, 0.01)


def points(name: str) -> list[list[Group]]:
    """Four folds of a network with each of some learning rates, made of one set of arrays."""
    from throughline.pipeline.schema.training import Training
    from throughline.training.engine.runs import Run
    from throughline.training.learner import Learner
    from throughline.training.search.side_by_side import Group

    layers, shape, batch, epochs, count = NETWORKS[name]
    rng = np.random.default_rng(0)
    x = {"features": rng.normal(size=(count, *shape)).astype(np.float32)}
    y, order = rng.normal(size=count).astype(np.float32), rng.permutation(count)
    held = np.array_split(order, FOLDS)
    runs = [Run(x, y, np.setdiff1d(order, part), part, 0) for part in held]
    found = []
    for rate in RATES:
        optimizer = {"RMSprop": {"learning_rate": rate}}
        training = Training(optimizer=optimizer, batch_size=batch, epochs=epochs)
        shapes, types = {"features": shape}, {"features": "float32"}
        found.append([Group(Learner(layers, training, "regression", 1, shapes, types, 0), runs)])
    return found


def ways() -> None:
    """Some networks in every way, the first call and one after compiling: folds, then a sweep."""
    from throughline.training.search.side_by_side import SideBySide

    with SideBySide() as trainings:
        for title in NETWORKS:
            every = points(title)
            for what, some in (("4 folds", every[1:2]), (f"{len(every)} learning rates", every)):
                print(f"{title}: {what}")
                for how in WAYS:
                    spent = [_spent(partial(_trained, trainings, some, how)) for _ in range(2)]
                    seconds = "   then ".join(f"{wall:6.2f} s ({own:.2f})" for wall, own in spent)
                    print(f"    {how:12} first {seconds}", flush=True)


def _trained(trainings: SideBySide, some: list[list[Group]], how: Any) -> None:
    for _ in trainings.each(some, how, "", len(some)):
        pass


def _spent(call: Callable[[], Any]) -> tuple[float, float]:
    """Seconds on the wall, and of this process' processor."""
    began, own = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - began, time.process_time() - own


def listing(x: np.ndarray, y: np.ndarray, epochs: int, count: int) -> tuple[float, list[float]]:
    """The listing as it is printed: a new model and a new `fit` for each fold."""
    import keras

    began, errors = time.perf_counter(), []
    for train, held in folds(1)[:count]:
        data = scaled(x, train)
        model = keras.Sequential([
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(1),
        ])  # fmt: skip
        model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
        history = model.fit(
            data[train], y[train], validation_data=(data[held], y[held]),
            epochs=epochs, batch_size=1, verbose=0,
        )  # fmt: skip
        errors.append(history.history["val_mae"][-1])
    return time.perf_counter() - began, errors


def plain(x: np.ndarray, y: np.ndarray, full: bool) -> tuple[float, list[float], str]:
    """Seconds of the listing, its errors if it ran in full, and how it was timed."""
    if full:
        return *listing(x, y, EPOCHS, FOLDS), "in full"
    one, _ = listing(x, y, 1, 1)
    three, _ = listing(x, y, 3, 1)
    epoch = (three - one) / 2
    seconds = FOLDS * (one + (EPOCHS - 1) * epoch)
    return seconds, [], f"scaled from epochs of {epoch:.2f} s and {one - epoch:.2f} s a fold"


def main() -> None:
    """Print both times, their ratio, and the errors."""
    parser = argparse.ArgumentParser(description="Our engine against the listing in plain Keras.")
    parser.add_argument("--full", action="store_true", help="run plain Keras on all epochs")
    parser.add_argument("--backend", default="tensorflow", help="of Keras")
    parser.add_argument("--ways", action="store_true", help="compare our own ways of running")
    options = parser.parse_args()
    configure(device="cpu", threads=1, backend=options.backend, deterministic=options.ways)
    import keras

    if options.ways:
        ways()
        return
    print(f"Keras {keras.__version__} on {options.backend}, one thread, {os.cpu_count()} cores")
    x, y = rows()
    ours, errors = engine(x, y, 1)
    again, _ = engine(x, y, 1)
    print(f"4 folds, engine                 {ours:8.2f} s   (again, compiled: {again:.2f} s)")
    report("                MAE", errors)
    iterated, errors = engine(x, y, 10)
    whole = iterated + ours - again
    print(f"40 trainings (P = 10), engine   {whole:8.2f} s   {whole / ours:.1f} x our 4 folds")
    report("                MAE", errors)
    theirs, errors, how = plain(x, y, options.full)
    print(f"4 folds, plain Keras            {theirs:8.2f} s   {how}")
    if errors:
        report("                MAE", errors)
    print(f"ratio                           {theirs / ours:8.1f}     required: {REQUIRED_RATIO}")
    if theirs / ours < REQUIRED_RATIO or whole / ours > LARGEST_ITERATED:
        raise SystemExit("slower than required")


def report(name: str, errors: list[float]) -> None:
    """Mean error with its corrected interval."""
    low, high = corrected_interval(errors, ROWS * 3 / 4, ROWS / 4)
    print(f"{name} {np.mean(errors):.3f}, 95 % interval {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()

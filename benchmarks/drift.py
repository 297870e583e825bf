"""How often drift is called where there is none, and found where there is some.

Run: python -m benchmarks.drift [--repetitions 400]

A thousand training rows; each cell of the tables is the share of the repetitions in which any of
the columns was called drifted. Rows of the first table are independent, those of the second one
series, whose new rows follow on the training's.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from throughline.drift.measures import Limits, drifts
from throughline.pipeline.schema.columns import Column
from throughline.preprocessing.contract import contract
from throughline.preprocessing.plan import plan
from throughline.samples.windows.memory import memory

TRAINED = 1000
SIZES = (20, 50, 200, 1000, 20_000)
Halves = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
Series = Callable[[np.random.Generator, int], Halves]
Draw = Callable[[np.random.Generator, int], dict[str, np.ndarray[Any, Any]]]


def _numbers(count: int, shift: float = 0.0, wider: float = 1.0) -> Draw:
    def draw(generator: np.random.Generator, rows: int) -> dict[str, np.ndarray[Any, Any]]:
        return {
            f"x{i}": generator.normal(shift * (i == 0), wider if i == 0 else 1.0, rows)
            for i in range(count)
        }

    return draw


def _categories(levels: int, tilt: float = 0.0, missing: float = 0.0) -> Draw:
    shares = 1 / np.arange(1, levels + 1) ** (1 + tilt)

    def draw(generator: np.random.Generator, rows: int) -> dict[str, np.ndarray[Any, Any]]:
        chosen = generator.choice(levels, rows, p=shares / shares.sum())
        values = np.array([f"level {number}" for number in chosen], dtype=object)
        values[generator.random(rows) < missing] = None
        return {"town": values}

    return draw


ONE, TWENTY = _numbers(1), _numbers(20)
CASES: dict[str, tuple[Draw, Draw]] = {
    "unchanged: 1 normal column": (ONE, ONE),
    "unchanged: 20 normal columns": (TWENTY, TWENTY),
    "unchanged: 5 categories": (_categories(5), _categories(5)),
    "unchanged: 200 categories": (_categories(200), _categories(200)),
    "shift of .3 sd": (ONE, _numbers(1, 0.3)),
    "shift of 1 sd": (ONE, _numbers(1, 1.0)),
    "shift of 1 sd in 1 of 20 columns": (TWENTY, _numbers(20, 1.0)),
    "half as wide again": (ONE, _numbers(1, 0.0, 1.5)),
    "other shares of 5 categories": (_categories(5), _categories(5, 1.0)),
    "10 % missing, none before": (_categories(5), _categories(5, 0.0, 0.1)),
}


def called(trained: Draw, fresh: Draw, rows: int, repetitions: int) -> float:
    """The share of repetitions in which a column was called drifted."""
    alarms = 0
    for number in range(repetitions):
        generator = np.random.default_rng(number)
        table = pd.DataFrame(trained(generator, TRAINED))
        columns: dict[str, Any] = {
            name: Column(encode="one-hot") if table[name].dtype.kind != "f" else Column()  # type: ignore[arg-type]
            for name in table
        }
        entries = contract(table, plan(table, columns, None, []))
        values = [column.astype(object) for column in fresh(generator, rows).values()]
        found = drifts(entries, values, Limits(), TRAINED)
        alarms += any(drift.beyond for drift in found)
    return alarms / repetitions


def _leaning(lean: float, shift: float = 0.0) -> Series:
    """An autoregression of the first order whose new rows lie so many sd higher."""

    def draw(generator: np.random.Generator, rows: int) -> Halves:
        from scipy.signal import lfilter

        before = 500
        found = lfilter([1.0], [1.0, -lean], generator.normal(size=before + TRAINED + rows))
        trained, new = found[before : before + TRAINED], found[before + TRAINED :]
        return trained, new + shift * trained.std()

    return draw


def _walk(generator: np.random.Generator, rows: int) -> Halves:
    found = generator.normal(size=TRAINED + rows).cumsum()
    return found[:TRAINED], found[TRAINED:]


def _in_thousandths(generator: np.random.Generator, rows: int) -> Halves:
    trained, new = _walk(generator, rows)
    return trained + 500, 1000 * (new + 500)


SERIES: dict[str, Series] = {
    "unchanged: white noise": _leaning(0.0),
    "unchanged: AR(.5)": _leaning(0.5),
    "unchanged: AR(.9)": _leaning(0.9),
    "unchanged: AR(.98)": _leaning(0.98),
    "unchanged: a random walk": _walk,
    "AR(.5), shift of 1 sd": _leaning(0.5, 1.0),
    "AR(.9), shift of 2 sd": _leaning(0.9, 2.0),
    "a random walk in another unit": _in_thousandths,
}


def called_of_series(draw: Series, rows: int, repetitions: int) -> float:
    """The share of repetitions in which the new rows of a series were called drifted."""
    alarms = 0
    for number in range(repetitions):
        trained, new = draw(np.random.default_rng(number), rows)
        table = pd.DataFrame({"x": trained})
        (entry,) = contract(table, plan(table, {"x": Column()}, None, []))
        held = memory(table["x"], np.zeros(TRAINED, dtype=int), np.arange(TRAINED))
        (found,) = drifts([{**entry, "memory": held}], [new.astype(object)], Limits(), TRAINED)
        alarms += bool(found.beyond)
    return alarms / repetitions


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    repetitions = parser.parse_args().repetitions
    heading = f"| new rows | {' | '.join(f'{size:,}' for size in SIZES)} |\n|---|" + "--:|" * len(
        SIZES
    )
    print(heading)
    for what, (trained, fresh) in CASES.items():
        print(
            _line(what, [called(trained, fresh, size, repetitions) for size in SIZES]), flush=True
        )
    print(f"\n{heading}")
    for what, draw in SERIES.items():
        print(_line(what, [called_of_series(draw, n, repetitions) for n in SIZES]), flush=True)


def _line(what: str, shares: list[float]) -> str:
    return f"| {what} | {' | '.join(f'{share:.1%}' for share in shares)} |"


if __name__ == "__main__":
    main()

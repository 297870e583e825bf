"""How often drift is called where there is none, and found where there is some.

Run: python -m benchmarks.drift [--repetitions 400]

A thousand training rows; each cell of the table is the share of the repetitions in which any of the
columns was called drifted.
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

TRAINED = 1000
SIZES = (20, 50, 200, 1000, 20_000)
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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    repetitions = parser.parse_args().repetitions
    print(f"| new rows | {' | '.join(f'{size:,}' for size in SIZES)} |")
    print("|---|" + "--:|" * len(SIZES))
    for what, (trained, fresh) in CASES.items():
        shares = [called(trained, fresh, size, repetitions) for size in SIZES]
        print(f"| {what} | {' | '.join(f'{share:.1%}' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()

"""`python -m benchmarks.validation`: 100,000 rows of 20 columns, validated and profiled.

Each figure is the best of a few rounds in one process, after the libraries were imported and had
compiled what they compile on first use. Validation is measured with all rules holding and with a
rule that a thousand rows break, because those are then looked up; beside it stands the same work
in plain numpy and pandas.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

ROWS = 100_000
BUDGETS = {"20 rules hold": 1.5, "1 of 20 fails": 1.5, "profile": 30.0}
CATEGORIES = ("a", "b", "c")


def main(arguments: list[str] | None = None) -> int:
    """Print seconds and budgets; returns 1 when a budget is passed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args(arguments).rounds
    rows = table()
    seconds = {
        "20 rules hold": best(lambda: judged(rows, low=-9.0), rounds),
        "1 of 20 fails": best(lambda: judged(rows, low=-2.3), rounds),
        "the same in pandas": best(lambda: by_hand(rows), rounds),
        "profile": best(lambda: profiled(rows), 1),
    }
    print(f"{'':24}{'seconds':>10}{'processor':>11}{'budget':>8}")
    for name, (wall, processor) in seconds.items():
        budget = BUDGETS.get(name)
        print(f"{name:24}{wall:>10.2f}{processor:>11.2f}{budget or '':>8}")
    # On shared cores the wall clock measures the neighbours as well.
    return int(any(seconds[name][1] > budget for name, budget in BUDGETS.items()))


def table() -> pd.DataFrame:
    """Ten columns of numbers and ten of categories."""
    import pandas as pd

    generator = np.random.default_rng(0)
    rows = pd.DataFrame({f"n{i}": generator.normal(size=ROWS) for i in range(10)})
    for i in range(10):
        rows[f"s{i}"] = generator.choice(CATEGORIES, ROWS)
    return rows


def rules(low: float) -> list[dict[str, Any]]:
    """A rule for each column; the first is broken where `low` lies within the normal numbers."""
    between = "expect_column_values_to_be_between"
    member = "expect_column_values_to_be_in_set"
    numbers = [{between: {"column": f"n{i}", "min_value": -9.0 if i else low}} for i in range(10)]
    return [
        *numbers,
        *({member: {"column": f"s{i}", "value_set": [*CATEGORIES]}} for i in range(10)),
    ]


def judged(rows: pd.DataFrame, low: float) -> None:
    """What `validate` does between reading and writing."""
    from throughline.pipeline.schema.expectations import Expectations
    from throughline.validation.row_verdicts import judge

    judge(rows, Expectations(on_failure="quarantine", rules=rules(low)))


def by_hand(rows: pd.DataFrame) -> None:
    """The same checks without Great Expectations: what it could cost at the least."""
    for i in range(10):
        (rows[f"n{i}"].isna() | (rows[f"n{i}"] >= -9.0)).all()
        rows[f"s{i}"].isin(CATEGORIES).all()


def profiled(rows: pd.DataFrame) -> None:
    """`throughline profile` on the rows as a CSV file, reading included."""
    from throughline.paths import Workspace
    from throughline.profile.profile import profile

    generator = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "params.yaml").write_text("seed: 0\n")
        rows.assign(y=generator.integers(0, 2, ROWS)).to_csv(root / "rows.csv", index=False)
        profile(root / "rows.csv", "rows", "y", Workspace(root, "rows"))


def best(work: Callable[[], None], rounds: int) -> tuple[float, float]:
    """Seconds by the clock and of the processor, the best of some rounds after one more."""
    if rounds > 1:
        work()
    walls, processors = [], []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return min(walls), min(processors)


if __name__ == "__main__":
    sys.exit(main())

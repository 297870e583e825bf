"""Leaks that no name and no equal value gives away, and honest tables that have none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from throughline.guards.examine import examine
from throughline.guards.finding import Finding
from throughline.pipeline.schema.columns import Target
from throughline.pipeline.schema.protocol import Split

ROWS = 600


def found(rows: pd.DataFrame, task: str = "binary", **split: Any) -> list[Finding]:
    """What guards other than the shift of parts found."""
    parts = np.where(np.random.default_rng(0).random(len(rows)) < 0.25, "test", "training")
    columns = [str(name) for name in rows.columns if name != "y"]
    every = examine(rows, parts, columns, Target(columns=["y"]), task, Split(**split))
    return [f for f in every if not f.passed and f.guard != "shifted_parts"]


def honest(seed: int, classes: bool = True) -> pd.DataFrame:
    """Three measurements, a category with blanks, and a target that follows from them a little."""
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(generator.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    table["town"] = generator.choice(["Bonn", "Köln", "Ulm"], ROWS)
    table.loc[generator.random(ROWS) < 0.2, "town"] = None
    score = table["a"] + table["b"] + generator.normal(size=ROWS)
    return table.assign(y=(score > 0).astype(int) if classes else score)


def absent(table: pd.DataFrame, generator: np.random.Generator) -> None:
    table["closed"] = generator.normal(size=ROWS)
    table.loc[table["y"] == 0, "closed"] = np.nan


def flipped(table: pd.DataFrame, generator: np.random.Generator) -> None:
    wrong = generator.random(ROWS) < 0.02
    table["status"] = np.where(wrong, 1 - table["y"], table["y"])


def encoded(table: pd.DataFrame, generator: np.random.Generator) -> None:
    town = pd.Series(generator.integers(30, size=ROWS))
    table["town rate"] = table["y"].groupby(town).transform("mean")


def visits(table: pd.DataFrame, generator: np.random.Generator) -> None:
    mrn = generator.integers(80, size=ROWS)
    table["mrn"] = 10_000 + 7 * mrn
    table["born"] = 1930 + generator.integers(70, size=80)[mrn]
    table["sex"] = generator.choice(["f", "m"], 80)[mrn]


def walked(table: pd.DataFrame, generator: np.random.Generator) -> None:
    table["when"] = pd.date_range("2020-01-01", periods=ROWS).astype(str)
    table["y"] = (np.cumsum(generator.normal(size=ROWS)) > 0).astype(int)


def jittered(table: pd.DataFrame, generator: np.random.Generator) -> None:
    names = ["a", "b", "c"]
    table.loc[: ROWS // 3 - 1, names] = table.loc[
        ROWS // 3 : 2 * (ROWS // 3) - 1, names
    ].to_numpy() + generator.normal(0, 1e-4, (ROWS // 3, 3))


LEAKS: list[tuple[Callable[..., None], str, str]] = [
    (absent, "target_in_disguise", "whether 'closed' is there"),
    (flipped, "target_in_disguise", "'status' alone explains"),
    (encoded, "target_in_disguise", "'town rate' holds the mean"),
    (visits, "groups", "groups of 'mrn'"),
    (walked, "windows", "in the order of 'when'"),
    (jittered, "duplicates", "nearer to a training row"),
]


class TestLeaks:
    @pytest.mark.parametrize(("leak", "guard", "words"), LEAKS)
    def test_are_found_and_warned_of(
        self, leak: Callable[..., None], guard: str, words: str
    ) -> None:
        table = honest(3)
        leak(table, np.random.default_rng(4))
        said = [f for f in found(table) if f.guard == guard and words in f.message]
        assert [f.verdict for f in said] == ["warn"]

    @pytest.mark.parametrize("correlation", [0.99, 0.999])
    def test_a_copy_of_a_number_with_noise(self, correlation: float) -> None:
        table = honest(3, classes=False)
        noise = np.random.default_rng(5).normal(size=ROWS) * table["y"].std()
        table["invoice"] = table["y"] + noise * (1 / correlation**2 - 1) ** 0.5
        (said,) = [f for f in found(table, "regression") if f.guard == "target_in_disguise"]
        assert said.columns == ("invoice",)

    def test_a_dated_walk_that_is_split_in_time_is_honest(self) -> None:
        table = honest(3)
        walked(table, np.random.default_rng(4))
        said = [f for f in found(table, kind="temporal", column="when") if "when" in f.message]
        assert not [f for f in said if f.guard == "windows"]


def honest_tables() -> Iterator[Any]:
    from sklearn import datasets

    for seed in range(24):
        yield honest(seed, classes=seed % 2 == 0), "binary" if seed % 2 == 0 else "regression"
    for name, task in (
        ("iris", "multiclass"), ("wine", "multiclass"), ("breast_cancer", "binary"),
        ("diabetes", "regression"), ("digits", "multiclass"),
    ):  # fmt: skip
        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        yield frame.rename(columns={"target": "y"}), task


class TestHonestTables:
    def test_give_no_alarm(self) -> None:
        new = ("is there", "alone explains", "holds the mean", "groups of", "order of", "nearer")
        alarms = [
            finding.message
            for table, task in honest_tables()
            for finding in found(table, task)
            if any(words in finding.message for words in new)
        ]
        assert alarms == []

"""Guards look at every pipeline, so they may cost little."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from throughline.guards.examine import examine
from throughline.guards.finding import Case
from throughline.guards.unseen import unseen_categories
from throughline.pipeline.schema.protocol import Split
from throughline.pipeline.schema.targets import Target


def test_categories_in_many_columns_are_looked_at_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = pd.DataFrame({f"c{i}": ["a", "b"] * 20 for i in range(30)}).assign(y=[0, 1] * 20)
    parts = np.array(["training"] * 30 + ["test"] * 10)
    copies: list[int] = []

    def training(case: Case) -> pd.DataFrame:
        copies.append(1)
        return case.rows.loc[case.parts == "training"]

    monkeypatch.setattr(Case, "training", property(training))
    case = Case(rows, parts, list(rows)[:-1], Target(columns=["y"]), "binary", Split())
    assert list(unseen_categories(case)) == []
    assert len(copies) <= 1


def test_15_000_rows_of_20_columns() -> None:
    generator = np.random.default_rng(1)
    rows = pd.DataFrame(generator.normal(size=(15_000, 20))).rename(columns=lambda i: f"x{i}")
    rows["y"] = (rows.sum(axis=1) + generator.normal(size=15_000) > 0) * 1
    parts = np.where(generator.random(15_000) < 0.2, "test", "training")
    features = [name for name in rows.columns if name != "y"]

    def look(count: int) -> None:
        examine(rows[:count], parts[:count], features, Target(columns=["y"]), "binary", Split())

    look(100)
    start = time.process_time()
    look(15_000)
    assert time.process_time() - start < 1.0

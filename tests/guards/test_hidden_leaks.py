"""Leaks that no name and no equal value gives away, and honest tables that have none of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.guards import (
    PLANTED,
    Leak,
    Table,
    alarms,
    found,
    honest,
    of_scikit_learn,
    tells,
)
from throughline.guards.dated import following
from throughline.guards.examine import Case
from throughline.guards.telling import encoded_means
from throughline.pipeline.schema.protocol import Split
from throughline.pipeline.schema.targets import Target

NAMES = [each[0] for each in PLANTED]


class TestLeaks:
    @pytest.mark.parametrize(
        ("what", "task", "leak", "guard"), PLANTED, ids=[each[0] for each in PLANTED]
    )
    def test_are_named(self, what: str, task: str, leak: Leak, guard: str) -> None:
        for rows in (120, 500):
            table = honest(rows, task, np.random.default_rng(3))
            assert tells(table, leak, guard, 4), f"{what}, {rows} rows"

    @pytest.mark.parametrize(
        ("what", "task", "leak", "guard"), PLANTED, ids=[each[0] for each in PLANTED]
    )
    def test_warn_and_stop_nothing(self, what: str, task: str, leak: Leak, guard: str) -> None:
        table = honest(300, task, np.random.default_rng(5))
        planted = Table(what, leak(table.rows, np.random.default_rng(6)), task)
        said = [f.verdict for f in found(planted, 6) if f.guard == guard]
        # Labels that chance flipped hardly any of are the target beyond doubt.
        assert said and ("warn" in said or what.startswith("labels"))

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 1000), st.floats(0, 50), st.integers(5, 40), st.booleans())
    def test_a_category_that_is_encoded_by_its_target(
        self, seed: int, smoothing: float, levels: int, by_spread: bool
    ) -> None:
        generator = np.random.default_rng(seed)
        answer = generator.normal(size=400)
        shop = generator.integers(levels, size=400)
        count = np.bincount(shop, minlength=levels)
        mean = np.bincount(shop, answer, levels) / np.maximum(count, 1)
        spread = np.bincount(shop, answer**2, levels) / np.maximum(count, 1) - mean**2
        added = smoothing * (spread if by_spread else 1.0)
        code = (count * mean + added * answer.mean()) / np.maximum(count + added, 1e-9)
        assert list(encoded_means(pd.DataFrame({"x": code[shop]}), ["x"], answer)) == ["x"]

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 1000), st.floats(0, 50), st.integers(5, 40))
    def test_one_that_knows_the_training_rows_alone_is_honest(
        self, seed: int, smoothing: float, levels: int
    ) -> None:
        generator = np.random.default_rng(seed)
        answer = generator.normal(size=400)
        shop = generator.integers(levels, size=400)
        known = generator.random(400) < 0.8
        count = np.bincount(shop[known], minlength=levels)
        sums = np.bincount(shop[known], answer[known], levels)
        code = (sums + smoothing * answer[known].mean()) / np.maximum(count + smoothing, 1e-9)
        assert list(encoded_means(pd.DataFrame({"x": code[shop]}), ["x"], answer)) == []


class TestTimes:
    FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d. %B %Y", "%Y/%m/%d %H:%M")

    @staticmethod
    def share(table: pd.DataFrame, **split: object) -> tuple[str, float] | None:
        parts = np.where(np.random.default_rng(0).random(len(table)) < 0.2, "test", "training")
        return following(
            Case(table, parts, ["when"], Target(columns=["y"]), "regression", Split(**split))  # type: ignore[arg-type]
        )

    @pytest.mark.parametrize("form", FORMATS)
    def test_are_read_as_the_file_writes_them(self, form: str) -> None:
        days = pd.date_range("2020-01-01", periods=300)
        walk = np.cumsum(np.random.default_rng(1).normal(size=300))
        table = pd.DataFrame({"when": days.strftime(form), "y": walk}).sample(
            frac=1, random_state=0
        )
        assert (self.share(table.reset_index(drop=True)) or ("",))[0] == "when"

    def test_may_have_several_rows_each(self) -> None:
        days = np.repeat(pd.date_range("2020-01-01", periods=100), 5)
        walk = np.repeat(np.cumsum(np.random.default_rng(1).normal(size=100)), 5)
        table = pd.DataFrame({"when": days, "y": walk + np.tile(np.arange(5) / 5, 100)})
        assert (self.share(table) or ("",))[0] == "when"
        apart = table.assign(y=np.tile(np.arange(5.0) * 50, 100) + walk / 10)
        assert self.share(apart) is None

    def test_split_in_time_are_honest(self) -> None:
        walk = np.cumsum(np.random.default_rng(1).normal(size=300))
        table = pd.DataFrame({"when": pd.date_range("2020-01-01", periods=300), "y": walk})
        assert self.share(table, kind="temporal", column="when") is None

    def test_other_whole_numbers_are_none(self) -> None:
        table = pd.DataFrame({"when": np.arange(300), "y": np.arange(300.0)})
        assert self.share(table) is None


def honest_tables() -> Iterator[Table]:
    for seed in range(24):
        task = ("binary", "regression", "multiclass")[seed % 3]
        yield honest((60, 150, 600)[seed // 8], task, np.random.default_rng(seed))
    yield from of_scikit_learn()


class TestHonestTables:
    def test_give_no_alarm(self) -> None:
        assert [said for table in honest_tables() for said in alarms(table, 0)] == []

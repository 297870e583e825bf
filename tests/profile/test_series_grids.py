"""A series is seen in whatever way its rows say when, and an ordinary table is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from throughline.pipeline.schema.time import Time
from throughline.profile.facts import facts
from throughline.profile.kinds.grids import Grid, grid_of
from throughline.samples.windows.frame import regular


def seen(rows: pd.DataFrame) -> Grid | None:
    return grid_of(rows, facts(rows))


def amounts(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, count)


WAYS = [
    ("h", lambda t: t.astype("int64") // 10**9, "1h"),
    ("h", lambda t: t.astype("int64") // 10**6, "1h"),
    ("h", lambda t: t.strftime("%m/%d/%Y %I:%M %p"), "1h"),
    ("15min", lambda t: t.strftime("%d/%m/%Y %H:%M:%S"), "15min"),
    ("D", lambda t: t.strftime("%Y%m%d").astype(int), "1d"),
    ("D", lambda t: t.strftime("%b %-d %Y"), "1d"),
    ("D", lambda t: t.strftime("%B %d, %Y"), "1d"),
    ("D", lambda t: t.strftime("%d/%m/%Y"), "1d"),
    ("D", lambda t: t.strftime("%m/%d/%Y"), "1d"),
    ("W", lambda t: t.strftime("%Y-%m-%d"), "1w"),
    ("B", lambda t: t.strftime("%d.%m.%y"), "1b"),
    ("MS", lambda t: t.strftime("%Y%m").astype(int), "1mo"),
    ("ME", lambda t: t.strftime("%Y-%m-%d"), "1mo"),
    ("BME", lambda t: t.strftime("%m/%d/%Y"), "1mo"),
    ("MS", lambda t: (t.year + (t.month - 1) / 12).to_numpy().round(3), "1mo"),
    ("QS", lambda t: t.year + (t.month - 1) / 12, "3mo"),
    ("QE", lambda t: t.strftime("%Y-%m-%d"), "3mo"),
    ("QS", lambda t: [f"{x.year}Q{x.quarter}" for x in t], "3mo"),
    ("QS", lambda t: [f"Q{x.quarter}{x.year}" for x in t], "3mo"),
    ("MS", lambda t: t.strftime("%Y %b"), "1mo"),
    ("MS", lambda t: t.strftime("%b-%y"), "1mo"),
    ("MS", lambda t: t.strftime("%b-%-d-%Y"), "1mo"),
    ("MS", lambda t: t.strftime("%m/%y"), "1mo"),
    ("W-MON", lambda t: t.strftime("%G-W%V"), "1w"),
    ("W-SUN", lambda t: t.strftime("%GW%V"), "1w"),
    ("YS", lambda t: t.year, "12mo"),
]  # fmt: skip


class TestASeries:
    @pytest.mark.parametrize(("freq", "said", "every"), WAYS)
    def test_is_seen_and_brought_onto_its_grid(self, freq: str, said: Any, every: str) -> None:
        first = "1951-01-01" if freq == "YS" else "2001-01-02"
        when = pd.date_range(first, periods=140, freq=freq).astype("datetime64[ns]")
        rows = pd.DataFrame({"when": said(when), "amount": amounts(140)})
        grid = seen(rows)
        assert grid is not None
        assert grid.every == every
        assert grid.absent == 0
        resample = "mean" if grid.joined else None
        given = {"index": grid.index, "every": every, "lookback": 2, "resample": resample}
        series = regular(rows, Time.model_validate(given), ["amount"], ["amount"])
        assert len(series) == 140
        assert series.present.all()

    def test_of_each_store_and_item_is_one(self) -> None:
        days = pd.date_range("2022-01-01", periods=60).astype(str)
        parts = [
            pd.DataFrame({"day": days, "store": store, "item": item, "units": amounts(60)})
            for store in ("a", "b")
            for item in ("milk", "tea")
        ]
        grid = seen(pd.concat(parts, ignore_index=True))
        assert grid is not None
        assert grid.group == ["store", "item"]

    def test_of_years_and_quarters_is_one(self) -> None:
        rows = pd.DataFrame(
            {
                "year": np.repeat(np.arange(1959, 1999), 4).astype(float),
                "quarter": np.tile([1.0, 2.0, 3.0, 4.0], 40),
                "gdp": amounts(160),
            }
        )
        grid = seen(rows)
        assert grid is not None and (grid.every, grid.absent) == ("3mo", 0)

    def test_of_a_few_years_each_is_a_table(self) -> None:
        parts = [
            pd.DataFrame({"state": name, "year": range(1985, 1996), "tax": amounts(11)})
            for name in (f"state {number}" for number in range(20))
        ]
        assert seen(pd.concat(parts, ignore_index=True)) is None

    def test_with_holidays_counts_them(self) -> None:
        days = pd.date_range("2022-01-03", periods=300, freq="B").delete([30, 31, 200])
        rows = pd.DataFrame({"day": days.astype(str), "close": amounts(297)})
        grid = seen(rows)
        assert grid is not None
        assert (grid.every, grid.absent) == ("1b", 3)


class TestAnOrdinaryTable:
    @pytest.mark.parametrize("low", [1_000_000_001, 1990, 20_240_101])
    @pytest.mark.parametrize("rows_each", [1, 2])
    def test_with_numbers_of_orders_is_none(self, low: int, rows_each: int) -> None:
        if low == 1990 and rows_each == 1:
            pytest.skip("years that follow each other are a series")
        numbers = low + np.arange(100) // rows_each
        rows = pd.DataFrame({"order": numbers, "x": amounts(100), "price": amounts(100)})
        assert seen(rows) is None

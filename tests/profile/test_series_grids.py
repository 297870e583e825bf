"""A series is seen in whatever way its rows say when, and an ordinary table is none."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.time import Time
from throughline.profile.facts import facts
from throughline.profile.kinds.grids import REGULAR, Grid, check_long, coarse_grid_of, grid_of
from throughline.profile.moments import years_without_steps
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


class TestATableWithAColumnForEachTime:
    @pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%b %Y", "%Y-%m", "%Y-Q%q"])
    def test_is_refused_with_what_makes_rows_of_them(self, form: str) -> None:
        when = pd.period_range("2001-01", periods=40, freq="Q")
        names = ["shop", *(when if "%q" in form else when.to_timestamp()).strftime(form)]
        with pytest.raises(BadData, match=r"40 columns.* to '.*melt\(id_vars=\['shop'\]"):
            check_long(names, names[-1])
        # Days may be what a row says, too.
        check_long([*names, "left"], "left")

    def test_is_not_one_of_numbered_columns(self) -> None:
        for form in ("pixel_{}", "{}", "V{}", "sensor.{}", "nm 1{:03}"):
            names = [form.format(number) for number in range(100, 200)]
            check_long(names, names[-1])


def test_the_last_hour_of_a_day_may_be_24() -> None:
    """Hours from 1 to 24 beside a date were a shuffled table of single rows."""
    when = pd.date_range("2024-01-01 01:00", periods=240, freq="h")
    before = when - pd.Timedelta("1h")
    rows = pd.DataFrame({"date": before.strftime("%d/%m/%Y"), "hour": before.hour + 1})
    grid = seen(rows.assign(load=amounts(240)))
    assert grid is not None
    assert grid.index == {"columns": ["date"], "formats": ["%d/%m/%Y"], "hour": "hour"}
    assert (grid.every, grid.absent, grid.columns) == ("1h", 0, ["date", "hour"])
    assert (grid.moments == when.astype("datetime64[s]").astype(np.int64)).all()


@pytest.mark.parametrize(
    ("freq", "second", "said", "every"),
    [("MS", "mon", "%b", "1mo"), ("QS", "qtr", "Q%q", "3mo"), ("D", "doy", "%j", "1d")],
)
def test_parts_of_a_year_are_steps_and_no_groups(
    freq: str, second: str, said: str, every: str
) -> None:
    """Year and `Q1` beside it were four series of a year each, day of the year none."""
    when = pd.date_range("1980-01-01", periods=400, freq=freq)
    parts = [f"Q{t.quarter}" for t in when] if "%q" in said else when.strftime(said)
    grid = seen(pd.DataFrame({"year": when.year, second: parts, "amount": amounts(400)}))
    assert grid is not None
    assert (grid.columns, grid.every, grid.group) == (["year", second], every, [])


@pytest.mark.parametrize(
    ("years", "said"),
    [
        (2018 + np.arange(800) / 52.1775, r"years in 5\d\.?\d* parts, no months"),
        (2018 + np.arange(800) / 365.25, r"years in 3[567]\d parts, no months"),
        (1000 + 10 * np.arange(102), r"years, 10 apart.*give each year a row"),
        (1792 + 4 * np.arange(58), r"years, 4 apart.*give each year a row"),
        (2018 + np.arange(800) / 12, None),
        (1900 + np.arange(120), None),
    ],
    ids=["weeks", "days", "decades", "elections", "months", "years"],
)
def test_years_that_are_no_steps_are_told(years: np.ndarray, said: str | None) -> None:
    rows = pd.DataFrame({"year": years.round(4), "amount": amounts(len(years))})
    assert (seen(rows) is None) == bool(said)
    if said:
        name, what = years_without_steps(rows, facts(rows)) or ("", "")
        assert name == "year" and re.match(said, what)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (
            pd.date_range("2022-10-20", periods=500, freq="h", tz="Europe/Berlin").tz_localize(
                None
            ),
            "1 rows share a step of 1h with another and are joined by their mean; an hour that "
            "comes twice in autumn is two if time.index names its zone",
        ),
        (
            pd.DatetimeIndex(np.repeat(pd.date_range("2020-01-01", periods=100), [2] + [1] * 99)),
            "1 rows share a step of 1d with another and are joined by their mean",
        ),
    ],
    ids=["local clock", "one day twice"],
)
def test_rows_that_share_a_step_are_told(when: pd.DatetimeIndex, said: str) -> None:
    grid = seen(pd.DataFrame({"when": when.astype(str), "amount": amounts(len(when))}))
    assert grid is not None and grid.joining_note == said


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

    def test_whose_weeks_are_numbers_beside_years(self) -> None:
        when = pd.date_range("2015-01-05", periods=200, freq="7D").isocalendar()
        rows = pd.DataFrame({"year": when["year"], "week": when["week"], "cases": amounts(200)})
        grid = seen(rows.reset_index(drop=True).astype({"year": "int64", "week": "int64"}))
        assert grid is not None
        assert (grid.every, grid.columns, grid.absent) == ("1w", ["year", "week"], 0)

    @pytest.mark.parametrize(
        ("day", "name", "clock"),
        [
            ("%Y-%m-%d", "hour", lambda t: t.hour),
            ("%d.%m.%Y", "HR", lambda t: t.hour.astype(float)),
            ("%m/%d/%Y", "Time", lambda t: t.strftime("%H:%M")),
            ("%Y/%m/%d", "time", lambda t: t.strftime("%I:%M:%S %p")),
        ],
    )
    def test_whose_hours_stand_beside_the_days_is_one(
        self, day: str, name: str, clock: Any
    ) -> None:
        when = pd.date_range("2021-01-01", periods=600, freq="h")
        said = {"date": when.strftime(day), name: clock(when), "amount": amounts(600)}
        grid = seen(pd.DataFrame(said))
        assert grid is not None
        assert (grid.every, grid.columns, grid.absent) == ("1h", ["date", name], 0)
        assert (grid.moments == when.as_unit("s").astype("int64")).all()

    @pytest.mark.parametrize("form", ["%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S"])
    def test_whose_times_are_numbers_of_all_digits_is_one(self, form: str) -> None:
        when = pd.date_range("2021-01-01", periods=600, freq="h")
        said = when.strftime(form).astype("int64")
        grid = seen(pd.DataFrame({"t": said, "amount": amounts(600)}))
        assert grid is not None
        assert (grid.every, grid.absent) == ("1h", 0)

    def test_that_comes_some_seconds_late_is_joined_on_its_steps(self) -> None:
        late = pd.to_timedelta(np.random.default_rng(0).integers(0, 25, 300), "s")
        when = pd.date_range("2023-01-01", periods=300, freq="10min") + late
        grid = seen(pd.DataFrame({"when": when.astype(str), "amount": amounts(300)}))
        assert grid is not None
        assert (grid.every, grid.absent, grid.joined) == ("10min", 0, True)

    def test_of_numbered_stores_and_items_is_one(self) -> None:
        days = pd.date_range("2022-01-01", periods=60).astype(str)
        parts = [
            pd.DataFrame({"day": days, "store": store, "item": item, "units": amounts(60)})
            for store in (1, 2)
            for item in (4, 5, 7)
        ]
        grid = seen(pd.concat(parts, ignore_index=True))
        assert grid is not None
        assert (grid.group, grid.steps) == (["store", "item"], 60)

    @given(st.integers(30, 40_000), st.integers(0, 2**31))
    def test_of_any_times_gets_steps_that_hold_rows(self, usual: int, seed: int) -> None:
        """And only where there is nothing else that could be learned from."""
        random = np.random.default_rng(seed)
        seconds = pd.to_timedelta(np.cumsum(1 + random.exponential(usual, 600)).round(), "s")
        when = (pd.Timestamp("2023-01-01") + seconds).astype(str)
        rows = pd.DataFrame({"when": when, "amount": amounts(600)})
        assert seen(rows) is None
        grid = coarse_grid_of(rows, facts(rows))
        if grid is None:
            assert usual > 20_000
            return
        given = {"index": grid.index, "every": grid.every, "lookback": 2, "resample": "mean"}
        time = Time.model_validate({**given, "gaps": "mark"})
        series = regular(rows, time, ["amount"], ["amount"])
        assert (len(series), series.present.sum()) == (grid.steps, grid.steps - grid.absent)
        assert grid.absent <= (1 - REGULAR) * grid.steps * 2

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

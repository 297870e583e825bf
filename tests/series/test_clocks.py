"""Times with offsets and zones, hours that come twice, and what is no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.series.test_series_rows import read, said
from throughline.errors import BadData
from throughline.pipeline.schema.time import Time
from throughline.serving.errors import BadRequest
from throughline.serving.rows import clock
from throughline.serving.rows.windows import Windowing

BERLIN = {"columns": ["when"], "zone": "Europe/Berlin"}
# The clock goes back from 03:00 to 02:00.
AUTUMN = ["2021-10-31 01:00", "2021-10-31 02:00", "2021-10-31 02:00", "2021-10-31 03:00"]


class TestAnOffset:
    def test_is_taken_off_without_a_zone(self) -> None:
        when = ["2021-03-28T01:00:00+01:00", "2021-03-28T03:00:00+02:00", "2021-03-28T02:00:00Z"]
        series = read({"when": when, "x": [1, 2, 3]})
        assert said(series) == [f"2021-03-28T0{hour}:00:00" for hour in (0, 1, 2)]

    def test_is_brought_to_the_clock_of_the_zone(self) -> None:
        when = ["2021-07-01T00:00:00Z", "2021-07-01T05:00:00+04:00"]
        series = read({"when": when, "x": [1, 2]}, index=BERLIN)
        assert said(series) == ["2021-07-01T02:00:00", "2021-07-01T03:00:00"]

    def test_is_read_by_a_format(self) -> None:
        index = {"columns": ["when"], "formats": ["%d.%m.%Y %H:%M %z"]}
        series = read({"when": ["01.02.2021 00:00 +0200"], "x": [1]}, index=index)
        assert said(series) == ["2021-01-31T22:00:00"]

    def test_of_a_column_of_times_with_a_zone(self) -> None:
        when = pd.to_datetime(["2021-07-01 00:00", "2021-07-01 01:00"])
        table = {"when": when.tz_localize("America/New_York"), "x": [1, 2]}
        assert said(read(table))[0] == "2021-07-01T04:00:00"
        index = {"columns": ["when"], "zone": "America/New_York"}
        assert said(read(table, index=index))[0] == "2021-07-01T00:00:00"


class TestAnHourThatComesTwice:
    @pytest.mark.parametrize(
        "order", [range(8), [*range(0, 8, 2), *range(1, 8, 2)], range(7, -1, -1)]
    )
    def test_in_several_series_in_any_order(self, order: Any) -> None:
        rows = [(w, s, i) for i, w in enumerate(AUTUMN) for s in "ab"]
        when, site, x = zip(*(rows[i] for i in order), strict=True)
        table = {"when": when, "site": site, "x": x}
        series = read(table, index=BERLIN, group="site")
        assert series.rows["x"].tolist() == [0, 1, 2, 3] * 2
        assert series.rows["site"].tolist() == ["a"] * 4 + ["b"] * 4

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 40), st.integers(2, 30), st.sampled_from([900, 1800, 3600]))
    def test_is_told_by_the_rows_around_it(self, start: int, count: int, every: int) -> None:
        zone = ZoneInfo("Europe/Berlin")
        first = datetime(2021, 10, 30, 22, tzinfo=UTC) + timedelta(seconds=start * every)
        moments = [first + timedelta(seconds=row * every) for row in range(count)]
        walls = [m.astimezone(zone).replace(tzinfo=UTC) for m in moments]
        if walls[-1] < datetime(2021, 10, 31, 3, tzinfo=UTC) and walls == sorted(set(walls)):
            return  # Ends within the hour: whether that is the first or the second, none can tell.
        wall = np.array([int(w.timestamp()) for w in walls])
        found = clock.utc(wall, "Europe/Berlin")
        assert found.tolist() == [int(m.timestamp()) for m in moments]

    @pytest.mark.parametrize(
        "zone", ["America/Havana", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"]
    )
    def test_of_a_whole_year(self, zone: str) -> None:
        moments = np.arange(1_310_000_000, 1_345_000_000, 1800)
        assert (clock.utc(clock.wall_clock(moments, zone), zone) == moments).all()

    def test_in_windows_side_by_side(self) -> None:
        window = {
            "extent": {"length": 2}, "index": {**BERLIN, "hour": None}, "group": [],
            "grid": {"every": 3600, "unit": "s", "origin": 0}, "every": "1h", "resample": None,
        }  # fmt: skip
        windowing = Windowing(window, {"x": {"type": "number"}})
        pairs = [AUTUMN[row : row + 2] for row in range(3)]
        columns = {"when": pairs, "x": [[1.0, 2.0]] * 3}
        fed = windowing.feed(columns, lambda name, entry, values: np.array(values)).inputs
        assert fed["x"].shape == (3, 2)


class TestWhatIsNoTime:
    @pytest.mark.parametrize(
        ("hour", "received"), [(25, "25"), (-1, "-1"), (None, "nan"), ("noon", "'noon'")]
    )
    def test_hours(self, hour: Any, received: str) -> None:
        table = {"day": ["2021-01-01"] * 2, "h": [1, hour], "x": [1, 2]}
        index = {"columns": ["day"], "hour": "h"}
        with pytest.raises(BadData, match=f"Row 2, column 'h' must be an hour.*{received}"):
            read(table, index=index)

    @pytest.mark.parametrize(
        "when", [["2021-01-01", None], pd.to_datetime(["2021-01-01", "NaT"]), [2021, 1600000000]]
    )
    def test_dates(self, when: Any) -> None:
        with pytest.raises(BadData, match="Row 2: the time must be"):
            read({"when": when, "x": [1, 2]})

    def test_columns_of_unequal_length(self) -> None:
        with pytest.raises(BadRequest, match=r"the same length. Received: \[2, 1\]"):
            clock.seconds({"day": ["2021-01-01"] * 2, "h": [1]}, {"columns": ["day"], "hour": "h"})

    def test_a_zone_that_is_none(self) -> None:
        with pytest.raises(ValidationError, match="did you mean 'Europe/Berlin'"):
            Time(index={"columns": ["when"], "zone": "Europe/Berln"}, every="1h", lookback=1)  # type: ignore[arg-type]

    def test_days_of_a_wall_clock(self) -> None:
        when = ["2021-03-27", "2021-03-28", "2021-03-29"]
        with pytest.raises(BadData, match=r"Leave out `time\.index\.zone`"):
            read({"when": when, "x": [1, 2, 3]}, index=BERLIN, every="1d")


class TestTheSeriesOfARow:
    @pytest.mark.parametrize("sites", [["a", None], [1.0, float("nan")]])
    def test_must_be_named(self, sites: list[Any]) -> None:
        table = {"when": ["2021-01-01"] * 2, "site": sites, "x": [1, 2]}
        with pytest.raises(BadData, match=r"'site' must say.*1 rows.*row 1"):
            read(table, group="site")

    def test_needs_a_row(self) -> None:
        with pytest.raises(BadData, match="must have rows"):
            read({"when": [], "x": []})

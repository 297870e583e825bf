"""Rows that are served become the windows that the training made of them, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.time import Fill, Time
from throughline.samples.windows.frame import Series, regular
from throughline.samples.windows.positions import Extent, whole
from throughline.samples.windows.prepared import raw_windows
from throughline.samples.windows.preparing.series import _judged
from throughline.serving.errors import BadRequest
from throughline.serving.rows.values import PLAIN, converted
from throughline.serving.rows.windows import Windowing

LENGTH = 3
NUMBER = {"type": "number", "may_be_missing": False}
INPUTS = {"y": NUMBER, "x": {**NUMBER, "may_be_missing": True}}


def plain(name: str, entry: Mapping[str, Any], values: Any) -> np.ndarray:
    """Values that are read as they say."""
    return converted(name, entry, values, PLAIN)


def windowing(series: Series, time: Time, inputs: dict[str, Any] = INPUTS) -> Windowing:
    """As the model's metadata describe it."""
    gaps = {"fill": time.gaps.most} if isinstance(time.gaps, Fill) else time.gaps
    window = {
        "extent": {"length": LENGTH}, "index": time.index.model_dump(), "grid": series.grid,
        "every": time.every, "group": time.group, "resample": time.resample, "gaps": gaps,
        "rows_a_step": series.counts["rows_a_step"],
    }  # fmt: skip
    return Windowing(window, inputs)


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    """Two sites whose rows have gaps, doubled steps and blanks, in the order of time or not."""
    parts = []
    for site in ("north", "south"):
        minutes = draw(st.lists(st.integers(0, 900), min_size=4, max_size=25, unique=True))
        when = pd.Timestamp("2024-02-28") + pd.to_timedelta(np.sort(minutes), "min")
        count = len(minutes)
        blank = st.sampled_from([True, False, False, False])
        columns = {}
        for name in INPUTS:
            values = np.round(np.random.default_rng(count).normal(0, 9, count), 2)
            lost = draw(st.lists(blank, min_size=count, max_size=count))
            columns[name] = np.where(lost, np.nan, values)
        parts.append(pd.DataFrame({"when": when.astype(str), "site": site, **columns}))
    table = pd.concat(parts, ignore_index=True)
    assume(table["y"].notna().any())
    return table.sort_values("when", kind="stable") if draw(st.booleans()) else table


class TestServedRows:
    @settings(deadline=None, max_examples=200)
    @given(
        tables(), st.sampled_from(["mean", "sum", "last"]),
        st.sampled_from(["mark", "fill", {"fill": 1}, {"fill": 2}]),
    )  # fmt: skip
    def test_are_the_windows_of_the_training(
        self, table: pd.DataFrame, resample: str, gaps: Any
    ) -> None:
        time = Time.model_validate(
            {"index": "when", "every": "1h", "group": "site", "lookback": LENGTH,
             "resample": resample, "gaps": gaps}
        )  # fmt: skip
        series = regular(table.reset_index(drop=True), time, ["y"], ["y"])
        ends, _ = whole(series.present, series.groups, LENGTH, 0)
        request = {name: table[name].tolist() for name in table}
        served = windowing(series, time)
        if not len(ends):
            with pytest.raises(BadRequest, match="none that has"):
                served.feed(request, plain)
            return
        kinds = dict.fromkeys(INPUTS, "number")
        learned = raw_windows(series, kinds, ends, LENGTH)
        fed = served.feed(request, plain)
        # Series come in the order of their names or of their rows.
        order = np.lexsort((fed.newest, fed.series["site"]))
        assert (fed.newest[order] == series.clock[ends]).all()
        for name, values in learned.items():
            np.testing.assert_allclose(fed.inputs[name][order], values, rtol=1e-6, atol=1e-5)

    @given(st.permutations(range(12)), st.sampled_from(["refuse", "mark", "fill"]))
    def test_come_in_any_order(self, order: list[int], gaps: str) -> None:
        """As a download has them that begins with today, or a table that is sorted by price."""
        hours = pd.date_range("2024-01-01", periods=12, freq="h")
        table = pd.DataFrame({"when": hours.astype(str), "y": np.arange(12.0)})
        time = Time.model_validate(
            {"index": "when", "every": "1h", "lookback": LENGTH, "gaps": gaps}
        )
        mixed = table.iloc[order].reset_index(drop=True)
        served = windowing(regular(mixed, time, ["y"], ["y"]), time, {"y": NUMBER})
        fed = served.feed({name: mixed[name].tolist() for name in mixed}, plain)
        assert fed.inputs["y"].tolist() == [[n, n + 1.0, n + 2.0] for n in range(10)]

    @pytest.mark.parametrize("form", [None, "epoch-ms"])
    def test_of_a_column_called_as_the_seconds_of_windows(self, form: str | None) -> None:
        """Evaluation gives windows with the times themselves, files what stands in the column."""
        hours = pd.date_range("2024-01-01", periods=6, freq="h").as_unit("ms")
        said = hours.astype(str) if form is None else hours.astype("int64").astype(str)
        table = pd.DataFrame({"timestamp": said, "y": np.arange(6.0)})
        index = {"columns": ["timestamp"], "formats": [form] if form else []}
        time = Time.model_validate({"index": index, "every": "1h", "lookback": LENGTH})
        served = windowing(regular(table, time, ["y"], ["y"]), time, {"y": NUMBER})
        rows = served.feed({name: table[name].tolist() for name in table}, plain)
        wide = np.arange(4)[:, None] + np.arange(LENGTH)
        clock = hours.as_unit("s").to_numpy()[wide]
        assert rows.inputs["y"].tolist() == wide.tolist()
        for said_so in (clock, clock.astype(np.int64)) if form is None else (clock,):
            fed = served.feed({"timestamp": said_so, "y": wide.astype(float)}, plain)
            assert (fed.newest == rows.newest).all()

    def test_newest_first_tell_an_hour_that_comes_twice(self) -> None:
        hours = pd.date_range("2023-10-28 22:00", periods=6, freq="h", tz="UTC")
        wall = hours.tz_convert("Europe/Berlin").tz_localize(None)
        table = pd.DataFrame({"when": wall.astype(str), "y": np.arange(6.0)})[::-1]
        time = Time.model_validate(
            {
                "index": {"columns": ["when"], "zone": "Europe/Berlin"},
                "every": "1h",
                "lookback": LENGTH,
            }
        )
        series = regular(table.reset_index(drop=True), time, ["y"], ["y"])
        fed = windowing(series, time, {"y": NUMBER}).feed(dict(table), plain)
        assert fed.inputs["y"].tolist() == [[n, n + 1.0, n + 2.0] for n in range(4)]

    def test_of_several_a_step_are_its_mean_in_any_order(self) -> None:
        when = ["01:00", "02:00", "02:30", "03:00", "02:15"]
        table = pd.DataFrame({"when": [f"2023-10-29 {w}" for w in when], "y": [1.0, 2, 4, 5, 3]})
        time = Time.model_validate(
            {"index": "when", "every": "1h", "lookback": LENGTH, "resample": "mean"}
        )
        series = regular(table, time, ["y"], ["y"])
        fed = windowing(series, time, {"y": NUMBER}).feed(dict(table), plain)
        assert fed.inputs["y"].tolist() == [[1, 3, 5]]

    def test_are_watched_as_one_a_step_whatever_gaps_they_have(self) -> None:
        """A sum of two rows would be far from each of them, and a blank is what drift counts."""
        when = ["01:00", "02:00", "02:30", "05:15"]
        table = pd.DataFrame({"when": [f"2023-10-29 {w}" for w in when], "y": [1.0, 2, 4, None]})
        time = Time.model_validate(
            {"index": "when", "every": "1h", "lookback": LENGTH, "resample": "sum"}
        )
        known = windowing(regular(table[:3], time, ["y"], ["y"]), time, {"y": NUMBER})
        steps = known.steps({name: table[name].tolist() for name in table}, plain)
        np.testing.assert_array_equal(steps["y"], [1, 6, np.nan])

    def test_that_lack_a_value_are_refused_where_the_training_had_none(self) -> None:
        hours = pd.date_range("2024-01-01", periods=6, freq="h").astype(str)
        table = pd.DataFrame({"when": hours, "y": np.arange(6.0)})
        time = Time.model_validate({"index": "when", "every": "1h", "lookback": LENGTH})
        served = windowing(regular(table, time, ["y"], ["y"]), time, {"y": NUMBER})
        with pytest.raises(BadRequest, match="Row 3, column 'y'"):
            served.feed({"when": list(hours), "y": ["0", "1", "", "3", "4", "5"]}, plain)


class TestFilledRows:
    @pytest.mark.parametrize("gaps", ["fill", {"fill": 2}])
    def test_are_bounded(self, gaps: Any) -> None:
        """Two minutes a century apart are 52 million rows, or five."""
        hours = pd.date_range("2024-01-01", periods=6, freq="min").astype(str)
        table = pd.DataFrame({"when": hours, "y": np.arange(6.0)})
        time = Time.model_validate({"index": "when", "every": "1min", "lookback": 2, "gaps": gaps})
        served = windowing(regular(table, time, ["y"], ["y"]), time, {"y": NUMBER})
        request = {"when": ["2024-01-01", "2124-01-01"], "y": [1.0, 2.0]}
        request = {name: [values[0], *values] for name, values in request.items()}
        request["when"][0] = "2023-12-31 23:59"
        if gaps == "fill":
            with pytest.raises(BadRequest, match="steps to fill"):
                served.feed(request, plain)
        else:
            assert len(served.feed(request, plain).newest) == 2

    def test_are_inputs_and_never_truth(self) -> None:
        days = ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]
        table = pd.DataFrame({"when": days, "y": [1.0, 2, 3, 4]})
        time = Time.model_validate({"index": "when", "every": "1d", "lookback": 2, "gaps": "fill"})
        series = regular(table, time, ["y"], ["y"])
        ends, counts = whole(series.present, series.groups, 2, 1)
        ends, counts = _judged(series, ends, counts, Extent(2, 2, 1, 2, (1,)))
        ahead = series.rows["when"].iloc[ends + 1]
        assert ahead.tolist() == ["2024-01-08", "2024-01-09"]
        assert (counts["windows"], counts["not_measured"]) == (2, 2)


GRIDS = {
    "1mo": pd.date_range("2019-01-31", periods=30, freq="ME"),
    "3mo": pd.date_range("1990-03-31", periods=30, freq="QE"),
    "12mo": pd.date_range("1950-06-30", periods=30, freq="YE-JUN"),
    "1b": pd.date_range("2024-01-01", periods=30, freq="B"),
    "2mo": pd.date_range("2019-02-05", periods=12, freq="2MS") + pd.Timedelta(days=4),
}


class TestCalendars:
    @pytest.mark.parametrize("every", list(GRIDS))
    def test_have_no_gap_and_come_back(self, every: str) -> None:
        days = GRIDS[every]
        table = pd.DataFrame({"when": days.strftime("%Y-%m-%d"), "y": np.arange(float(len(days)))})
        time = Time.model_validate({"index": "when", "every": every, "lookback": LENGTH})
        series = regular(table, time, ["y"], ["y"])
        assert series.present.all()
        assert (series.clock == days.astype("datetime64[s]").astype(np.int64)).all()
        fed = windowing(series, time, {"y": NUMBER}).feed(dict(table), plain)
        assert len(fed.newest) == len(days) - LENGTH + 1

    def test_of_business_days_have_none_on_a_weekend(self) -> None:
        table = pd.DataFrame({"when": ["2024-01-05", "2024-01-06"], "y": [1.0, 2]})
        time = Time.model_validate({"index": "when", "every": "1b", "lookback": 2})
        with pytest.raises(BadData, match="1 do not"):
            regular(table, time, ["y"])

    @pytest.mark.parametrize(
        ("form", "texts"),
        [
            ("epoch", ["1704067200", "1704070800", "1704074400"]),
            ("epoch-ms", [1704067200000, 1704070800000, 1704074400000]),
            ("epoch-us", [1704067200 * 10**6, 1704070800 * 10**6, 1704074400 * 10**6]),
            ("epoch-ns", [1704067200 * 10**9, 1704070800 * 10**9, 1704074400 * 10**9]),
            ("%Y%m%d%H", [2024010100, 2024010101, 2024010102]),
            ("%b %d %Y %I %p", ["Jan 1 2024 12 AM", "Jan 1 2024 1 AM", "Jan 1 2024 2 AM"]),
        ],
    )
    def test_are_read_by_their_format(self, form: str, texts: list[Any]) -> None:
        index = {"columns": ["when"], "formats": [form]}
        time = Time.model_validate({"index": index, "every": "1h", "lookback": 2})
        series = regular(pd.DataFrame({"when": texts, "y": [1.0, 2, 3]}), time, ["y"])
        assert str(np.datetime64(int(series.clock[0]), "s")) == "2024-01-01T00:00:00"

    def test_of_quarters_are_read_by_theirs(self) -> None:
        index = {"columns": ["when"], "formats": ["%YQ%q"]}
        time = Time.model_validate({"index": index, "every": "3mo", "lookback": 2})
        table = pd.DataFrame({"when": ["2023Q4", "2024Q1", "2024Q2"], "y": [1.0, 2, 3]})
        series = regular(table, time, ["y"])
        assert [str(np.datetime64(int(s), "s"))[:7] for s in series.clock] == [
            "2023-10", "2024-01", "2024-04",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "texts", [["1974.917", "1975", "1975.08"], [1974 + 11 / 12, 1975, 1975 + 1 / 12]]
    )
    def test_of_decimal_years_are_months(self, texts: list[Any]) -> None:
        index = {"columns": ["when"], "formats": ["decimal-year"]}
        time = Time.model_validate({"index": index, "every": "1mo", "lookback": 2})
        series = regular(pd.DataFrame({"when": texts, "y": [1.0, 2, 3]}), time, ["y"])
        assert [str(np.datetime64(int(s), "s"))[:7] for s in series.clock] == [
            "1974-12", "1975-01", "1975-02",
        ]  # fmt: skip

    def test_of_weeks_as_parts_of_a_year_are_none(self) -> None:
        index = {"columns": ["when"], "formats": ["decimal-year"]}
        time = Time.model_validate({"index": index, "every": "1mo", "lookback": 2})
        table = pd.DataFrame({"when": [1991.1, 1991.12, 1991.14], "y": [1.0, 2, 3]})
        with pytest.raises(BadData, match="decimal-year"):
            regular(table, time, ["y"])

    @pytest.mark.parametrize(("every", "season"), [("1b", 5), ("3mo", 4), ("12mo", None)])
    def test_have_their_season(self, every: str, season: int | None) -> None:
        time = Time.model_validate({"index": "when", "every": every, "lookback": 2})
        assert time.cycle == season

"""Rows on a grid: times are read, gaps refused, marked or filled, doubled rows resampled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from throughline.errors import BadData, BadPipeline
from throughline.pipeline.schema.protocol import Split
from throughline.pipeline.schema.time import Time
from throughline.samples.windows.frame import Series, regular
from throughline.samples.windows.splits_in_time import boundary


def read(table: dict[str, Any], needed: tuple[str, ...] = ("x",), **time: Any) -> Series:
    settings = {"index": "when", "every": "1h", "lookback": 2, **time}
    return regular(pd.DataFrame(table), Time.model_validate(settings), list(needed))


def said(series: Series) -> list[str]:
    return [str(np.datetime64(int(second), "s")) for second in series.clock]


class TestTimes:
    def test_of_a_date_and_an_hour_up_to_24_in_mixed_formats(self) -> None:
        table = {
            "Date": ["01-May-03", "01-May-03", "2003/05/02"],
            "Hour": [23, 24, 1],
            "x": [1, 2, 3],
        }
        formats = ["%d-%b-%y", "%Y/%m/%d"]
        series = read(table, index={"columns": ["Date"], "formats": formats, "hour": "Hour"})
        assert said(series)[1:] == ["2003-05-02T00:00:00", "2003-05-02T01:00:00"]

    def test_of_several_columns(self) -> None:
        table = {"y": [2010, 2010], "m": [1, 1], "d": [1, 1], "h": [0, 1], "x": [1, 2]}
        index = {"columns": ["y", "m", "d", "h"], "formats": ["%Y %m %d %H"]}
        assert said(read(table, index=index)) == ["2010-01-01T00:00:00", "2010-01-01T01:00:00"]

    def test_of_a_wall_clock_with_summer_time_have_no_gap(self) -> None:
        spring = ["2021-03-28 01:00", "2021-03-28 03:00", "2021-03-28 04:00"]
        index = {"columns": ["when"], "zone": "Europe/Berlin"}
        series = read({"when": spring, "x": [1, 2, 3]}, index=index)
        assert series.present.all()
        assert len(series) == 3
        autumn = ["2021-10-31 02:00", "2021-10-31 02:00", "2021-10-31 03:00"]
        assert len(read({"when": autumn, "x": [1, 2, 3]}, index=index)) == 3

    @pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Asia/Kathmandu"])
    def test_of_a_wall_clock_come_back(self, zone: str) -> None:
        when = ["2021-01-01 00:00", "2021-01-01 01:00"]
        series = read({"when": when, "x": [1, 2]}, index={"columns": ["when"], "zone": zone})
        assert said(series) == ["2021-01-01T00:00:00", "2021-01-01T01:00:00"]

    def test_of_months_are_one_step_apart(self) -> None:
        series = read({"when": ["1949-01", "1949-02", "1949-03"], "x": [1, 2, 3]}, every="1mo")
        assert series.steps.tolist() == [-252, -251, -250]

    def test_that_cannot_be_read_are_named(self) -> None:
        with pytest.raises(BadData, match=r"Row 2: the time must be an ISO 8601 time.*'soon'"):
            read({"when": ["2020-01-01", "soon"], "x": [1, 2]})


HOLE = {"when": ["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 05:00"], "x": [1.0, 2.0, 3.0]}


class TestGaps:
    def test_are_refused(self) -> None:
        with pytest.raises(BadData, match=r"3 have none.*2020-01-01 02:00"):
            read(HOLE)

    def test_are_marked(self) -> None:
        series = read(HOLE, gaps="mark")
        assert series.present.tolist() == [True, True, False, False, False, True]
        assert series.counts["absent"] == 3

    def test_are_filled_from_the_past(self) -> None:
        series = read(HOLE, gaps="fill")
        assert series.rows["x"].tolist() == [1, 2, 2, 2, 2, 3]
        assert series.present.all()

    def test_are_filled_as_far_as_asked(self) -> None:
        series = read(HOLE, gaps={"fill": 2})
        assert series.present.tolist() == [True, True, True, True, False, True]

    def test_a_missing_value_is_a_gap(self) -> None:
        table = {"when": [*HOLE["when"][:2], "2020-01-01 02:00"], "x": [1.0, None, 3.0]}
        assert read(table, gaps="mark").present.tolist() == [True, False, True]
        with pytest.raises(BadData, match="Column 'x' must be known in every row"):
            read(table)

    def test_do_not_reach_from_one_series_to_another(self) -> None:
        table = {
            "when": ["2020-01-01 00:00", "2020-01-01 00:00", "2020-01-01 01:00"],
            "site": ["a", "b", "b"],
            "x": [1.0, None, 3.0],
        }
        series = read(table, group="site", gaps="fill")
        # The second one begins with its first value.
        assert series.groups.tolist() == [0, 1]
        assert series.rows["x"].tolist() == [1.0, 3.0]


class TestTheGrid:
    def test_refuses_rows_between_its_steps(self) -> None:
        with pytest.raises(BadData, match="1 do not"):
            read({"when": ["2020-01-01 00:00", "2020-01-01 01:30"], "x": [1, 2]})

    def test_refuses_two_rows_on_one_step(self) -> None:
        with pytest.raises(BadData, match="1 have more"):
            read({"when": ["2020-01-01 00:00", "2020-01-01 00:00"], "x": [1, 2]})

    @pytest.mark.parametrize(("how", "first"), [("mean", 2.0), ("sum", 4.0), ("last", 3.0)])
    def test_resamples_rows_to_its_steps(self, how: str, first: float) -> None:
        when = ["2020-01-01 00:00", "2020-01-01 00:30", "2020-01-01 01:00"]
        series = read({"when": when, "x": [1.0, 3.0, 5.0]}, resample=how)
        assert series.rows["x"].tolist() == [first, 5.0]


class TestWhatIsInfinite:
    def test_was_not_measured(self) -> None:
        table = {"when": ["2020-01-01 00:00", "2020-01-01 01:00"], "x": [1.0, float("inf")]}
        assert read(table, gaps="mark").present.tolist() == [True, False]
        longer = {"when": [*table["when"], "2020-01-01 02:00"], "x": [*table["x"], 3.0]}
        assert read(longer, gaps="fill").rows["x"].tolist() == [1, 1, 3]
        with pytest.raises(BadData, match=r"'x' must be known.*2020-01-01 01:00"):
            read(table)


class TestTheStartOfTheTestPart:
    def test_must_be_reached_by_the_rows(self) -> None:
        series = read({"when": ["2020-01-01 00:00", "2020-01-01 01:00"], "x": [1, 2]})
        assert boundary(series, Split(kind="temporal", start="2020-01-01 01:00"), None) == 438289
        with pytest.raises(BadPipeline, match="newest row is of 2020-01-01T01:00:00"):
            boundary(series, Split(kind="temporal", start="2020-01-01 02:00"), None)

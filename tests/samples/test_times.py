"""Texts of dates are times before anything sorts by them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.protocol import CrossValidation, Split
from throughline.pipeline.schema.targets import Target
from throughline.preprocessing.target import with_plain_classes
from throughline.samples.splits.folds import folds
from throughline.samples.splits.parts import parts
from throughline.samples.splits.watched import watched
from throughline.samples.times import Found, found_format, moments

DAYS = pd.date_range("2021-01-05", periods=40, freq="9D")
TEMPORAL = Split(kind="temporal", column="sold", test=0.25)
WRITTEN = ["%d/%m/%Y", "%m/%d/%y", "%d.%m.%Y %H:%M", "%d-%b-%y", "%B %d, %Y", "%Y/%m/%d"]
# As calendars of weeks and as servers, mails and logs write them.
LOGGED = [
    "%GW%V", "%G-W%V", "%d/%b/%Y:%H:%M:%S +0000", "%a, %d %b %Y %H:%M:%S GMT",
    "%Y-%m-%d %H:%M:%S UTC", "%a %b %d %H:%M:%S %Y",
]  # fmt: skip


def shuffled(form: str) -> pd.DataFrame:
    days = pd.Series(DAYS).sample(frac=1, random_state=0, ignore_index=True)
    return pd.DataFrame({"sold": days.dt.strftime(form), "day": days})


class TestRowsInOrderOfTime:
    @pytest.mark.parametrize("form", [*WRITTEN, *LOGGED])
    def test_are_parted_and_folded_by_days_not_by_letters(self, form: str) -> None:
        rows = shuffled(form)
        part = parts(rows, TEMPORAL)
        training, test = rows["day"][part == "training"], rows["day"][part == "test"]
        assert len(test) == 10
        assert training.max() < test.min()
        kept, held = watched(rows, TEMPORAL, 0.25, 0)
        assert held is not None
        assert rows["day"][kept].max() < rows["day"][held].min()
        for fold in folds(rows, None, CrossValidation(folds=3, temporal="sold"), TEMPORAL):
            assert rows["day"][fold.training].max() < rows["day"][fold.validation].min()

    def test_are_refused_where_day_and_month_cannot_be_told(self) -> None:
        rows = pd.DataFrame({"sold": ["02/03/2021", "01/02/2021", "05/04/2021", "03/05/2021"]})
        message = (
            r"split.column: column 'sold' does not tell day from month. Received: 02/03/2021 is "
            r"02 March 2021 or 03 February 2021. Set 'source.read.times' to {sold: '%d/%m/%Y'} or"
        )
        with pytest.raises(BadData, match=message):
            parts(rows, TEMPORAL)

    def test_need_times_in_all_rows(self) -> None:
        rows = shuffled("%d/%m/%Y")
        rows.loc[3, "sold"] = None
        with pytest.raises(BadData, match="missing in 1 of 40 rows"):
            parts(rows, TEMPORAL)
        with pytest.raises(BadData, match="must hold times or numbers"):
            parts(pd.DataFrame({"sold": ["first", "second"] * 4}), TEMPORAL)


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["05/01/2021", "31/01/2021"], ("%d/%m/%Y",)),
        (["05/01/2021", "06/01/2021"], ("%d/%m/%Y", "%m/%d/%Y")),
        # In order one way only.
        (["01/05/2021", "01/06/2021", "02/01/2021"], ("%m/%d/%Y",)),
        (["01/01/2021", "02/02/2021"], ("%d/%m/%Y",)),
        (["2021-01-02T23:00:00+02:00", "2021-01-03T00:00:00Z"], ("ISO8601",)),
        (["2019Q1", "2019-Q2", "Q3 2019"], ("quarters",)),
        (["Jan 2019", "Feb 2019"], ("%b %Y",)),
        (["5-Jan-20 10:00", "6-Jan-20 11:30"], ("%d-%b-%y %H:%M",)),
        (["12/31/99 11:00 PM"], ("%m/%d/%y %I:%M %p",)),
    ],
)
def test_how_times_are_written_is_told_by_all_of_them(
    texts: list[str], formats: tuple[str, ...]
) -> None:
    assert found_format(pd.Series(texts)) == Found(formats)


@pytest.mark.parametrize("text", ["a", "2019", "12.5", "1:30", "10.0.0.1", "", "3-4", "A-12"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert found_format(pd.Series([text, text])) is None


def test_offsets_are_taken_to_one_clock() -> None:
    texts = pd.Series(["2021-01-02T23:00:00+02:00", "2021-01-02T22:00:00Z", "2021-01-02T21:30:00"])
    read = moments(texts, "at", "split.column")
    assert np.argsort(read).tolist() == [0, 2, 1]


@settings(max_examples=40)
@given(
    st.lists(st.datetimes(min_value=pd.Timestamp("1990-01-01").to_pydatetime(),
                          max_value=pd.Timestamp("2050-01-01").to_pydatetime()), min_size=2),
    st.sampled_from(WRITTEN),
)  # fmt: skip
def test_times_come_back_or_are_ambiguous(days: list[pd.Timestamp], form: str) -> None:
    texts = pd.Series([f"{day:{form}}" for day in days])
    found = found_format(texts)
    assert found is not None
    if found.formats != (form,):
        # Another reading fits every text: both are said, or both mean the same days, or only that
        # one brings the rows into order.
        other = found.formats[0] if found.formats[0] != form else found.formats[-1]
        assert pd.to_datetime(texts, format=other).notna().all()


def test_whole_classes_that_blanks_made_floats_are_whole_again() -> None:
    rows = pd.DataFrame({"y": [1.0, 2.0], "z": [1.0, 2.5]})
    assert with_plain_classes(rows, Target(columns=["y"]), "binary")["y"].tolist() == [1, 2]
    assert with_plain_classes(rows, Target(columns=["y"]), "binary")["y"].dtype == "int64"
    for name, task in (("z", "binary"), ("y", "regression")):
        assert with_plain_classes(rows, Target(columns=[name]), task)[name].dtype == "float64"

"""Columns that Arrow reads as numbers are what asking of each cell gives."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from throughline.pipeline.schema.source import Read
from throughline.serving.rows import split
from throughline.sources import cells
from throughline.sources.cells import settled, unsettled

NUMBER = st.one_of(
    st.integers(-99, 99).map(str),
    st.floats(allow_nan=False).map(repr),
    st.decimals(-9, 9, places=2).map(str),
    st.text(st.sampled_from("01579.-+eE"), min_size=1, max_size=20),
    st.sampled_from(
        ["007", "00.5", ".5", "5.", "-0", "-.5", "+1.5", "+7", "1e400", "1E-3", "inf", "NaN", "-9",
         "9007199254740993", "99999999999999999999", "−1", "1,5", "1,234", "NA", "", " 1", "0x1"]
    ),
)  # fmt: skip


def read(column: list[str], settings: Read) -> Any:
    frame = settled(unsettled(pd.DataFrame({"x": column}, dtype="str"), {}), settings, "'rows.csv'")
    values = frame["x"]
    texts = [value.hex() if isinstance(value, float) else repr(value) for value in values.tolist()]
    return str(values.dtype), texts, frame.attrs


@given(
    column=st.lists(NUMBER, min_size=1, max_size=6),
    settings=st.sampled_from(
        [
            Read(),
            Read(decimal=","),
            Read(thousands=","),
            Read(missing=["-9"]),
            Read(missing={"x": []}),
        ]
    ),
)
@example(column=["0.5", "007"], settings=Read())
@example(column=["0.5", "9007199254740993"], settings=Read())
@example(column=["0.5", "-9"], settings=Read(missing=["-9"]))
def test_are_the_same(column: list[str], settings: Read) -> None:
    by_arrow = read(column, settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(split, "numbers", lambda *_: None)
        assert by_arrow == read(column, settings)


@pytest.mark.parametrize("column", [["1", "2"], ["0.5", "-2", "1e3"]])
def test_no_cell_of_plain_numbers_is_asked(
    column: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "values_of", lambda *_: pytest.fail("cell by cell"))
    assert read(column, Read())[1]

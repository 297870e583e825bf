"""Delimited texts that Arrow splits give what reading them record by record gives."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.source import Read
from throughline.serving.rows import split
from throughline.sources.formats import delimited

CELL = st.text(st.sampled_from("ab1.,;-_é NA\t\"'\x0b\xa0\x00"), max_size=4)
WORD = st.text(st.sampled_from("ab1.-é"), min_size=1, max_size=3)


def found(content: bytes, read: Read) -> Any:
    """The table, its notes and its layout, or what is said of a mistake."""
    try:
        frame, layout = delimited.read(content, "rows.csv", read)
    except BadData as error:
        return str(error)
    return frame.to_dict("list"), frame.attrs, layout


@given(
    rows=st.lists(st.lists(st.one_of(WORD, CELL), min_size=2, max_size=3), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    last=st.booleans(),
    header=st.booleans(),
    units=st.booleans(),
    skipped=st.integers(0, 1),
    quotes=st.sampled_from([True, False, "'"]),
)
def test_are_the_same(
    rows: list[list[str]], separator: str, end: str, last: bool, header: bool, units: bool,
    skipped: int, quotes: bool | str,
) -> None:  # fmt: skip
    lines = [separator.join(row) for row in [["p", "q"], *rows]]
    content = (end.join(lines) + (end if last else "")).encode()
    read = Read(separator=separator, header=header, units=units, skip_rows=skipped, quotes=quotes)
    by_arrow = found(content, read)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(split, "columns", lambda *_: None)
        assert by_arrow == found(content, read)


def test_a_plain_text_is_split_by_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_blocks", lambda _: pytest.fail("record by record"))
    frame, _ = delimited.read(b"p,q\r\n1,\r\n\r\nNA,b\r\n", "rows.csv", Read())
    assert frame.equals(pd.DataFrame({"p": ["1", "NA"], "q": ["", "b"]}))

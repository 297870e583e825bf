"""What a file's own cells tell of how it is read, each guess with the key that changes it."""

from __future__ import annotations

from typing import Any

import pytest

from throughline.limits import Limits, OverLimit, applied
from throughline.pipeline.schema.source import Read
from throughline.profile.reading import layout_of, told_by_cells
from throughline.sources.formats.reading import read_bytes, read_cells

ROWS = 20


def told(text: str, **asked: Any) -> dict[str, Any]:
    content = text.encode("utf-8")
    read = layout_of(content, "rows.csv", asked)
    cells, _ = read_cells(content, "rows.csv", Read(**read))
    found = told_by_cells(cells, read, [])
    # What is told can be read.
    read_bytes(content, "rows.csv", Read(**found))
    return found


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *(rows * ROWS)]) + "\n"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (table("a,b", "1,x", "2,y"), {}),
        (table("a;b", "1,5;x", "2,25;y"), {"separator": ";", "decimal": ","}),
        (table("a;b", "1.234,5;x", "2,25;y"),
         {"separator": ";", "decimal": ",", "thousands": "."}),
        (table("a,b", '"1,234",x', "7,y"), {"thousands": ","}),
        (table("a,b", '"$1,234.5",5%', "$7,6%"),
         {"thousands": ",", "types": {"a": "number", "b": "number"}}),
        ("made by us\n# 2021\n" + table("a,b", "1,x", "2,y"), {"skip_rows": 2}),
        (table("0.5,good", "1.5,bad", "2.5,good"), {"header": False}),
        (table("2019,2020,2021", "1,2,3", "4,5,6"), {}),
        (table("1850,1900,1910,2016", "0.1,0.2,0.3,0.4", "0,0,0.5,0.1"), {}),
        (table("2019,5,2021", "2018,2,2020", "2001,5,2003"), {"header": False}),
        (table("a,b\nmm,", "1.5,x", "2.5,y"), {"units": True}),
        (table("a,b", "1,x", "?,y", "3,x"), {"types": {"a": "number"}, "missing": ["?"]}),
        (table("a,b", "1,-", "-,y", "3,x"),
         {"types": {"a": "number"},
          "missing": {"a": ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "#N/A", "-"]}}),
        (table("a,b", "yes,1", "YES,2", "No,3"), {"types": {"a": "boolean"}}),
        (table("a,b", "EU,1", "NA,2", "APAC,3"), {"missing": {"a": [""]}}),
        (table("a,b", "good,1", "NA,2", "bad,3"), {}),
        (table("a,b", "01000,1", "20095,2"), {}),
    ],
)  # fmt: skip
def test_is_told_by_the_cells(text: str, read: dict[str, Any]) -> None:
    assert told(text) == read


def test_what_the_user_says_is_kept() -> None:
    assert told(table("0.5,good", "1.5,good"), header=True) == {"header": True}
    assert told(table("a;b", "1,5;x", "2,5;y"), decimal=".")["decimal"] == "."


def test_bytes_that_are_no_utf8() -> None:
    content = table("stadt,b", "Köln,1", "Bonn,2").encode("cp1252")
    assert layout_of(content, "rows.csv", {}) == {"encoding": "cp1252"}


def test_rows_are_counted_before_their_cells_are_looked_at() -> None:
    """A million rows over the limit took a minute of guessing before they were refused."""
    with applied(Limits(rows=2)):
        assert layout_of(b"a\n1\n2\n", "a.csv", {}) == {}
        with pytest.raises(OverLimit, match=r"limits\.rows"):
            layout_of(b"a\n1\n2\n3\n", "a.csv", {})

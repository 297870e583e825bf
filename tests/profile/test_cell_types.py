"""What a file's own cells tell of how it is read, each guess with the key that changes it."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from throughline.errors import BadData
from throughline.limits import Limits, OverLimit, applied
from throughline.pipeline.schema.source import Read
from throughline.profile.facts import facts
from throughline.profile.files.cell_types import keys_from_cells
from throughline.profile.files.encodings import encoding_of, shown
from throughline.profile.files.table_layout import layout_of
from throughline.profile.goal import chosen_target
from throughline.sources.formats.reading import read_bytes, read_cells

ROWS = 20


def told(text: str, **asked: Any) -> dict[str, Any]:
    content = text.encode("utf-8")
    read = layout_of(content, "rows.csv", asked)
    cells, _ = read_cells(content, "rows.csv", Read(**read))
    found = keys_from_cells(cells, read, [])
    # What is told can be read.
    read_bytes(content, "rows.csv", Read(**found))
    return found


def said(text: str) -> str:
    """What is told on the terminal."""
    content = text.encode("utf-8")
    read, notes = layout_of(content, "rows.csv", {}), list[tuple[str, str, str]]()
    cells, _ = read_cells(content, "rows.csv", Read(**read))
    keys_from_cells(cells, read, notes)
    return "\n".join(" ".join(note) for note in notes)


def column(*cells: object) -> str:
    return "a,b\n" + "".join(f"{cell},x\n" for cell in cells)


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
        (table("a,b", "4'000,x", "4'001,y"), {"thousands": "'"}),
        (table("a,b", "4\u00a0000,x", "4\u00a0001,y"), {"thousands": " "}),
        (table("a,b", "4 000,x", "4 001,y"), {}),
        (table("a,b", '"$1,234.5",5%', "$7,6%"),
         {"thousands": ",", "types": {"a": "number", "b": "number"}}),
        ("made by us\n# 2021\n" + table("a,b", "1,x", "2,y"), {"skip_rows": 2}),
        (table("0.5,good", "1.5,bad", "2.5,good"), {"header": False}),
        (
            table("ham,are we on for tonight then", "spam,a free ticket for you", "ham,yes we are"),
            {"header": False},
        ),
        (table("label,the text of the message", "spam,a free ticket", "ham,yes we are"), {}),
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
        (table("a,b", '"(1,234)",x', "7,y"), {"thousands": ",", "types": {"a": "number"}}),
        (table("a,b", "12-,x", "7,y"), {"types": {"a": "number"}}),
        (table("a,b", "١٢,x", "٣٫٥,y"), {"types": {"a": "number"}}),
        (table("a,b", "１２,x", "３．５,y"), {"types": {"a": "number"}}),
        (table("a,b", "12 kg,x", "3.5 kg,y"), {"types": {"a": "number"}}),
        (table("a,b", "12 kg,x", "?,y", "3 kg,z"),
         {"types": {"a": "number"}, "missing": ["?"]}),
        (table("a,b", "12 kg,x", "500 g,y"), {}),
        (table("a,b", '"₹2,13,520",x', "₹7,y"), {"thousands": ",", "types": {"a": "number"}}),
        (column(*range(30), *["Suppressed"] * 8), {"types": {"a": "number"},
                                                   "missing": ["Suppressed"]}),
        (column(*range(30), *["<5"] * 8), {}),
        (table("a,b", "12 kg,x", "5,y"), {}),
        (table("a,b", "$12,x", "€5,y"), {}),
        (table("a,b", "$12,x", "5,y"), {"types": {"a": "number"}}),
        (table("a,b", "12%,x", "0.5,y"), {}),
        (table("a,b", "8:05,x", "20:15,y"), {"types": {"a": "duration"}}),
        (table("a,b", "1:08:05,x", "0:20:15.5,y"), {"types": {"a": "duration"}}),
        (table("a,b", "8:05 AM,x", "12:15 pm,y"), {"types": {"a": "duration"}}),
        (table("a,b", "1:08:05,x", "20:15,y"), {}),
        (table("a;b", "EUR 4.000;0,5", "EUR 7.250;1,25"),
         {"separator": ";", "decimal": ",", "thousands": ".", "types": {"a": "number"}}),
        (table("a;b", "4.000 km;0,5", "7.250 km;1,25"),
         {"separator": ";", "decimal": ",", "thousands": ".", "types": {"a": "number"}}),
        (table("a;b", "4.00 mm;0,5", "7.25 mm;1,25"), {"separator": ";", "decimal": ","}),
        (table("a,b", '"1,234",x', '"0,5",y'), {"decimal": ","}),
        (table("a,b", '"1,234","1,5"', '"2,345","2,5"'), {"thousands": ","}),
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


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        (["東京", "大阪", "名古屋"], "cp932"), (["テスト", "データ"], "cp932"),
        (["北京", "上海", "广州"], "gb18030"), (["臺北", "高雄", "城市"], "big5"),
        (["서울", "부산", "대구"], "cp949"), (["Москва", "Казань"], "cp1251"),
        (["Москва", "Казань"], "koi8-r"), (["Αθήνα", "Πάτρα"], "cp1253"),
        (["Köln", "München"], "cp437"), (["Genève", "Besançon"], "mac-roman"),
    ],
)  # fmt: skip
def test_bytes_that_only_a_reader_can_tell_are_refused_with_the_readings(
    words: list[str], encoding: str
) -> None:
    """They were read as cp1252 or latin-1, and the model learnt from `“Œ‹ž`."""
    content = table("a,b", *(f"{word},1" for word in words)).encode(encoding)
    with pytest.raises(BadData, match=rf"'{max(words, key=len)[:9]}' in {encoding}.*--encoding"):
        layout_of(content, "rows.csv", {})
    assert layout_of(content, "rows.csv", {"encoding": encoding}) == {"encoding": encoding}


@pytest.mark.parametrize(
    "words",
    ["créée, refusée", "Straße 5°C – „gut“ 3½ m² l’été", "¿Qué? señor Nº 1ª", "¥500 £5 €7 §5 ©"],
)
def test_western_texts_are_told_by_a_word(words: str) -> None:
    content = table("a;b", f"{words};1").encode("cp1252")
    assert encoding_of(content, "rows.csv") == "cp1252"
    word = shown(content, "cp1252")
    assert word in words and (word or not re.search("[éßñ]", words))


def test_rows_are_counted_before_their_cells_are_looked_at() -> None:
    """A million rows over the limit took a minute of guessing before they were refused."""
    with applied(Limits(rows=2)):
        assert layout_of(b"a\n1\n2\n", "a.csv", {}) == {}
        with pytest.raises(OverLimit, match=r"limits\.rows"):
            layout_of(b"a\n1\n2\n3\n", "a.csv", {})


class TestIsSaid:
    """What looks like something else is read as it stands, but not in silence."""

    @pytest.mark.parametrize(
        ("cells", "words"),
        [
            ([*range(20, 70), -999, -999, -999], "'-999' (3) lies apart from the others, 20 to 69"),
            ([*range(20, 70), -1, -1, -1], "columns.a.missing: [-1]"),
            ([*(n / 10 for n in range(1, 120)), *["-200.0"] * 4], "[-200]"),
            ([*range(0, 28), *[999] * 5], "'999' (5)"),
            ([*range(44, 190), *[0] * 5], "'0' (5)"),
            ([1, 2, 3, 4, 5] * 9 + [9] * 4, "'9' (4)"),
            ([*(f"{n} kg" for n in range(20, 70)), *["-99 kg"] * 3], "'-99 kg' (3)"),
            ([*(f"2021-03-{n:02}" for n in range(1, 30)), *["1900-01-01"] * 3], "'1900-01-01' (3)"),
            (["$5", "€7"] * 20, "'$5', '€7' are not of one unit"),
            (["5%", ".07"] * 20, "are not of one unit"),
            (["1:05", "1:05:03"] * 20, "hours or minutes"),
            ([*range(30), "<5", "40+"], "'40+', '<5' are no numbers beside"),
            (["0x1f", "0xa0"] * 20, "hexadecimal"),
            (["120/80", "135/90"] * 20, "two numbers: '120/80'"),
            ([*(f"2021-03-{n:02}" for n in range(1, 30)), *["0000-00-00"] * 3], "'0000-00-00' (3)"),
            (["27e7", "11e2"] * 20, "'27e7' is 2.7e+08, unless it is a code"),
            ([f"{n}. tammikuuta 2024" for n in range(1, 29)], "looks like a time"),
            (["(5)", "7"] * 20, "'(5)' is -5"),
            (["0.5", "9007199254740993"] * 20, "'9007199254740993' has more digits"),
            (['"1,234"', "1.234", '"2,500"'] * 20, "'1,234' and '1.234' mark thousands by diff"),
            (['"€1,234"', "€1.234"] * 20, "mark thousands by different signs"),
            ([f"{n}.250" for n in range(1, 30)], "'1.250' has a decimal point, unless it marks"),
            (["84:16", "65:00"] * 20, "'84:16' is 303,360 seconds"),
            (["1.1", "1.10", "1.2"] * 20, "'1.1' and '1.10' are one, unless they are versions"),
            ([f"2 yrs {n} mos" for n in range(11)], "no setting takes numbers out of them"),
            ([*range(8), *["(s)"] * 9, *["low"] * 9], "'(s)', 'low' are no numbers beside"),
            (["08:00", "24:00"] * 20, "'24:00' is no time: write 00:00 of the next day"),
            ([f"FY{n} Q1" for n in range(2000, 2030)], "'FY2000 Q1' looks like a time"),
            (
                [f"3h {n}m" for n in range(30)],
                "'3h 10m', '3h 11m', '3h 12m' …: no setting",
            ),
            ([f"PT3H{n}M" for n in range(30)], "no setting takes numbers out of them"),
            ([f"2 days 03:{n}:00" for n in range(10, 30)], "no setting takes numbers"),
            ([f"9:{n}.5" for n in range(10, 30)], "no setting takes numbers out of them"),
            ([f"48°{n}.6'" for n in range(10, 30)], "no setting takes numbers out of them"),
            ([f"{n} ± 2" for n in range(10, 30)], "no setting takes numbers out of them"),
            ([f"{n}.5×10^3" for n in range(1, 9)], "no setting takes numbers out of them"),
            ([f"{n} 1/4" for n in range(1, 9)], "no setting takes numbers out of them"),
            ([f"{n}% (2%-83%)" for n in range(10, 30)], "no setting takes numbers out of them"),
            (['"{""age"": 1}"', '"{""age"": 2}"'] * 20, "each holds an object"),
            (['"say \\"hi\\" 5"', "no"] * 20, "a quote within quotes is written twice"),
            (
                ['"1,234.5"', '"1.234,5"'] * 20,
                "'1.234,5' and '1,234.5' have different signs before decimals",
            ),
            ([f"EUR {n}.250" for n in range(1, 30)], "1.250' has a decimal point, unless it marks"),
        ],
    )
    def test_of(self, cells: list[object], words: str) -> None:
        assert words in said(column(*cells))

    @pytest.mark.parametrize(
        "cells",
        [
            [*range(20, 70)],
            [-1, 0, 1] * 20,
            [*range(-20, 20)],
            [*range(20, 70), 500],
            [0, 1, 2, 3, 4, 5, 6, 7] * 9,
            [0, 1, 2, 3, 4, 5, 6] * 9,
            [f"2021-03-{n:02}" for n in range(1, 30)],
            [1.5e-7, 2.5e10] * 20,
            ["good", "bad"] * 20,
        ],
    )
    def test_of_plain_columns_nothing(self, cells: list[object]) -> None:
        assert said(column(*cells)) == ""


def test_why_a_target_is_none_is_in_the_error() -> None:
    rows = pd.DataFrame({"x": range(200), "y": [*map(str, range(150)), *["<5"] * 50]})
    said = {"y": "texts, for '<5' are no numbers"}
    with pytest.raises(BadData, match="labels, 151 different values; texts, for '<5' are no"):
        chosen_target(facts(rows), "y", said)

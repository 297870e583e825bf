"""How a file's own lines tell its layout; the model then reads the file as training did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from throughline.errors import BadData
from throughline.pipeline.schema.source import Read
from throughline.profile.files.table_layout import is_table, layout_of
from throughline.serving.rows.delimited import columns_of
from throughline.serving.rows.reading import decoded
from throughline.sources.cells import READING, REPEATED
from throughline.sources.formats.reading import read_bytes

ROWS = [(i * 37 % 11 + 0.5, i % 7, ("good", "bad")[i % 3 > 0]) for i in range(24)]
NUMBERED = list(enumerate(ROWS, 1))


def lines(*first: str, each: str = "{},{},{}", last: str = "") -> str:
    return "\n".join([*first, *(each.format(*row) for row in ROWS), last]).rstrip("\n") + "\n"


def numbered(first: str, each: str) -> str:
    return first + "\n" + "".join(each.format(i, *row) + "\n" for i, row in NUMBERED)


# Each file: its text, what is told of it, and the names of its columns.
LAYOUTS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "letters and no header": (
        "".join(f"{'ep'[i % 2]},{'xfb'[i % 3]},{'sy'[i % 5 // 3]}\n" for i in range(24)),
        {"header": False},
        ["column_1", "column_2", "column_3"],
    ),
    "sentences behind a class, no header": (
        "".join(f"{('ham', 'spam')[i % 2]}\tgo on, no {i} of this is one\n" for i in range(24)),
        {"separator": "\t", "header": False},
        ["column_1", "column_2"],
    ),
    "titles filled up as spreadsheets do": (
        lines("Sales;;", ";;", "w;n;y", each="{};{};{}"),
        {"separator": ";", "skip_rows": 2},
        ["w", "n", "y"],
    ),
    "names behind a mark of comments": (
        lines("# w,n,y"),
        {"skip_rows": 1, "header": False, "columns": ["w", "n", "y"]},
        ["w", "n", "y"],
    ),
    "no name for the names of rows, as R writes": (
        numbered("w,n,y", "{},{},{},{}"),
        {"skip_rows": 1, "header": False, "columns": ["column_1", "w", "n", "y"]},
        ["column_1", "w", "n", "y"],
    ),
    "a delimiter behind each row, none behind the header": (
        lines("w,n,y", each="{},{},{},"),
        {"skip_rows": 1, "header": False, "columns": ["w", "n", "y", "column_4"]},
        ["w", "n", "y", "column_4"],
    ),
    "a delimiter behind the header alone": (
        lines("w,n,y,"),
        {"skip_rows": 1, "header": False, "columns": ["w", "n", "y"]},
        ["w", "n", "y"],
    ),
    "a short header over nothing but categories": (
        "a,b\n" + "".join(f"{i},{'xy'[i % 2]},{'uvw'[i % 3]}\n" for i in range(24)),
        {"skip_rows": 1, "header": False, "columns": ["column_1", "a", "b"]},
        ["column_1", "a", "b"],
    ),
    "two columns of one name": (
        lines("w,w,y"), {"columns": ["w_1", "w_2", "y"]}, ["w_1", "w_2", "y"]
    ),
    "two names that a third has already": (
        lines("w,w,w_1"), {"columns": ["w_2", "w_3", "w_1"]}, ["w_2", "w_3", "w_1"]
    ),
    "groups of columns over their names": (
        lines("size,,mood", "w,n,y"),
        {"skip_rows": 2, "header": False, "columns": ["size w", "size n", "mood y"]},
        ["size w", "size n", "mood y"],
    ),
    "the header again within the rows": (
        lines("w,n,y") + lines("w,n,y") + lines("w,n,y"), {}, ["w", "n", "y"]
    ),
    "a row of totals": (lines("w,n,y", last="Total,70,"), {"skip_footer": 1}, ["w", "n", "y"]),
    "totals and notes": (
        lines("y;w;n", each="{2};{0};{1}", last="Summe;1.132,5;70\n\nQuelle: Amt, 2021"),
        {"separator": ";", "skip_footer": 3},
        ["y", "w", "n"],
    ),
    "a note below": (
        lines("w,n,y", last="Source: Office, 2021"), {"skip_footer": 1}, ["w", "n", "y"]
    ),
    "columns in line": (
        lines("    w    n    y", each="{:5}  {:3}   {:>6}"), {"separator": " "}, ["w", "n", "y"]
    ),
    "columns in line and a tab, no header": (
        lines(each='{:5}  {:3}\t"{} one"'),
        {"separator": " ", "header": False},
        ["column_1", "column_2", "column_3"],
    ),
    "single quotes around commas": (
        lines("w,n,y", each="{},'{},0','{}'"), {"quotes": "'"}, ["w", "n", "y"]
    ),
    "the separator said in the first line": (
        lines("sep=;", "w;n;y", each="{};{};{}"),
        {"separator": ";", "skip_rows": 1},
        ["w", "n", "y"],
    ),
}  # fmt: skip


class TestALayout:
    @pytest.mark.parametrize("kind", LAYOUTS)
    def test_is_told_and_served_alike(self, kind: str) -> None:
        text, told, names = LAYOUTS[kind]
        content = text.encode()
        found = layout_of(content, "rows.csv", {})
        decimal = {key: found.pop(key) for key in ("decimal", "thousands") if key in found}
        assert found == told
        frame, _ = read_bytes(content, "rows.csv", Read(**told, **decimal))
        assert list(frame.columns) == names
        assert len(frame) == len(ROWS) * (text.count("w,n,y") or 1)
        reading = json.loads(json.dumps(frame.attrs[READING]))
        for needed in (names, names[-1:]):
            served, records = columns_of(decoded(content, "rows.csv", reading), reading, needed)
            assert (served, len(records)) == (names, len(frame))

    def test_of_a_header_with_a_name_too_many_is_refused(self) -> None:
        message = r"Line 1 of 'rows.csv' must name each of the 3 columns.*4 names: w, n, y, z"
        with pytest.raises(BadData, match=message):
            layout_of(lines("w,n,y,z").encode(), "rows.csv", {})

    def test_with_quotes_behind_backslashes_is_refused_with_the_way_on(self) -> None:
        rows = "".join(f'{n},"say \\"hi\\", {n}",x\n' for n in range(20))
        with pytest.raises(BadData, match="A quote within quotes must be written twice"):
            layout_of(f"a,b,c\n{rows}".encode(), "rows.csv", {})

    def test_of_a_title_is_no_header(self) -> None:
        assert layout_of(lines("Sales,2021", "w,n,y").encode(), "a.csv", {}) == {"skip_rows": 1}

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
    def test_of_two_bytes_a_letter_without_a_mark(self, encoding: str) -> None:
        content = lines("w,n,y").encode(encoding)
        assert layout_of(content, "rows.csv", {}) == {"encoding": encoding}

    def test_counts_what_it_leaves_out(self) -> None:
        frame, _ = read_bytes((lines("w,n,y") * 3).encode(), "rows.csv", Read())
        assert frame.attrs[REPEATED] == 2
        # Of one column it may be a value.
        assert len(read_bytes(b"a\nb\na\n", "rows.csv", Read())[0]) == 2

    def test_of_a_category_called_total_is_none_of_a_footer(self) -> None:
        text = "y,w\n" + "".join(f"{('Total', 'part')[i % 2]},{i}\n" for i in range(25))
        assert layout_of(text.encode(), "rows.csv", {}) == {}


class TestOtherFilesOfTheKind:
    """What is served need not have the notes and the header of the file of the training."""

    def reading(self, text: str) -> dict[str, Any]:
        read = Read(**layout_of(text.encode(), "rows.csv", {}))
        return dict(read_bytes(text.encode(), "rows.csv", read)[0].attrs[READING])

    def test_lose_no_row_to_a_footer_that_they_lack(self) -> None:
        reading = self.reading(lines("w,n,y", last="Total,70,"))
        for text, rows in (("w,n,y\n1,2,good\n", 1), ("w,n,y\n1,2,good\nTotal,2,\n", 1)):
            names, records = columns_of(text, reading, ["w", "n"])
            assert (names, [r for r, _ in records]) == (["w", "n", "y"], [["1", "2", "good"]])
            assert len(records) == rows

    def test_may_name_their_columns_in_another_order(self) -> None:
        reading = self.reading(numbered("w,n,y", "{},{},{},{}"))
        names, records = columns_of("n,w\n1,2.5\n", reading, ["w", "n"])
        assert (names, [r for r, _ in records]) == (["n", "w"], [["1", "2.5"]])


@pytest.mark.parametrize(
    ("text", "table"),
    [
        (lines("w,n,y"), True),
        (lines("w n y", each="{} {} {}"), True),
        ("One sentence, then more.\nAnd another one\n" * 9, False),
        ("A word\nTwo words\n" * 9, False),
        ("1,2\n3,4\n", False),
    ],
)
def test_texts_that_are_tables(text: str, table: bool) -> None:
    assert is_table(text.encode(), "rows.txt") == table


def test_bytes_are_no_table() -> None:
    assert not is_table(b"\0\1\2" * 99, "rows.bin")

"""A CSV file gives the values that it holds, or an error that names the line."""

from __future__ import annotations

import csv
import io
import string
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.source import Read
from throughline.sources.formats.reading import read_bytes


def read(text: str | bytes, name: str = "data.csv", **settings: Any) -> pd.DataFrame:
    content = text.encode("utf-8") if isinstance(text, str) else text
    return read_bytes(content, name, Read(**settings))[0]


class TestSeparators:
    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_are_found(self, separator: str) -> None:
        text = "\n".join(separator.join(row) for row in (("a", "b"), ("1", "x y"), ("2", "z")))
        assert read(text).to_dict("list") == {"a": [1, 2], "b": ["x y", "z"]}

    def test_commas_inside_quotes_do_not_mislead(self) -> None:
        assert read('name;n\n"a, b, c";1\n"d, e, f";2\n').shape == (2, 2)

    def test_decimal_commas_with_semicolons(self) -> None:
        frame = read("a;b\n1,5;2\n2,5;3\n", decimal=",")
        assert frame["a"].tolist() == [1.5, 2.5]

    def test_thousands(self) -> None:
        assert read("a;b\n1.234;1\n12.345.678;2\n", thousands=".", decimal=",")["a"].tolist() == [
            1234,
            12345678,
        ]

    def test_one_column_needs_none(self) -> None:
        assert read("a\n1\n2\n")["a"].tolist() == [1, 2]

    def test_a_comma_in_few_records_is_no_separator(self) -> None:
        assert read("text\nno comma\none, comma\n", format="lines", columns=["text"]).shape[0] == 3


class TestMissingValues:
    def test_usual_marks(self) -> None:
        frame = read("a,b\n1,x\n,NA\nNaN,\n")
        assert frame.isna().sum().to_dict() == {"a": 2, "b": 2}

    def test_the_word_none_is_a_category(self) -> None:
        assert read("fresh\nnone\nNone\nrotten\n")["fresh"].tolist() == ["none", "None", "rotten"]

    def test_own_marks(self) -> None:
        assert read("a\n1\n?\n", missing=["?"])["a"].isna().tolist() == [False, True]

    def test_text_columns_are_kept_as_they_are(self) -> None:
        frame = read("id,n\n007,1\nNA,2\n", text_columns=["id"])
        assert frame["id"].tolist() == ["007", "NA"]


class TestEncodings:
    def test_bom_is_no_part_of_the_first_name(self) -> None:
        assert list(read(b"\xef\xbb\xbfa,b\n1,2\n").columns) == ["a", "b"]

    def test_latin1(self) -> None:
        assert read("stadt\nKöln\n".encode("latin-1"), encoding="latin-1")["stadt"][0] == "Köln"

    def test_utf16(self) -> None:
        assert read("a,b\n1,2\n".encode("utf-16"), encoding="utf-16")["b"].tolist() == [2]

    def test_a_wrong_one_is_named_with_line_and_remedy(self) -> None:
        with pytest.raises(BadData, match=r"'data.csv' must be text in utf-8.*line 3.*cp1252"):
            read("stadt\nBonn\nKöln\n".encode("latin-1"))

    def test_an_unknown_one_has_a_nearest(self) -> None:
        with pytest.raises(BadData, match="Did you mean 'latin-1'"):
            read("a\n1\n", encoding="latin-11")

    def test_utf16_read_as_utf8(self) -> None:
        with pytest.raises(BadData, match="utf-16"):
            read("a,b\n1,2\n".encode("utf-16"))


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a,b,a\n1,2,3\n", "more than once: a.*source.read.columns"),
            ("a,b\n1,2\n3\n", r"Line 3 of 'data.csv' must have 2 fields.*1 fields: 3"),
            ("a,b\n1,2\n3,4,5\n", r"Line 3 .*must have 2 fields.*3 fields: 3,4,5"),
            ('a,b\n1,2\n"3,4\n5,6\n', "Line .*is a quote left open"),
            # As many fields as the header, so that nothing else would tell.
            ('a,b\n1,"2\n3,4\n', "Line 2: here is a quote left open"),
            ('a,b\n1,2\n3,"4', "Line 3: here is a quote left open"),
            ("a,b\n", "at least one row.*a header of 2 columns and no row"),
            ("<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
            ("a,b\n1,\x00\n", "a zero byte in line 2"),
        ],
    )
    def test_are_named(self, text: str, message: str) -> None:
        with pytest.raises(BadData, match=message):
            read(text)

    def test_an_empty_file(self) -> None:
        with pytest.raises(BadData, match="0 bytes"):
            read(b"")

    def test_names_that_do_not_fit(self) -> None:
        with pytest.raises(BadData, match="must name the 2 columns"):
            read("a,b\n1,2\n", columns=["x"])


class TestHeaderAndFooter:
    def test_skipped_lines(self) -> None:
        text = "Title\n\na,b\n1,2\n3,4\nSource: us\nNote\n"
        assert read(text, skip_rows=2, skip_footer=2)["b"].tolist() == [2, 4]

    def test_no_header(self) -> None:
        frame = read("1,2\n3,4\n", header=False)
        assert frame.to_dict("list") == {"column_1": [1, 3], "column_2": [2, 4]}

    def test_nothing_left(self) -> None:
        with pytest.raises(BadData, match="leave out"):
            read("a\n1\n", skip_rows=2)


NAMES = st.lists(
    st.text(string.ascii_letters, min_size=1, max_size=8), min_size=2, max_size=5, unique=True
)
CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs", "Cc"]),
    max_size=20,
)


class TestRoundTrip:
    @given(st.data())
    def test_texts_come_back_as_they_were_written(self, data: st.DataObject) -> None:
        names = data.draw(NAMES)
        rows = data.draw(
            st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), min_size=1)
        )
        separator = data.draw(st.sampled_from([",", ";", "\t", "|"]))
        file = io.StringIO(newline="")
        writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL)
        writer.writerows([names, *rows])
        frame = read(file.getvalue(), separator=separator, text_columns=names)
        assert frame.to_numpy().tolist() == rows

    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
    def test_numbers_come_back_exactly(self, values: list[float]) -> None:
        text = "a,b\n" + "".join(f"{value!r},1\n" for value in values)
        assert read(text)["a"].tolist() == values

    @given(st.binary(min_size=1, max_size=300))
    def test_any_bytes_give_a_table_or_an_error_that_helps(self, content: bytes) -> None:
        try:
            assert len(read(content)) > 0
        except BadData as error:
            assert "data.csv" in str(error)

"""The model is handed its own training file as training saw it, cell by cell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.source import Read
from throughline.preprocessing.plan import kind_of
from throughline.preprocessing.raw import raw_values
from throughline.serving.errors import BadRequest
from throughline.serving.rows.cells import MISSING, Cells, flag
from throughline.serving.rows.delimited import columns_of, streamed
from throughline.serving.rows.reading import decoded
from throughline.serving.rows.values import converted, settled
from throughline.sources.cells import READING
from throughline.sources.formats.reading import read_bytes
from throughline.sources.table import standardised, without_infinite


def trained(content: bytes, read: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows that `ingest` stores, and what the model's metadata say of their reading."""
    frame, _ = read_bytes(content, "rows.csv", read)
    reading = json.loads(json.dumps(frame.attrs[READING]))
    rows = standardised(frame, read.rename, read.text_columns, "rows.csv")
    return (without_infinite(rows) if read.infinite == "missing" else rows), reading


def assert_served_as_trained(content: bytes, read: Read) -> None:
    rows, reading = trained(content, read)
    names = list(rows.columns)
    served, records = columns_of(decoded(content, "rows.csv", reading), reading, names)
    assert served == names
    assert len(records) == len(rows)
    for position, name in enumerate(names):
        kind = kind_of(rows[name])
        cells = [record[position] for record, _ in records]
        wanted = raw_values(rows, name, kind)
        if kind == "number" and np.isinf(wanted).any():
            # Such a row is refused, by name.
            with pytest.raises(BadRequest, match="finite"):
                converted(name, {"type": kind}, cells, settled(reading, name))
            continue
        found = converted(name, {"type": kind}, cells, settled(reading, name))
        if kind == "number":
            np.testing.assert_array_equal(found, wanted, err_msg=name)
        else:
            assert found.tolist() == wanted.tolist(), name


SPACES = st.sampled_from(["", "", "", " ", "  ", "\u00a0"])
ABSENT = st.sampled_from(MISSING)
WORDS = st.sampled_from(
    ["True", "FALSE", "yes", "No", "y", "1", "0", "NA", "none", "01", "1.5", "a,b", 'say "so"',
     "−1",
     "1e3", "5%", "$5", "+3", ".5", "5.", "1_0", "0x1", "١", "inf", "Nan", "?", "-", "a\nb", "ß",
     "\x1cx", "\u200b5", "1\u00a0000"]
)  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
DIGITS = st.from_regex(r"[+-]?[0-9]{1,3}(,[0-9]{3}){0,2}(\.[0-9]{0,3})?", fullmatch=True)


MARKED = ["$%s", "%s €", "%s%%", "EUR %s", "-$%s", "(£%s)", "%s kg", "%s-", "(%s)", "$(%s)", "%s°C"]
SCRIPTS = [str.maketrans("0123456789", digits) for digits in ("0123456789", "٠١٢٣٤٥٦٧٨٩")]


def column(draw: Any, decimal: str, thousands: str) -> tuple[list[str], str | None]:
    """Cells of one kind, and what `read.types` says of them."""
    kind = draw(
        st.sampled_from(["int", "float", "words", "texts", "flags", "marked", "code", "clock"])
    )
    size = {"min_size": 3, "max_size": 8}
    if kind == "int":
        cells = draw(st.lists(st.integers(-(10**20), 10**20).map(str), **size))
    elif kind == "float":
        numbers = st.floats(width=64, allow_nan=False).map(repr)
        cells = [each.replace(".", decimal) for each in draw(st.lists(numbers, **size))]
    elif kind == "words":
        cells = draw(st.lists(WORDS, **size))
    elif kind == "texts":
        cells = draw(st.lists(TEXTS, **size))
    elif kind == "code":
        cells = draw(st.lists(st.from_regex(r"0[0-9]{1,5}", fullmatch=True), **size))
    elif kind == "clock":
        spelled = st.from_regex(r"[0-9]{1,2}:[0-5][0-9](:[0-5][0-9])?( [AP]M)?", fullmatch=True)
        return draw(st.lists(spelled, **size)), "duration"
    elif kind == "flags":
        cells = draw(st.lists(st.sampled_from(["yes", "NO", "t", "False", "on", "0"]), **size))
        return cells, "boolean"
    else:
        swap = str.maketrans({",": thousands, ".": decimal})
        mark = draw(st.sampled_from(MARKED))
        numbers = st.from_regex(r"[0-9]{1,3}(,[0-9]{3}){0,2}(\.[0-9]{0,3})?", fullmatch=True)
        script = draw(st.sampled_from(SCRIPTS))
        found = draw(st.lists(numbers, **size))
        cells = [mark % each.translate(swap).translate(script) for each in found]
        return cells, "number"
    return cells, None


@st.composite
def tables(draw: Any) -> tuple[bytes, Read]:
    """A file, and how its pipeline file says that it is read."""
    decimal = draw(st.sampled_from([".", ","]))
    thousands = draw(st.sampled_from([","] if decimal == "." else [".", " ", "'"]))
    separator = draw(st.sampled_from([",", ";", "\t", "|"]))
    columns = [column(draw, decimal, thousands) for _ in range(draw(st.integers(1, 4)))]
    rows = min(len(cells) for cells, _ in columns)
    names = [f"c{position}" for position in range(len(columns))]
    written = []
    for cells, _ in columns:
        one = [draw(ABSENT) if draw(st.integers(0, 5)) == 0 else cell for cell in cells[:rows]]
        written.append([draw(SPACES) + cell + draw(SPACES) for cell in one])
    header = draw(st.booleans())
    file = io.StringIO(newline="")
    above = draw(st.sampled_from([0, 0, 2]))
    file.write("# a line\r\n" * above)
    writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL)
    units = header and draw(st.booleans())
    table = list(zip(*written, strict=True))
    writer.writerows(
        [*([names] if header else []), *([["mm"] * len(names)] if units else []), *table]
    )
    encoding = draw(st.sampled_from(["utf-8", "utf-16"]))
    read = Read(
        separator=separator,
        encoding=encoding,
        decimal=decimal,
        thousands=thousands,
        header=header,
        columns=None if header else names,
        skip_rows=above,
        units=units,
        infinite=draw(st.sampled_from(["keep", "missing"])),
        types={name: kind for name, (_, kind) in zip(names, columns, strict=True) if kind},
        missing=draw(st.sampled_from([[], ["?", "-"], {names[0]: [""]}])),
        rename={names[0]: "first"} if draw(st.booleans()) else {},
    )
    return file.getvalue().encode(encoding), read


class TestMarks:
    @pytest.mark.parametrize("marks", [{"thousands": "1"}, {"decimal": "0"}])
    def test_are_no_digits(self, marks: dict[str, str]) -> None:
        """A hundred ones would be read in more ways than can be tried."""
        with pytest.raises(ValueError, match="no digits"):
            Cells.of(marks)


class TestTheTrainingFile:
    @given(tables())
    def test_is_read_as_training_read_it(self, table: tuple[bytes, Read]) -> None:
        content, read = table
        try:
            trained(content, read)
        except BadData:
            event("refused")
            # A cell that is not what the file says: refused before anything is trained.
            return
        event("accepted")
        assert_served_as_trained(content, read)

    @pytest.mark.parametrize(
        ("text", "settings", "values"),
        [
            ("region\nEU\nNA\n", {}, ["EU", None]),
            ("region\nEU\nNA\n", {"missing": {"region": [""]}}, ["EU", "NA"]),
            ("zip\n01000\n20095\n", {}, ["01000", "20095"]),
            ("zip\n01000\n20095\n", {"types": {"zip": "number"}}, [1000, 20095]),
            ("n\n12\n13\n", {"types": {"n": "text"}}, ["12", "13"]),
            ("x\n−5\n3\n", {}, [-5, 3]),
            ('x\n"$1,234.5"\n"$-2"\n', {"types": {"x": "number"}, "thousands": ","}, [1234.5, -2]),
            ("x\n5 %\n7%\n", {"types": {"x": "number"}}, [5, 7]),
            ('x\n"(1,234)"\n5-\n7\n', {"types": {"x": "number"}, "thousands": ","},
             [-1234, -5, 7]),
            ("x\n٣٫٥\n٧\n", {"types": {"x": "number"}}, [3.5, 7]),
            ("x\n٣٫٥\n٧\n", {}, ["٣٫٥", "٧"]),
            ("x\n5 kg\n-7.5kg\n", {"types": {"x": "number"}}, [5, -7.5]),
            ("x\n8:05\n20:15\n", {"types": {"x": "duration"}}, [29100, 72900]),
            ("x,y\n1:00:05.5,1\n,2\n", {"types": {"x": "duration"}}, [3605.5, None]),
            ("x\n12:05 AM\n8:05 pm\n", {"types": {"x": "duration"}}, [300, 72300]),
            ("x\n1,5\n-2\n", {"decimal": ",", "separator": ";"}, [1.5, -2]),
            ("a\n bad\ngood \n", {}, ["bad", "good"]),
            ("a\nyes\nNO\n\n", {"types": {"a": "boolean"}}, [True, False]),
            ("a,b\nyes,1\nNO,2\n,3\n", {"types": {"a": "boolean"}}, [1, 0, None]),
            ("a,b\nTrue,1\nFalse,2\n,3\n", {}, [1, 0, None]),
            ("x,y\ninf,1\n2,1\n", {"infinite": "missing"}, [None, 2]),
            ("id\n12345678901234567890\n2\n", {}, ["12345678901234567890", "2"]),
            ("id,b\n9007199254740993,1\n,2\n", {}, ["9007199254740993", None]),
        ],
    )  # fmt: skip
    def test_of_each_kind(self, text: str, settings: dict[str, Any], values: list[Any]) -> None:
        read = Read(**settings)
        rows, _ = trained(text.encode(), read)
        first = rows.iloc[:, 0].astype(object)
        assert [None if value != value else value for value in first] == values
        assert_served_as_trained(text.encode(), read)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "settings", "message"),
        [
            ("x\n5\nunknown\n", {"types": {"x": "number"}},
             "Row 2, column 'x' of 'rows.csv' must be a number. Received: unknown. .*missing"),
            ("b\nyes\nperhaps\n", {"types": {"b": "boolean"}}, "Row 2.* true or false.*perhaps"),
            ("x\n5%\n0.07\n", {"types": {"x": "number"}}, "must carry one mark, or none"),
            ("x\n5 kg\n7\n", {"types": {"x": "number"}}, "must carry one mark, or none"),
            ("x\n5 kg\n7 g\n", {"types": {"x": "number"}}, "must carry one mark, or none"),
            ("x\n8:05\n20:75\n", {"types": {"x": "duration"}}, "Row 2.* such as 1:30:05.*20:75"),
            ("x\n8:05\n13:00 PM\n", {"types": {"x": "duration"}}, "Row 2.*13:00 PM"),
            ("x\n$5\n7 €\n", {"types": {"x": "number"}}, "must carry one mark, or none"),
            ('x\n"7,95"\n', {"types": {"x": "number"}, "thousands": ","}, "must be a number"),
            ("x\n5\n", {"types": {"y": "number"}}, "'source.read.types' names a column"),
            ("x\n5\n", {"missing": {"y": ["5"]}}, "'source.read.missing' names a column"),
            ("t\n2020-01-01\nsoon\n", {"times": {"t": "ISO8601"}}, "Row 2, column 't'.*soon"),
        ],
    )  # fmt: skip
    def test_name_row_and_key(self, text: str, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(BadData, match=message):
            trained(text.encode(), Read(**settings))

    def test_a_model_refuses_what_training_would_have_refused(self) -> None:
        _, reading = trained(b"b\nyes\nno\n", Read(types={"b": "boolean"}))
        with pytest.raises(BadRequest, match="Row 1, column 'b' must be true or false"):
            converted("b", {"type": "boolean"}, ["perhaps"], settled(reading, "b"))
        with pytest.raises(ValueError, match="perhaps"):
            flag("perhaps")


class TestOtherFiles:
    """Rows of today need not be laid out as the file of the training was."""

    def test_with_another_separator_and_without_lines_above(self) -> None:
        read = Read(separator=";", decimal=",", skip_rows=1, units=True)
        _, reading = trained(b"made by us\na;b\nmm;kg\n1,5;2\n", read)
        names, records = columns_of("a\tb\n1,5\t2\n", reading, ["a", "b"])
        assert (names, [record for record, _ in records]) == (["a", "b"], [["1,5", "2"]])

    def test_with_lines_drawn_between_its_rows(self) -> None:
        text = "|a|b|\n|---|:---:|\n|1|x|\n-------\n|---|y|\n"
        for names, rows in (
            columns_of(text, {"separator": "|"}, ["a", "b"]),
            streamed(iter(text.splitlines(keepends=True)), {"separator": "|"}, ["a", "b"]),
        ):
            kept = [row[0] if isinstance(row, tuple) else row for row in rows]
            assert (names[1:3], kept) == (["a", "b"], [["", "1", "x", ""], ["", "---", "y", ""]])
        # Where commas part them dashes are values.
        assert len(columns_of("a,b\n---,---\n", {}, ["a"])[1]) == 1

    def test_a_header_where_the_training_had_none(self) -> None:
        _, reading = trained(b"1,x\n2,y\n", Read(header=False, columns=["n", "kind"]))
        for text in ("1,x\n", "n,kind\n1,x\n"):
            names, records = columns_of(text, reading, ["n", "kind"])
            assert (names, [record for record, _ in records]) == (["n", "kind"], [["1", "x"]])


def test_only_what_differs_is_carried() -> None:
    assert Cells().as_json() == {}
    assert Cells.of(Cells(mark="$", thousands=",").as_json()) == Cells(mark="$", thousands=",")
    _, reading = trained(b"a,b\n1,x\n2,y\n", Read())
    assert reading == {"columns": {}}


class TestAStreamIsLaidOutAsTheFile:
    READING: ClassVar[dict[str, Any]] = {"separator": ";", "decimal": ",", "skip_rows": 1}

    @pytest.mark.parametrize(
        ("text", "rows"),
        [
            ("made today\nt;load\n1;2,5\n", [["1", "2,5"]]),
            ("t;load\n1;2,5\n\n2;3\n", [["1", "2,5"], ["2", "3"]]),
            ('t,load\n1,"2,5"\n', [["1", "2,5"]]),
        ],
    )
    def test_with_the_separator_and_the_lines_above(self, text: str, rows: list[list[str]]) -> None:
        names, found = streamed(iter(text.splitlines(True)), self.READING, ["load"])
        assert (names, list(found)) == (["t", "load"], rows)

    def test_without_a_header_where_the_training_had_none(self) -> None:
        reading = {"header": False, "names": ["t", "load"]}
        names, found = streamed(iter(["1,2\n", "2,3\n"]), reading, ["load"])
        assert (names, list(found)) == (["t", "load"], [["1", "2"], ["2", "3"]])

    def test_each_row_is_there_before_the_next(self) -> None:
        given: list[str] = []

        def lines() -> Iterator[str]:
            for line in ("t;load\n", "1;2\n", "2;3\n"):
                given.append(line)
                yield line

        _, rows = streamed(lines(), {"separator": ";"}, ["load"])
        assert next(rows) == ["1", "2"]
        assert len(given) == 2

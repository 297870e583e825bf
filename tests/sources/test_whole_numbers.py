"""Whole numbers keep every digit, whatever brings them and whether others are missing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.source import Source
from throughline.serving.rows.reading import read_columns
from throughline.serving.rows.values import converted, settled
from throughline.sources.cells import READING
from throughline.sources.registry import Surroundings, fetch
from throughline.sources.table import standardised

Values = list[int | None]
BEYOND = 2**53 + 1


def rows_of(values: Values) -> list[dict[str, Any]]:
    """Rows that lack the key where the value is missing."""
    return [{"b": i} | ({} if v is None else {"a": v}) for i, v in enumerate(values)]


def json_lines(path: Path, values: Values) -> dict[str, Any]:
    path = path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows_of(values))) + "\n")
    return {"file": path.name}


def json_list(path: Path, values: Values) -> dict[str, Any]:
    (path / "rows.json").write_text(json.dumps(rows_of(values)))
    return {"file": "rows.json"}


def json_columns(path: Path, values: Values) -> dict[str, Any]:
    (path / "rows.json").write_text(json.dumps({"b": list(range(len(values))), "a": values}))
    return {"file": "rows.json"}


def table(path: Path, values: Values) -> dict[str, Any]:
    columns = {"b": list(range(len(values))), "a": pa.array(values, pa.int64())}
    parquet.write_table(pa.table(columns), path / "rows.parquet")
    return {"file": "rows.parquet"}


def cells(path: Path, values: Values) -> dict[str, Any]:
    lines = [f"{i},{'' if v is None else v}" for i, v in enumerate(values)]
    (path / "rows.csv").write_text("\n".join(["b,a", *lines, ""]))
    return {"file": "rows.csv"}


def database(path: Path, values: Values) -> dict[str, Any]:
    with sqlite3.connect(path / "rows.db") as connection:
        connection.execute("create table t (b integer, a integer)")
        connection.executemany("insert into t values (?, ?)", enumerate(values))
    connection.close()
    return {"sql": "sqlite:///rows.db", "query": "select * from t order by b"}


def written(path: Path, values: Values) -> dict[str, Any]:
    return {"rows": {"b": list(range(len(values))), "a": values}}


SOURCES: dict[str, Callable[[Path, Values], dict[str, Any]]] = {
    each.__name__: each
    for each in (json_lines, json_list, json_columns, table, cells, database, written)
}
INTEGERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(2**53 - 3, 2**53 + 9),
    st.integers(-9, 9),
)
COLUMNS = st.lists(st.none() | INTEGERS, min_size=1, max_size=6).filter(any)


def fetched(source: dict[str, Any], folder: Path) -> tuple[list[Any], Any]:
    """The column as training has it, and how its cells are read."""
    found = fetch(Source(**source), Surroundings.of(folder))
    texts = Source(**source).read.text_columns
    column = standardised(found.frame, {}, texts, "the rows")["a"]
    return [None if v != v else v for v in column.tolist()], found.frame.attrs.get(READING, {})


@pytest.mark.parametrize("kind", SOURCES)
@given(values=COLUMNS)
def test_are_the_same_numbers_or_texts_of_them(kind: str, values: Values) -> None:
    with TemporaryDirectory() as folder:
        found, _ = fetched(SOURCES[kind](Path(folder), values), Path(folder))
    for value, got in zip(values, found, strict=True):
        assert got == (str(value) if isinstance(got, str) else value)
        assert got is None or isinstance(got, str) or int(got) == value
    assert len({type(got) for got in found} - {type(None)}) <= 1


@pytest.mark.parametrize("kind", sorted(set(SOURCES) - {"database", "written"}))
@given(values=COLUMNS)
def test_are_served_as_they_were_trained(kind: str, values: Values) -> None:
    """Beside a missing one 5 was trained as the text `5.0`, where a column is kept as texts."""
    with TemporaryDirectory() as folder:
        source = SOURCES[kind](Path(folder), values)
        found, reading = fetched({**source, "read": {"text_columns": ["a"]}}, Path(folder))
        if kind == "json_columns":
            json_list(Path(folder), values)
        raw = read_columns(Path(folder) / source["file"])["a"]
    served = converted("a", {"type": "string"}, raw, settled(reading, "a"))
    assert ["" if got is None else got for got in found] == served.tolist()


def test_beside_fractions_and_in_structures_too(tmp_path: Path) -> None:
    lines = [{"a": BEYOND, "b": {"id": BEYOND}, "c": [BEYOND]}, {"a": 1.5, "c": [1]}, {"b": {}}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    rows = standardised(
        fetch(Source(file="rows.jsonl"), Surroundings.of(tmp_path)).frame, {}, (), "the rows"
    )
    assert rows["a"].tolist()[:2] == [str(BEYOND), "1.5"]
    assert rows["b"].tolist()[0] == f'{{"id": {BEYOND}}}'
    assert rows["c"].tolist()[0] == [BEYOND]


def test_some_of_which_are_missing_are_numbers_still(tmp_path: Path) -> None:
    for make in SOURCES.values():
        found, _ = fetched(make(tmp_path, [3, None, 5]), tmp_path)
        assert found == [3.0, None, 5.0]
        assert isinstance(found[0], float)


def test_with_a_plus_are_numbers(tmp_path: Path) -> None:
    """They were texts, and a draft left them out as another value in nearly every row."""
    (tmp_path / "rows.csv").write_text("a,b\n+5,x\n-7,y\n")
    assert fetched({"file": "rows.csv"}, tmp_path)[0] == [5, -7]


def test_one_among_fractions_makes_the_column_texts(tmp_path: Path) -> None:
    """9007199254740993 beside 0.5 was 9007199254740992 without a word."""
    (tmp_path / "rows.csv").write_text(f"a,b\n0.5,1.5\n{BEYOND},{BEYOND - 1}\n")
    frame = fetch(Source(file="rows.csv"), Surroundings.of(tmp_path)).frame
    found = standardised(frame, {}, (), "rows.csv")
    assert found["a"].tolist() == ["0.5", str(BEYOND)]
    assert found["b"].tolist() == [1.5, float(BEYOND - 1)]


@pytest.mark.parametrize("kind", ["numeric", "integer"])
def test_one_of_an_arff_file_that_its_reader_changes_is_refused(tmp_path: Path, kind: str) -> None:
    text = "@relation r\n@attribute a {}\n@attribute b string\n@data\n{},{}\n"
    (tmp_path / "rows.arff").write_text(text.format(kind, BEYOND, BEYOND))
    with pytest.raises(BadData, match=rf"{BEYOND}\. Declare its attribute as string"):
        fetch(Source(file="rows.arff"), Surroundings.of(tmp_path))
    (tmp_path / "rows.arff").write_text(text.format(kind, BEYOND - 1, BEYOND + 200))
    frame = fetch(Source(file="rows.arff"), Surroundings.of(tmp_path)).frame
    assert frame.to_numpy().tolist() == [[BEYOND - 1, str(BEYOND + 200)]]

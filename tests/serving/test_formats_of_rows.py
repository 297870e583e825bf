"""Rows of any format get the same answers, in any format, with what was asked for beside them."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.cli import main
from throughline.serving.errors import BadRequest
from throughline.serving.ranges import outside
from throughline.serving.rows.reading import read_columns
from throughline.serving.rows.writing import write

ROWS: list[dict[str, Any]] = [
    {"id": "a1", "age": 30.0, "town": "a", "grade": "low", "member": True},
    {"id": "b2", "age": 60.0, "town": "b", "grade": "high", "member": False},
    {"id": "c3", "age": 99.0, "town": "z", "grade": "low", "member": True},
]


def as_csv() -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(ROWS[0]))
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


def as_json_lines() -> bytes:
    return "\n".join(map(json.dumps, ROWS)).encode()


def as_json() -> bytes:
    return json.dumps(ROWS, indent=1).encode()


def as_parquet() -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue()


FORMATS = {
    "rows.csv": as_csv, "rows.jsonl": as_json_lines, "rows.json": as_json,
    "rows.parquet": as_parquet,
}  # fmt: skip


@pytest.fixture(scope="module")
def ranged(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model, which also knows what values its training had."""
    model = onnx.load(model_path)
    (entry,) = [each for each in model.metadata_props if each.key == "throughline"]
    known = json.loads(entry.value)
    for column in known["inputs"]:
        column |= {
            "age": {"min": 20.0, "max": 60.0},
            "town": {"categories": {"a": 0.5, "b": 0.5}},
        }.get(column["name"], {})
    entry.value = json.dumps(known)
    path = tmp_path_factory.mktemp("ranged") / "model.onnx"
    onnx.save(model, path)
    return path


def answered(capsys: Any, *words: str | Path, code: int = 0) -> list[list[str]]:
    assert main(["predict", *map(str, words)]) == code
    return list(csv.reader(io.StringIO(capsys.readouterr().out)))


class TestRows:
    @pytest.mark.parametrize("name", FORMATS)
    def test_of_a_file_or_the_standard_input(
        self, name: str, model_path: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
    ) -> None:
        (tmp_path / "plain.csv").write_bytes(as_csv())
        (tmp_path / name).write_bytes(FORMATS[name]())
        wanted = answered(capsys, model_path, tmp_path / "plain.csv")
        assert wanted[0] == ["probability[yes]", "label"] and len(wanted) == 4
        assert answered(capsys, model_path, tmp_path / name) == wanted
        piped = io.TextIOWrapper(io.BytesIO(FORMATS[name]()))
        monkeypatch.setattr(sys, "stdin", piped)
        assert answered(capsys, model_path, "-") == wanted

    def test_a_key_that_an_object_has_twice_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text('{"a": 1}\n{"a": 1, "a": 2}\n')
        with pytest.raises(BadRequest, match=r"line 2 must have each key once.*'a' twice"):
            read_columns(tmp_path / "a.jsonl")

    def test_a_name_that_a_line_lacks_is_missing(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n{"b": null, "a": "x"}\n')
        assert read_columns(tmp_path / "a.jsonl") == {"a": [1, "x"], "b": [None, None]}

    def test_have_the_names_of_the_training(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text('{"Age (y)": 1}')
        reading = {"rename": {"Age (y)": "age"}}
        assert read_columns(tmp_path / "a.jsonl", reading, ["age"]) == {"age": [1]}

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.jsonl", "", "must hold a JSON object a line. Received: none"),
            ("a.jsonl", "1\n", "line 1 must be one JSON object. Received: 1"),
            ("a.jsonl", '{"a": 1}\n{"a": \n', "line 2 must be one JSON object: Expecting value"),
            ("a.jsonl", '{"a": [1]}\n', "line 1, column 'a' must be a text, a number"),
            ("a.json", "[1]", "row 1 must be one JSON object. Received: 1"),
            ("a.parquet", "PAR1", "must be a sound Parquet file"),
        ],
    )
    def test_that_are_none_are_told(
        self, name: str, content: str, words: str, tmp_path: Path
    ) -> None:
        (tmp_path / name).write_text(content)
        with pytest.raises(BadRequest) as caught:
            read_columns(tmp_path / name)
        assert words in str(caught.value) and "\n" not in str(caught.value)

    def test_may_be_called_as_another_format(self, tmp_path: Path) -> None:
        """Training takes Parquet by its first bytes; `predict` refused the same file as no text."""
        (tmp_path / "rows.csv").write_bytes(as_parquet())
        assert read_columns(tmp_path / "rows.csv")["id"] == ["a1", "b2", "c3"]
        (tmp_path / "rows.log").write_bytes(as_json_lines())
        assert read_columns(tmp_path / "rows.log")["age"] == [30.0, 60.0, 99.0]

    def test_may_hold_objects_and_lists_beside_what_the_model_takes(self, tmp_path: Path) -> None:
        file = tmp_path / "rows.jsonl"
        file.write_text('{"a": 1, "user": {"age": 30}, "tags": ["x"]}\n{"a": 2, "user": null}\n')
        found = read_columns(file, {}, ["a", "user"])
        # As training has it, from JSON and from Parquet.
        assert found == {"a": [1, 2], "user": ['{"age": 30}', None], "tags": ['["x"]', None]}
        with pytest.raises(BadRequest, match="column 'tags' must be a text"):
            read_columns(file, {}, ["tags"])
        with pytest.raises(BadRequest, match="column 'tags' must be a text"):
            read_columns(file, {"rename": {"tags": "words"}}, ["words"])

    def test_may_be_one_object_of_columns(self, tmp_path: Path) -> None:
        (tmp_path / "rows.json").write_text('{"a": [1, 2],\n "b": ["x", null]}')
        found = read_columns(tmp_path / "rows.json", {}, ["a"])
        assert found == {"a": [1, 2], "b": ["x", None]}

    def test_of_parquet_without_its_library(self, tmp_path: Path, monkeypatch: Any) -> None:
        (tmp_path / "a.parquet").write_bytes(as_parquet())
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(BadRequest, match="pip install pyarrow"):
            read_columns(tmp_path / "a.parquet")
        with pytest.raises(BadRequest, match="pip install pyarrow"):
            write(["a"], [[1]], tmp_path / "b.parquet")


class TestAnswers:
    @pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
    def test_are_written_as_the_ending_says(
        self, name: str, ranged: Path, tmp_path: Path, capsys: Any
    ) -> None:
        (tmp_path / "rows.csv").write_bytes(as_csv())
        output = tmp_path / name
        words = [str(ranged), str(tmp_path / "rows.csv"), "--keep", "id", "-o", str(output)]
        assert main(["predict", *words]) == 0
        header, *lines = answered(capsys, *words[:4])
        found = read_columns(output)
        assert list(found) == header == ["id", "probability[yes]", "label", "outside_training"]
        assert [list(map(str, line)) for line in zip(*found.values(), strict=True)] == lines

    @given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.floats())))
    def test_come_back_from_json_lines(self, rows: list[tuple[str, float]]) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.jsonl"
            write(["text", "number"], rows, path)
            found = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
        assert [row["text"] for row in found] == [text for text, _ in rows]
        wanted = [number if np.isfinite(number) else None for _, number in rows]
        assert [row["number"] for row in found] == wanted

    @pytest.mark.parametrize(
        ("output", "words"),
        [("out.xlsx", "must end in one of .csv"), ("gone/out.csv", "There is no folder")],
    )
    def test_that_cannot_be_written_are_refused_at_once(
        self, output: str, words: str, tmp_path: Path, capsys: Any
    ) -> None:
        command = ["predict", "no-model.onnx", "no-rows.csv", "-o", str(tmp_path / output)]
        assert main(command) == 2
        assert words in capsys.readouterr().err


class TestWhatIsKept:
    def test_stands_before_the_answers(self, model_path: Path, tmp_path: Path, capsys: Any) -> None:
        (tmp_path / "rows.jsonl").write_bytes(as_json_lines())
        words = ("--keep", "id", "--keep", "age")
        header, *lines = answered(capsys, model_path, tmp_path / "rows.jsonl", *words)
        assert header == ["id", "age", "probability[yes]", "label"]
        assert [line[:2] for line in lines] == [["a1", "30.0"], ["b2", "60.0"], ["c3", "99.0"]]

    @pytest.mark.parametrize(
        ("name", "words"), [("agee", "Did you mean 'age'?"), ("label", "no column of the answers")]
    )
    def test_must_be_there_and_no_answer(
        self, name: str, words: str, model_path: Path, tmp_path: Path, capsys: Any
    ) -> None:
        rows = [{**row, "label": 1} for row in ROWS]
        (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
        command = ["predict", str(model_path), str(tmp_path / "rows.jsonl"), "--keep", name]
        assert main(command) == 2
        assert words in capsys.readouterr().err


class TestRanges:
    def test_rows_outside_are_marked(self, ranged: Path, tmp_path: Path, capsys: Any) -> None:
        (tmp_path / "rows.csv").write_bytes(as_csv())
        header, *lines = answered(capsys, ranged, tmp_path / "rows.csv")
        assert header[-1] == "outside_training"
        assert [line[-1] for line in lines] == ["", "", "age town"]

    def test_strict_refuses_them(self, ranged: Path, tmp_path: Path, capsys: Any) -> None:
        (tmp_path / "rows.csv").write_bytes(as_csv())
        output = tmp_path / "out.csv"
        command = ["predict", str(ranged), str(tmp_path / "rows.csv"), "--strict"]
        assert main([*command, "-o", str(output)]) == 2
        assert "1 of 3 outside, the first is number 3, column age town" in capsys.readouterr().err
        assert not output.exists()
        inside = as_csv().splitlines(keepends=True)[:3]
        (tmp_path / "rows.csv").write_bytes(b"".join(inside))
        assert main(command) == 0

    @given(st.lists(st.floats(-1e30, 1e30), min_size=1))
    def test_no_value_of_the_training_is_outside(self, values: list[float]) -> None:
        entry = {"type": "number", "min": min(values), "max": max(values)}
        assert not outside(entry, np.array(values, np.float32)).any()


class TestOutputs:
    def test_a_device_stays_one(self, tmp_path: Path) -> None:
        """A file took the place of /dev/null."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        held = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        write(["x"], [[1]], pipe)
        assert os.read(held, 100) == b"x\n1\n" and not pipe.is_file()
        os.close(held)

    def test_a_folder_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(BadRequest, match="must be a file"):
            write(["x"], [[1]], tmp_path)
        assert not list(tmp_path.parent.glob("*.draft"))

    def test_nothing_is_left_of_one_that_failed(self, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError):
            write(["x"], ([1 // (1 - i)] for i in range(3)), tmp_path / "a.csv")
        assert not list(tmp_path.iterdir())


class TestHeaders:
    def test_of_100_000_columns_are_compared_once(self, tmp_path: Path) -> None:
        """Each was counted among all: 13 s for 20,000."""
        file = tmp_path / "wide.csv"
        file.write_text(",".join(f"c{i}" for i in range(100_000)) + "\n" + ",1" * 99_999 + "\n")
        begun = process_time()
        assert len(read_columns(file)) == 100_000
        assert process_time() - begun < 20

"""Large files are split by Arrow and answered many chunks a call, and get the same answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.cli import main
from throughline.serving import bounds
from throughline.serving.bounds import Bounded, stranger
from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor
from throughline.serving.rows import reading
from throughline.serving.rows.cells import Cells
from throughline.serving.rows.reading import read_columns
from throughline.serving.rows.split import Texts
from throughline.serving.rows.values import converted

NUMBER = {"type": "number", "may_be_missing": True}
CELL = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.integers(-9, 10**18).map(str),
    st.text(st.sampled_from("0157.-+eE_ "), max_size=6),
    st.sampled_from(["", "NA", "nan", "007", "1e400", "−1", "1,5", "inf"]),
)
LAYOUTS: list[dict[str, Any]] = [
    {},
    {"decimal": ",", "separator": ";"},
    {"missing": ["", "-9"]},
    {"units": ["m", "s"]},
    {"header": False, "names": ["p", "q"]},
    {"footer": ["Sum"], "skip_footer": 1},
    {"skip_rows": 1},
]


def answer(file: Path, layout: dict[str, Any], cells: Cells) -> Any:
    """What the columns of a file are as numbers, or what is said of it."""
    try:
        columns = read_columns(file, layout, ["p", "q"])
        found = [converted(name, NUMBER, columns[name], cells) for name in ("p", "q")]
    except (BadRequest, KeyError) as error:
        return str(error)
    return [values.tobytes() for values in found], {k: list(v) for k, v in columns.items()}


@given(
    rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5),
    layout=st.sampled_from(LAYOUTS),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_are_read_the_same(
    rows: list[tuple[str, str]], layout: dict[str, Any], end: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    file = tmp_path_factory.getbasetemp() / "large.csv"
    separator = layout.get("separator", ",")
    above = ["# a note"] * layout.get("skip_rows", 0)
    names = [] if layout.get("header") is False else ["p" + separator + "q"]
    lines = [*above, *names, *(separator.join(row) for row in rows)]
    file.write_bytes(end.join([*lines, ""]).encode())
    cells = Cells.of(layout)
    one_by_one = answer(file, layout, cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "LARGE", 0)
        assert answer(file, layout, cells) == one_by_one


def test_cells_are_texts_only_while_somebody_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGE", 0)
    (tmp_path / "rows.csv").write_text("p,q\n1,a\n2,b\n")
    columns = read_columns(tmp_path / "rows.csv")
    assert isinstance(columns["p"], Texts)
    assert (len(columns["q"]), columns["q"][1], columns["q"][0:1]) == (2, "b", ["a"])
    assert list(columns["q"]) == ["a", "b"]


def test_without_arrow_they_are_read_record_by_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGE", 0)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "rows.csv").write_text("p,q\n1,a\n2,b\n")
    assert read_columns(tmp_path / "rows.csv") == {"p": ["1", "2"], "q": ["a", "b"]}


def test_a_file_has_the_same_answers_with_columns_beside_them(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{place},{place % 90},a,low,true\n" for place in range(300))
    (tmp_path / "rows.csv").write_text("id,age,town,grade,member\n" + rows)
    command = ["predict", str(model_path), str(tmp_path / "rows.csv"), "--keep", "id", "-o"]
    assert main([*command, str(tmp_path / "small.csv")]) == 0
    monkeypatch.setattr(reading, "LARGE", 0)
    assert main([*command, str(tmp_path / "large.csv")]) == 0
    answers = (tmp_path / "large.csv").read_text()
    assert answers == (tmp_path / "small.csv").read_text()
    assert len(answers.splitlines()) == 301


@pytest.mark.parametrize("apart", [False, True])
def test_many_chunks_a_call_have_the_answers_of_single_ones(
    apart: bool, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: dict[str, list[Any]] = {
        "age": np.linspace(0, 90, 1000).tolist(),
        "town": ["a", "b"] * 500,
        "grade": ["low"] * 1000,
        "member": [True, False] * 500,
    }
    calls: list[int | None] = []
    asked = Bounded.run

    def counted(self: Bounded, names: Any, feed: Any, chunk: int | None = None) -> Any:
        calls.append(chunk)
        return asked(self, names, feed, chunk)

    monkeypatch.setattr(Bounded, "run", counted)

    def answered() -> dict[str, np.ndarray]:
        calls.clear()
        if not apart:
            return Predictor(model_path).predict(rows)
        with stranger(model_path):
            return Predictor(model_path).predict(rows)

    together = answered()
    assert len(calls) < 4 and 64 in calls
    monkeypatch.setattr(bounds, "MOST_CHUNKS", 1)
    singly = answered()
    assert len(calls) == 16
    assert set(together) == set(singly)
    for name, values in together.items():
        assert values.tolist() == singly[name].tolist()

"""A kind of column is one class: what fits, writes, names features and describes asks it alone."""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import throughline
from throughline.pipeline.schema.columns import Column, Encode
from throughline.preprocessing.columns import kind
from throughline.preprocessing.columns.kind import FittedColumn, Given, OwnInput, kind_of_column
from throughline.preprocessing.contract import contract
from throughline.preprocessing.fit import fit
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.plan import Planned, plan

ROWS = pd.DataFrame({"word": ["a", "b", "a"], "size": [1.0, 2.0, 3.0]})


@dataclass(frozen=True)
class FittedSame(FittedColumn):
    """Whether a text is the first one of the training rows."""

    name: str
    first: str
    alone: bool = False

    @classmethod
    def fit(cls, planned: Planned, given: Given) -> FittedSame:
        return cls(planned.name, given.values(planned, object)[0])

    @classmethod
    def may_be_missing(cls, column: Column) -> bool:
        return True

    @classmethod
    def described(cls, values: pd.Series, kind: str, column: Column) -> dict[str, object]:
        return {"kind of values": kind}

    @property
    def features(self) -> list[str]:
        return [f"{self.name} is {self.first}"]

    @property
    def own_input(self) -> OwnInput | None:
        return OwnInput("Words", "the words") if self.alone else None

    def write(self, graph: Graph, value: str) -> str:
        same = graph.node("Equal", [value, graph.constant(self.first, "first", str)], "same")
        return graph.node("Cast", [same], "number", to=1)


class TestKinds:
    @pytest.mark.parametrize("encoding", typing.get_args(Encode.model_fields["kind"].annotation))
    def test_every_encoding_of_the_schema_has_a_class(self, encoding: str) -> None:
        settings = {"ordinal": {"categories": ["a"]}, "hash": {"buckets": 2}, "ids": {"size": 3}}
        encode = Encode(kind=encoding, **settings.get(encoding, {}))
        found = kind_of_column(Column(encode=encode))
        assert found is not kind_of_column(Column())
        assert f"encode.{encoding}" in kind._registered()

    def test_a_kind_of_ones_own_is_asked_for_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kind._registered()
        monkeypatch.setitem(kind._KINDS, "encode.boolean", FittedSame)
        columns = {"word": Column.model_validate({"encode": "boolean"}), "size": Column()}
        planned = plan(ROWS, columns, None, [])
        fitted = fit(ROWS, planned)
        assert fitted.features == {"features": ["word is a", "size"]}
        arrays = run(fitted.graph, ROWS, fitted.inputs, fitted.types)
        np.testing.assert_array_equal(arrays["features"], [[1, 1], [0, 2], [1, 3]])
        word, size = contract(ROWS, planned)
        assert word["may_be_missing"] and word["kind of values"] == "string"
        assert not size["may_be_missing"]

    def test_the_inputs_of_a_network_are_one_record_each(self) -> None:
        columns = {
            "word": Column.model_validate({"encode": {"ids": {"size": 3}}}),
            "size": Column(),
        }
        fitted = fit(ROWS, plan(ROWS, columns, {"a": ["word"], "b": ["size"]}, []))
        assert {name: (each.column, each.type) for name, each in fitted.network.items()} == {
            "a": ("word", "int32"),
            "b": ("size", "float32"),
        }


def test_tables_carry_nothing_hidden_into_preprocessing() -> None:
    """Paths once went along in `DataFrame.attrs`; only sources say there how a file was read."""
    code = Path(throughline.__file__).parent
    readers = {"sources", "profile", "drift", "stages"}
    found = {
        path.relative_to(code).as_posix()
        for path in code.rglob("*.py")
        if re.search(r"\.attrs\b", path.read_text(encoding="utf-8"))
        if path.relative_to(code).parts[0] not in readers
    }
    assert found == set()

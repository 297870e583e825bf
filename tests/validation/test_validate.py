"""Rows that break a rule stop the stage, are set aside, or are reported, as the file says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.validation.conftest import Validate
from throughline.errors import BadData, BadPipeline, MissingFile
from throughline.paths import Workspace, read_json
from throughline.validation.expectations import verdicts

ROWS = pd.DataFrame(
    {
        "age": [31.0, -4.0, 52.0, np.nan, 130.0, 44.0, 28.0, 61.0, 19.0, 35.0],
        "town": ["Bonn", "Köln", "Bonn", "<Ulm>", "Bonn", "Köln", "Bonn", "Köln", "Bonn", "Bonn"],
    }
)
AGE = {"expect_column_values_to_be_between": {"column": "age", "min_value": 0, "max_value": 120}}
TOWN = {"expect_column_values_to_be_in_set": {"column": "town", "value_set": ["Bonn", "Köln"]}}
COUNT = {"expect_table_row_count_to_equal": {"value": 11}}


def clean(workspace: Workspace) -> pd.DataFrame:
    return pd.read_parquet(workspace.clean / "rows.parquet")


def quarantine(workspace: Workspace) -> pd.DataFrame:
    return pd.read_parquet(workspace.clean / "quarantine.parquet")


def report(workspace: Workspace) -> dict[str, Any]:
    content: dict[str, Any] = read_json(workspace.validation_report / "validation.json")
    return content


class TestStop:
    def test_names_rule_column_row_and_value(self, judged: Validate, tmp_path: Path) -> None:
        message = r"rules\[0\] \(expect_column_values_.*\) of age .*2 rows, first row 1 with -4"
        with pytest.raises(BadData, match=message):
            judged(ROWS, rules=[AGE])
        workspace = Workspace(tmp_path, "trial")
        assert not workspace.clean.exists()
        assert report(workspace)["stopped"]

    def test_a_rule_about_the_table(self, judged: Validate) -> None:
        with pytest.raises(BadData, match=r"expect_table_row_count_to_equal.*Received: 10"):
            judged(ROWS, rules=[COUNT])

    def test_nothing_is_refused_when_all_holds(self, judged: Validate) -> None:
        workspace = judged(ROWS, rules=[{"expect_column_to_exist": {"column": "age"}}])
        assert clean(workspace).equals(pd.read_parquet(workspace.raw / "rows.parquet"))
        assert list(quarantine(workspace).columns) == ["row", "column", "rule", "number", "value"]
        assert len(quarantine(workspace)) == 0


class TestQuarantine:
    def test_sets_bad_rows_aside_with_the_reason(self, judged: Validate) -> None:
        workspace = judged(ROWS, rules=[AGE, TOWN], on_failure="quarantine", limit=0.5)
        entries = quarantine(workspace)[["row", "column", "number", "value"]].to_numpy().tolist()
        assert entries == [
            [1, "age", 0, "-4.0"],
            [3, "town", 1, "<Ulm>"],
            [4, "age", 0, "130.0"],
        ]
        assert clean(workspace)["age"].tolist() == [31, 52, 44, 28, 61, 19, 35]

    def test_a_row_that_breaks_two_rules_has_two_entries(self, judged: Validate) -> None:
        rows = pd.DataFrame({"a": [1.0, 2.0, -9.0], "b": [1.0, 2.0, -9.0]})
        rules = [
            {"expect_column_values_to_be_between": {"column": name, "min_value": 0}}
            for name in ("a", "b")
        ]
        workspace = judged(rows, rules=rules, on_failure="quarantine", limit=0.5)
        assert quarantine(workspace)["column"].tolist() == ["a", "b"]
        assert len(clean(workspace)) == 2

    def test_too_many_are_refused(self, judged: Validate) -> None:
        with pytest.raises(BadData, match=r"At most 10.0%.*2 of 10 rows \(20.0%\)"):
            judged(ROWS, rules=[AGE], on_failure="quarantine", limit=0.1)

    def test_a_rule_about_the_table_still_stops(self, judged: Validate) -> None:
        with pytest.raises(BadData, match="row_count"):
            judged(ROWS, rules=[COUNT], on_failure="quarantine")

    def test_mostly_keeps_the_rows(self, judged: Validate) -> None:
        ((name, arguments),) = AGE.items()
        rule = {name: {**arguments, "mostly": 0.7}}
        workspace = judged(ROWS, rules=[rule], on_failure="quarantine")
        assert len(clean(workspace)) == 10

    def test_rules_about_several_columns(self, judged: Validate) -> None:
        rows = pd.DataFrame({"a": [1, 2, 1], "b": ["x", "y", "x"], "c": [0, 5, 0]})
        pair = {"column_A": "a", "column_B": "c"}
        rules = [
            {"expect_compound_columns_to_be_unique": {"column_list": ["a", "b"]}},
            {"expect_column_pair_values_a_to_be_greater_than_b": pair},
        ]
        workspace = judged(rows, rules=rules, on_failure="quarantine", limit=1)
        assert quarantine(workspace)["row"].tolist() == [0, 1, 2]
        assert quarantine(workspace)["value"].tolist() == ["1 | x", "2 | 5", "1 | x"]


class TestWarn:
    def test_keeps_every_row_and_says_so(self, judged: Validate) -> None:
        workspace = judged(ROWS, rules=[AGE, COUNT], on_failure="warn")
        assert len(clean(workspace)) == 10
        found = report(workspace)
        assert not found["passed"]
        assert not found["stopped"]
        assert [rule["broken_by"] for rule in found["rules"]] == [2, 0]
        assert found["rules"][1]["observed"] == 10


class TestProfiles:
    """Rules about arrays and texts speak of numbers that stand for them."""

    def test_arrays(self, judged: Validate) -> None:
        rows = pd.DataFrame({"x": [np.array([0, 255]), np.array([1, 300])], "y": [0, 1]})
        rule = {"expect_column_values_to_be_between": {"column": "x.max", "max_value": 255}}
        workspace = judged(rows, rules=[rule], on_failure="quarantine", limit=0.5)
        assert quarantine(workspace)["row"].tolist() == [1]
        assert list(clean(workspace).columns) == ["x", "y"]

    def test_are_no_columns_of_the_table(self, judged: Validate) -> None:
        rows = pd.DataFrame({"text": ["a b c", "d e"], "y": [0, 1]})
        rules = [
            {"expect_column_values_to_be_between": {"column": "text.words", "min_value": 3}},
            {"expect_table_columns_to_match_set": {"column_set": ["text", "y"]}},
            {"expect_table_column_count_to_equal": {"value": 2}},
        ]
        found = report(judged(rows, rules=rules, on_failure="warn"))["rules"]
        assert [rule["passed"] for rule in found] == [False, True, True]
        assert found[0]["examples"] == [{"row": 1, "value": "2"}]

    def test_texts(self, judged: Validate) -> None:
        rows = pd.DataFrame({"text": ["a b c", ""]})
        rule = {"expect_column_values_to_be_between": {"column": "text.words", "min_value": 1}}
        with pytest.raises(BadData, match="first row 1 with 0"):
            judged(rows, rules=[rule])


class TestMistakes:
    def test_an_unknown_column(self, judged: Validate) -> None:
        rule = {"expect_column_values_to_not_be_null": {"column": "aeg"}}
        with pytest.raises(BadData, match=r"Received: aeg. Did you mean 'age'"):
            judged(ROWS, rules=[rule])

    def test_an_impossible_argument(self, judged: Validate) -> None:
        rule = {"expect_column_values_to_be_between": {"column": "age", "min_value": "many"}}
        with pytest.raises(BadPipeline, match=r"rules\[0\].*min_value"):
            judged(ROWS, rules=[rule])

    def test_a_rule_that_cannot_be_computed(self, judged: Validate) -> None:
        rule = {"expect_column_values_to_be_between": {"column": "town", "min_value": 3}}
        with pytest.raises(BadPipeline, match="must be computable"):
            judged(ROWS, rules=[rule])

    def test_ingest_has_not_run(self, judged: Validate, tmp_path: Path) -> None:
        workspace = judged(ROWS)
        (workspace.raw / "rows.parquet").unlink()
        from types import SimpleNamespace

        from throughline.pipeline.schema.expectations import Expectations
        from throughline.stages.given import StageInput
        from throughline.stages.validate import validate

        view = SimpleNamespace(expectations=Expectations())
        with pytest.raises(MissingFile, match="stage 'ingest'"):
            validate(StageInput("t", {"main": view}, {"main": "main"}, {}, {}), workspace)


class TestReport:
    def test_opens_offline_and_escapes_the_data(self, judged: Validate) -> None:
        workspace = judged(ROWS, rules=[TOWN], on_failure="warn")
        page = (workspace.validation_report / "validation.html").read_text(encoding="utf-8")
        assert "&lt;Ulm&gt;" in page
        assert "<Ulm>" not in page
        assert not re.search(r"src=|href=\"(?!#|\.\./)|https?://|<script", page)

    def test_same_rows_same_bytes(self, judged: Validate) -> None:
        digests = []
        for _ in range(2):
            workspace = judged(ROWS, rules=[AGE, TOWN], on_failure="quarantine", limit=0.5)
            files = [*workspace.clean.iterdir(), *workspace.validation_report.iterdir()]
            digests.append({f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files})
        assert digests[0] == digests[1]

    def test_a_numpy_answer_is_json(self, judged: Validate) -> None:
        ranges = {"quantiles": [0.5], "value_ranges": [[0, 100]]}
        rule = {
            "expect_column_quantile_values_to_be_between": {
                "column": "age", "quantile_ranges": ranges,
            }
        }  # fmt: skip
        assert report(judged(ROWS, rules=[rule]))["rules"][0]["observed"]["quantiles"] == [0.5]


def test_columns_that_differ_in_capitals_are_judged_apart() -> None:
    """Great Expectations takes the one for the other."""
    rows = pd.DataFrame({"x": [1, 2, 3], "X": [10, 20, 30], "y": [0, 1, 0]})

    def between(column: str, most: int) -> dict[str, dict[str, Any]]:
        bounds = {"column": column, "min_value": 0, "max_value": most}
        return {"expect_column_values_to_be_between": bounds}

    greater = {"column_A": "X", "column_B": "x"}
    rules = [
        between("x", 5), between("X", 50), between("X", 15), between("y", 1),
        {"expect_column_pair_values_a_to_be_greater_than_b": greater},
        {"expect_table_columns_to_match_set": {"column_set": ["x", "X", "y"]}},
    ]  # fmt: skip
    found = verdicts(rows, rules)
    assert [each.passed for each in found] == [True, True, False, True, True, True]
    assert found[2].rows == (1, 2) and found[2].columns == ("X",)

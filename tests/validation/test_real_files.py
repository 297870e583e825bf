"""What the texts say of their data holds of the real files, stated as rules; and it is fast."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.config.source import Read
from tasks.errors import BadData
from tasks.sources.formats.reading import read_table
from tasks.validation.expectations import verdicts
from tasks.workspace import read_json
from tests.validation.conftest import Validate

MIRROR = Path(os.environ.get("THROUGHLINE_MIRROR", "/nowhere"))
BETWEEN = "expect_column_values_to_be_between"
COUNT = "expect_table_row_count_to_equal"
PRESENT = "expect_column_proportion_of_non_null_values_to_be_between"
EXACTLY = "expect_column_distinct_values_to_equal_set"


def mirrored(name: str, **read: Any) -> pd.DataFrame:
    path = MIRROR / name
    if not path.exists():
        pytest.skip(f"THROUGHLINE_MIRROR has no {name}")
    return read_table(path, path.name, Read(**read))[0]


def share(present: int, rows: int) -> dict[str, float]:
    """An exact count of values that are present, as bounds of their share."""
    return {"min_value": (present - 0.5) / rows, "max_value": (present + 0.5) / rows}


class TestStatements:
    def test_titanic(self, judged: Validate) -> None:
        rows = mirrored("ztdl_video/titanic-train.csv")
        judged(
            rows,
            rules=[
                {COUNT: {"value": 891}},
                {PRESENT: {"column": "Age", **share(891 - 177, 891)}},
                {PRESENT: {"column": "Cabin", **share(891 - 687, 891)}},
                {PRESENT: {"column": "Embarked", **share(891 - 2, 891)}},
                {EXACTLY: {"column": "Embarked", "value_set": ["S", "C", "Q"]}},
                {EXACTLY: {"column": "Survived", "value_set": [0, 1]}},
            ],
        )

    def test_pima_zeros_are_missing_values(self, judged: Validate) -> None:
        rows = mirrored("ztdl_video/diabetes.csv")
        columns = ("Glucose", "BloodPressure", "SkinThickness", "Insulin", "BMI")
        rules = [{BETWEEN: {"column": name, "min_value": 1}} for name in columns]
        workspace = judged(rows, rules=rules, on_failure="warn")
        report = read_json(workspace.validation_report / "validation.json")
        assert [rule["broken_by"] for rule in report["rules"]] == [5, 35, 227, 374, 11]

    def test_wifi_has_four_rooms_of_500(self, judged: Validate) -> None:
        rows = mirrored("ztdl_bootcamp/wifi_location.csv")
        rooms = [
            {COUNT: {"value": 500, "row_condition": f"location=={room}",
                     "condition_parser": "pandas"}}
            for room in range(4)
        ]  # fmt: skip
        judged(rows, rules=[{COUNT: {"value": 2000}}, *rooms])

    def test_digits_lie_between_0_and_16(self, judged: Validate) -> None:
        from sklearn.datasets import load_digits

        bundle = load_digits(as_frame=True)
        rules = [
            {BETWEEN: {"column": name, "min_value": 0, "max_value": 16}} for name in bundle.data
        ]
        target = {EXACTLY: {"column": "target", "value_set": list(range(10))}}
        judged(bundle.frame, rules=[*rules, target, {COUNT: {"value": 1797}}])

    @pytest.mark.slow
    def test_mnist(self, judged: Validate) -> None:
        rows = mirrored("mnist/mnist.npz")
        judged(
            rows,
            rules=[
                {COUNT: {"value": 70_000}},
                {BETWEEN: {"column": "x.length", "min_value": 784, "max_value": 784}},
                {BETWEEN: {"column": "x.min", "min_value": 0, "max_value": 0}},
                {BETWEEN: {"column": "x.max", "min_value": 1, "max_value": 255}},
                {EXACTLY: {"column": "y", "value_set": list(range(10))}},
            ],
        )

    def test_reviews_without_a_verdict_are_set_aside(self, judged: Validate) -> None:
        rows = mirrored("ztdl_bootcamp/rt_critics.csv.gz")
        rule = {
            "expect_column_values_to_be_in_set": {
                "column": "fresh", "value_set": ["fresh", "rotten"],
            }
        }  # fmt: skip
        workspace = judged(rows, rules=[rule], on_failure="quarantine")
        assert len(pd.read_parquet(workspace.clean / "rows.parquet")) == 14_072 - 23

    def test_load_has_doubled_hours(self, judged: Validate) -> None:
        rows = mirrored("energy/AEP_hourly.csv.gz")
        rules = [
            {"expect_column_values_to_be_unique": {"column": "Datetime"}},
            {"expect_column_values_to_match_strftime_format": {
                "column": "Datetime", "strftime_format": "%Y-%m-%d %H:%M:%S"}},
        ]  # fmt: skip
        with pytest.raises(BadData, match="8 rows"):
            judged(rows, rules=rules)


class TestSpeed:
    def test_twenty_rules_on_100_000_rows(self) -> None:
        generator = np.random.default_rng(0)
        rows = pd.DataFrame({f"n{i}": generator.normal(size=100_000) for i in range(10)})
        for i in range(10):
            rows[f"s{i}"] = generator.choice(["a", "b", "c"], 100_000)
        rules: list[dict[str, dict[str, Any]]] = [
            {BETWEEN: {"column": f"n{i}", "min_value": -4 if i else -2}} for i in range(10)
        ]
        rules += [
            {"expect_column_values_to_be_in_set": {"column": f"s{i}", "value_set": ["a", "b", "c"]}}
            for i in range(10)
        ]
        # The import, and what the library compiles on first use, are counted elsewhere.
        verdicts(rows.head(10), rules)
        start = time.process_time()
        found = verdicts(rows, rules)
        seconds = time.process_time() - start
        assert len(found[0].rows) > 1000
        assert seconds < 1.5, f"{seconds:.2f} s"

"""Rules are checked against what the installed Great Expectations knows, without importing it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from throughline.errors import BadPipeline
from throughline.validation.catalogue import catalogue, check, installed, judges_rows, problems

BETWEEN = "expect_column_values_to_be_between"


class TestCatalogue:
    def test_equals_the_installed_version(self) -> None:
        assert installed() == catalogue(), "run `python -m throughline.validation.catalogue`"

    def test_knows_which_rules_judge_single_rows(self) -> None:
        assert judges_rows(BETWEEN)
        assert judges_rows("expect_compound_columns_to_be_unique")
        assert not judges_rows("expect_column_mean_to_be_between")
        assert not judges_rows("expect_table_row_count_to_equal")

    def test_needs_no_great_expectations(self) -> None:
        program = (
            "import sys, throughline.stages.validate, throughline.stages.ingest\n"
            "import throughline.guards.examine\n"
            "from throughline.validation.catalogue import problems\n"
            "problems([{'expect_x': {}}])\n"
            "heavy = {'great_expectations', 'pandas', 'sklearn', 'pyarrow', 'requests'}\n"
            "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


class TestProblems:
    def test_right_rules_have_none(self) -> None:
        assert problems([{BETWEEN: {"column": "a", "min_value": 0, "mostly": 0.9}}]) == []
        assert problems([{"expect_table_row_count_to_equal": {"value": 3}}]) == []

    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            ({"expect_column_values_to_be_betwen": {"column": "a"}}, f"Did you mean '{BETWEEN}'"),
            ({BETWEEN: {"column": "a", "min_valeu": 0}}, "Did you mean 'min_value'"),
            ({BETWEEN: {"min_value": 0}}, "needs column"),
            ({BETWEEN: None}, "needs column"),
            ({BETWEEN: {"column": "a", "batch_id": "x"}}, "takes no 'batch_id'"),
            ({"unexpected_rows_expectation": {"unexpected_rows_query": "x"}}, "asks a database"),
        ],
    )
    def test_are_named(self, rule: dict[str, dict[str, object] | None], message: str) -> None:
        (found,) = problems([rule])
        assert found.startswith("expectations.rules[0]: ")
        assert message in found

    def test_are_an_error_of_the_pipeline_file(self) -> None:
        with pytest.raises(BadPipeline, match="Did you mean"):
            check([{"expect_column_to_exits": {"column": "a"}}])

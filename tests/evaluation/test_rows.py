"""Rows come out of Parquet as pandas would give them, without pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from throughline.evaluation.raw_rows import read_rows

TABLE = pd.DataFrame(
    {
        "whole": [3, 1, 2],
        "number": [0.5, np.nan, 2.0],
        "small": np.array([1, 2, 3], dtype=np.int8),
        "some": pd.array([1, None, 3], dtype="Int64"),
        "flag": [True, False, True],
        "maybe": pd.array([True, None, False], dtype="boolean"),
        "text": ["a", None, "ü"],
        "parts": [[1, 2], [], [3]],
    }
)


class TestRows:
    def test_keep_numbers_texts_and_what_is_missing(self, tmp_path: Path) -> None:
        TABLE.to_parquet(tmp_path / "rows.parquet")
        rows = read_rows(tmp_path / "rows.parquet")
        assert rows.count == 3
        assert rows.columns["whole"].tolist() == [3, 1, 2]
        np.testing.assert_array_equal(rows.columns["number"], [0.5, np.nan, 2.0])
        np.testing.assert_array_equal(rows.columns["some"], [1, np.nan, 3])
        assert rows.columns["small"].dtype == np.int8
        assert rows.columns["flag"].dtype == bool
        assert rows.columns["maybe"].tolist() == [True, None, False]
        assert rows.columns["text"].tolist() == ["a", None, "ü"]
        assert rows.columns["parts"].tolist() == [[1, 2], [], [3]]

    @pytest.mark.parametrize("rows_a_group", [1, 2, 100])
    def test_are_whole_in_several_row_groups(self, tmp_path: Path, rows_a_group: int) -> None:
        TABLE.to_parquet(tmp_path / "rows.parquet", row_group_size=rows_a_group)
        assert read_rows(tmp_path / "rows.parquet").columns["whole"].tolist() == [3, 1, 2]

    def test_may_be_none(self, tmp_path: Path) -> None:
        TABLE.iloc[:0].to_parquet(tmp_path / "rows.parquet")
        rows = read_rows(tmp_path / "rows.parquet")
        assert rows.count == 0
        assert all(len(column) == 0 for column in rows.columns.values())

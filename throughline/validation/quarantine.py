"""The file of rows that were set aside, with the rule and the value that did it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from throughline.validation.row_verdicts import Judgement, value_at

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def write_quarantine(judgement: Judgement, frame: pd.DataFrame, path: Path) -> None:
    """Write one entry for each row and each rule that it breaks; no entry where none is set aside.

    Columns: `row` counts the rows of data/raw/NAME/rows.parquet from 0, `column` and `value` are
    what the rule looked at, `rule` is the expectation and `number` its place in the pipeline file.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from throughline.validation.profile_frame import with_profiles

    aside = set(judgement.set_aside)
    failed = [v for v in judgement.failed if v.judges_rows and aside]
    profiled = with_profiles(frame, [{v.rule: dict(v.arguments)} for v in failed])
    entries = sorted(
        (row, v.number, v.rule, " | ".join(v.columns), value_at(profiled, row, v.columns))
        for v in failed
        for row in v.rows
        if row in aside
    )
    table = pa.table(
        {
            "row": pa.array([entry[0] for entry in entries], pa.int64()),
            "column": pa.array([entry[3] for entry in entries], pa.string()),
            "rule": pa.array([entry[2] for entry in entries], pa.string()),
            "number": pa.array([entry[1] for entry in entries], pa.int64()),
            "value": pa.array([entry[4] for entry in entries], pa.string()),
        }
    )
    parquet.write_table(table, path, compression="zstd")

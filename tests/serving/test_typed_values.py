"""Values of formats with types are served as they were trained on."""

from __future__ import annotations

import io
import json
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from throughline.pipeline.schema.source import Read
from throughline.preprocessing.plan import kind_of
from throughline.preprocessing.raw import raw_values
from throughline.serving.rows.reading import read_columns
from throughline.serving.rows.values import PLAIN, converted
from throughline.sources.formats.reading import read_bytes
from throughline.sources.table import standardised

MAP = pa.map_(pa.string(), pa.float64())
COLUMNS = {
    "time of day": pa.array([time(8, 5, 2, 500_000), None, time(23)], pa.time64("us")),
    "duration": pa.array([timedelta(hours=1, seconds=2.5), timedelta(0), None], pa.duration("us")),
    "money": pa.array([Decimal("1.25"), Decimal("-7.50"), None], pa.decimal128(12, 2)),
    "name in digits": pa.array([2**63 + 1, 2**63, 2**63 + 9], pa.uint64()),
    "struct": pa.array([{"a": 1.5, "b": "q"}, {"a": -2.0, "b": "é"}, None]),
    "map": pa.array([[("k", 1.0)], None, [("k", 2.0), ("l", 0.5)]], MAP),
    "category": pa.array(["a", "b", "a"]).dictionary_encode(),
    "flag": pa.array([True, None, False]),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_of_parquet(name: str, tmp_path: Path) -> None:
    """Times of day were refused, and structures were other texts than those of the training."""
    file = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({name: COLUMNS[name]}), file)
    frame, _ = read_bytes(file.read_bytes(), file.name, Read())
    rows = standardised(frame, {}, (), file.name)
    kind = kind_of(rows[name])
    served = read_columns(file)[name]
    found = converted(name, {"type": kind}, served, PLAIN)
    np.testing.assert_array_equal(found, raw_values(rows, name, kind))


def test_of_json() -> None:
    lines = "\n".join(json.dumps({"x": 10**20 + i, "y": 1.5}) for i in range(3)).encode()
    frame, _ = read_bytes(lines, "rows.jsonl", Read())
    rows = standardised(frame, {}, (), "rows.jsonl")
    served = [json.loads(line)["x"] for line in io.StringIO(lines.decode())]
    found = converted("x", {"type": kind_of(rows["x"])}, served, PLAIN)
    assert found.tolist() == raw_values(rows, "x", "string").tolist()

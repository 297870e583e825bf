"""Many series cost what their rows cost, not series x rows."""

from __future__ import annotations

import time as clock

import numpy as np
import pandas as pd

from throughline.pipeline.schema.time import Time
from throughline.samples.windows.frame import regular

ROWS = 60_000
SECTION = {"index": "day", "every": "1d", "lookback": 3, "horizon": 1, "group": ["shop"]}


def seconds(series: int) -> float:
    days = pd.Timestamp("2000-01-01") + pd.to_timedelta(np.arange(ROWS) // series, unit="D")
    shops = [f"shop {number:05}" for number in np.arange(ROWS) % series]
    rows = pd.DataFrame({"day": days, "shop": shops, "sold": np.arange(float(ROWS))})
    began = clock.process_time()
    found = regular(rows, Time.model_validate(SECTION), ["sold"], ["sold"])
    assert len(found.starts) == series + 1
    return clock.process_time() - began


def test_a_thousand_times_the_series_take_little_longer() -> None:
    seconds(20)
    # With a look through all rows for each series it was 15 times as long.
    assert seconds(6000) < 4 * seconds(20)

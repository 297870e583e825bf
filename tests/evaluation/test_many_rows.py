"""Intervals of very many rows: as wide as those of single rows, and no slower for more rows."""

from __future__ import annotations

import time

import numpy as np
import pytest

from throughline.evaluation.intervals import resamples
from throughline.evaluation.intervals.resamples import Resamples


@pytest.mark.parametrize("kind", ["normal", "rare", "skewed"])
def test_bundles_spread_as_rows_do(kind: str) -> None:
    generator = np.random.default_rng(0)
    values = {
        "normal": lambda: generator.normal(size=60_000),
        "rare": lambda: (generator.random(60_000) < 0.002).astype(float),
        "skewed": lambda: generator.exponential(size=60_000) ** 2,
    }[kind]()
    drawn = Resamples(len(values)).sums(np.column_stack([values, np.ones(len(values))]))
    spread = (drawn[:, 0] / drawn[:, 1]).std()
    # Of 2,000 draws the spread is known to 1.6 %, of 10,000 bundles to 1 % or a little more.
    assert spread == pytest.approx(values.std() / np.sqrt(len(values)), rel=0.07)


def test_a_row_counts_as_often_as_its_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resamples, "MOST", 100)
    monkeypatch.setattr(resamples, "BUNDLES", 40)
    values = np.random.default_rng(1).normal(size=(110, 2))
    drawn = Resamples(110)
    weights = np.concatenate(list(drawn.weights()))
    assert weights.shape == (resamples.RESAMPLES, 110)
    np.testing.assert_allclose(drawn.sums(values), weights @ values, rtol=1e-9, atol=1e-9)


def test_ten_times_the_rows_take_little_longer() -> None:
    def seconds(rows: int) -> float:
        values = np.random.default_rng(2).normal(size=(rows, 2))
        began = time.process_time()
        Resamples(rows).sums(values)
        return time.process_time() - began

    seconds(60_000)
    # Row by row it was ten times as long.
    assert seconds(600_000) < 3 * seconds(60_000)

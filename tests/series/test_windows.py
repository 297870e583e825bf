"""Windows by index are those of a naive double loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.samples.windows.gathered import Ahead, Windowed
from throughline.samples.windows.positions import Extent, whole, within
from throughline.samples.windows.target import percents_known, season_bases


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row is there, and which series it belongs to; series stand together."""
    lengths = draw(st.lists(st.integers(1, 25), min_size=1, max_size=4))
    groups = np.repeat(np.arange(len(lengths)), lengths)
    gaps = draw(st.lists(st.booleans(), min_size=len(groups), max_size=len(groups)))
    often = draw(st.booleans())
    present = ~np.array(gaps) if often else np.ones(len(groups), dtype=bool)
    return present, groups


def naive(
    present: np.ndarray, groups: np.ndarray, before: int, after: int, stride: int
) -> list[int]:
    """The newest row of each window, found row by row."""
    found = []
    for group in sorted(set(groups.tolist())):
        rows = [row for row in range(len(groups)) if groups[row] == group]
        for start in range(0, len(rows) - before - after + 1, stride):
            window = rows[start : start + before + after]
            if all(present[row] for row in window):
                found.append(window[before - 1])
    return found


class TestWindowsEqualANaiveDoubleLoop:
    @settings(max_examples=300, deadline=None)
    @given(tables(), st.integers(1, 8), st.integers(1, 6), st.integers(1, 4))
    def test_positions(
        self, table: tuple[np.ndarray, np.ndarray], before: int, after: int, stride: int
    ) -> None:
        present, groups = table
        ends, counts = whole(present, groups, before, after, stride)
        assert ends.tolist() == naive(present, groups, before, after, stride)
        assert counts["windows"] == len(ends)

    @settings(max_examples=200, deadline=None)
    @given(
        tables(),
        st.integers(1, 8),
        st.integers(1, 4),
        st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True),
        st.integers(1, 3),
    )
    def test_values(
        self,
        table: tuple[np.ndarray, np.ndarray],
        lookback: int,
        step: int,
        horizons: list[int],
        stride: int,
    ) -> None:
        present, groups = table
        step = min(step, lookback)
        extent = Extent(lookback, lookback, step, lookback, tuple(sorted(horizons)))
        series = np.random.default_rng(0).normal(size=(len(groups), 3)).astype(np.float32)
        ends, _ = whole(present, groups, extent.before, extent.after, stride)
        seen = Windowed(series, ends, extent.offsets)
        ahead = Ahead(
            series[:, :1], ends, np.array(extent.horizons, np.int32), None, None,
            np.array([[0.0], [1.0]], np.float32), np.array([len(horizons)], np.int32),
        )  # fmt: skip
        expected = naive(present, groups, extent.before, extent.after, stride)
        assert seen.shape == (len(expected), (lookback - 1) // step + 1, 3)
        for position, end in enumerate(expected):
            rows = list(range(end, end - lookback, -step))[::-1]
            assert (seen[position] == [series[row] for row in rows]).all()
            wanted = [series[end + horizon, 0] for horizon in extent.horizons]
            assert (ahead[position] == wanted).all()

    @settings(max_examples=100, deadline=None)
    @given(tables(), st.integers(1, 5), st.integers(1, 4))
    def test_every_possible_window_is_kept_or_counted(
        self, table: tuple[np.ndarray, np.ndarray], before: int, after: int
    ) -> None:
        present, groups = table
        _, counts = whole(present, groups, before, after)
        assert sum(counts.values()) == max(0, len(present) - before - after + 1)

    @settings(max_examples=100, deadline=None)
    @given(tables(), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**32 - 1))
    def test_those_within_allowed_rows(
        self, table: tuple[np.ndarray, np.ndarray], before: int, after: int, seed: int
    ) -> None:
        present, groups = table
        ends, _ = whole(present, groups, before, after)
        allowed = np.random.default_rng(seed).random(len(present)) > 0.2
        inside = within(allowed, ends, before, after)
        for end, kept in zip(ends, inside, strict=True):
            assert kept == allowed[end - before + 1 : end + after + 1].all()


class TestWindowsWithoutAPercentage:
    @given(st.lists(st.sampled_from([0.0, 1.0, -2.0]), min_size=12, max_size=30), st.integers(1, 3))
    def test_are_those_that_change_from_zero(self, values: list[float], periods: int) -> None:
        series = np.array(values, np.float32)[:, None]
        ends, horizons = np.arange(4, len(values) - 3, dtype=np.int32), (1, 3)
        known = percents_known(series, ends, horizons, periods)
        bases = season_bases(horizons, periods)
        for end, fine in zip(ends, known, strict=True):
            assert fine == all(values[end + base] != 0 for base in bases)


class TestTheBaseOfAChange:
    @given(st.integers(1, 60), st.integers(1, 30))
    def test_is_the_newest_known_row_whole_periods_before(self, horizon: int, periods: int) -> None:
        (base,) = season_bases([horizon], periods).tolist()
        assert base <= 0 < base + periods
        assert (horizon - base) % periods == 0

    @given(st.sampled_from(["difference", "percent"]), st.integers(1, 5), st.integers(1, 7))
    def test_is_taken_from_the_target_and_back(self, kind: str, horizon: int, periods: int) -> None:
        series = np.random.default_rng(1).uniform(1, 2, (40, 1)).astype(np.float32)
        ends = np.arange(10, 30, dtype=np.int32)
        bases = season_bases([horizon], periods)
        scale = np.array([[0.5], [2.0]], np.float32)
        row = np.array([1], np.int32)
        ahead = Ahead(series, ends, np.array([horizon], np.int32), bases, kind, scale, row)
        learned = ahead[slice(None)] * 2.0 + 0.5
        old = series[ends + bases]
        undone = learned + old if kind == "difference" else old * (1 + learned / 100)
        assert np.allclose(undone, series[ends + horizon], atol=1e-6)

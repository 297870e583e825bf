"""A series in the phases of a step gives the windows of a naive double loop, in one piece each."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.series.test_windows import naive, tables
from throughline.samples.windows.gathered import Block, Windowed, rows_of
from throughline.samples.windows.phases import places, reorder, spacing, windows
from throughline.samples.windows.positions import Extent, whole

TYPES = ("float32", "float64", "int32")


def drawn(rows: int, columns: int, kind: str = "float32") -> np.ndarray:
    """A series whose values all differ."""
    values = np.random.default_rng(rows).permutation(rows * columns)
    return values.reshape(rows, columns).astype(kind)


def _on_the_host(part: Any) -> Any:
    return part.on_device(np.asarray) if isinstance(part, Windowed) else part


class TestWindowsInPhases:
    @settings(max_examples=300, deadline=None)
    @given(
        tables(),
        st.integers(1, 12),
        st.integers(1, 9),
        st.integers(1, 6),
        st.integers(1, 4),
        st.integers(1, 3),
        st.sampled_from(TYPES),
    )
    def test_equal_a_naive_double_loop(
        self,
        table: tuple[np.ndarray, np.ndarray],
        lookback: int,
        step: int,
        horizon: int,
        stride: int,
        columns: int,
        kind: str,
    ) -> None:
        present, groups = table
        extent = Extent(lookback, lookback, min(step, lookback), lookback, (horizon,))
        series = drawn(len(groups), columns, kind)
        ends, _ = whole(present, groups, extent.before, extent.after, stride)
        seen = windows(series.copy(), ends, extent.offsets)
        expected = naive(present, groups, extent.before, extent.after, stride)
        assert seen.shape == (len(expected), len(extent.offsets), columns)
        assert seen.dtype == kind
        for position, end in enumerate(expected):
            rows = list(range(end, end - lookback, -extent.step))[::-1]
            assert (seen[position] == [series[row] for row in rows]).all()

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.integers(-9, 0), min_size=1, max_size=5),
        st.lists(st.integers(0, 10), max_size=6),
    )
    def test_any_offsets(self, offsets: list[int], rows: list[int]) -> None:
        series, ends = drawn(20, 2), np.arange(9, 20, dtype=np.int32)
        seen = windows(series.copy(), ends, np.array(offsets, np.int32))
        found = seen[np.array(rows, np.int64)]
        assert found.shape == (len(rows), len(offsets), 2)
        for window, row in zip(found, rows, strict=True):
            assert (window == [series[ends[row] + offset] for offset in offsets]).all()

    @pytest.mark.parametrize(
        "rows", [3, slice(2, 9), slice(None, None, -2), np.array([[1, 2], [5, 0]]), [], slice(0)]
    )
    def test_are_taken_as_of_an_array(self, rows: Any) -> None:
        series, ends = drawn(60, 3), np.arange(30, 55, dtype=np.int32)
        offsets = np.arange(-20, 1, 4, dtype=np.int32)
        made = np.stack([series[end + offsets] for end in ends])
        rows = np.array(rows, np.int64) if isinstance(rows, list) else rows
        found = windows(series.copy(), ends, offsets)[rows]
        assert found.shape == made[rows].shape
        assert (found == made[rows]).all()

    @pytest.mark.parametrize("rows", [0, slice(0, 2), np.array([0])])
    def test_are_no_view_of_the_series(self, rows: Any) -> None:
        seen = windows(drawn(20, 2), np.array([9, 10], np.int32), np.arange(-4, 1, 2))
        before = seen[0].copy()
        seen[rows][...] = -1
        assert (seen[0] == before).all()

    def test_on_the_device(self) -> None:
        from throughline.training.engine import backends

        backend = backends.current()
        series, ends = drawn(60, 3), np.arange(30, 55, dtype=np.int32)
        offsets = np.arange(-20, 1, 4, dtype=np.int32)
        plain = Windowed(series, ends, offsets)
        rows = np.array([4, 0, 24], np.int32)
        held = windows(series.copy(), ends, offsets).on_device(backend.device_array)
        found = np.asarray(rows_of(held, backend.device_array(rows), backend.gather))
        assert (found == plain[rows]).all()

    def test_of_several_runs_one_below_the_other(self) -> None:
        from throughline.training.engine import backends
        from throughline.training.engine.stacked import blocks

        backend = backends.current()
        offsets = np.arange(-20, 1, 4, dtype=np.int32)
        series = [drawn(60, 3), drawn(47, 3)]
        ends = [np.arange(30, 55, dtype=np.int32), np.arange(25, 45, dtype=np.int32)]
        made = [windows(s.copy(), e, offsets) for s, e in zip(series, ends, strict=True)]
        block = blocks(made, _on_the_host)
        for run in range(2):
            one = Block(block.array, int(block.start.tensor[run]))
            rows = np.array([3, 0, 19], np.int32)
            found = np.asarray(rows_of(one, rows, backend.gather))
            assert (found == series[run][ends[run][rows][:, None] + offsets]).all()

    def test_of_a_series_that_may_not_be_written(self) -> None:
        series, ends = drawn(30, 2), np.arange(20, 30, dtype=np.int32)
        series.setflags(write=False)
        offsets = np.arange(-12, 1, 3, dtype=np.int32)
        assert (windows(series, ends, offsets)[1] == series[21 + offsets]).all()

    def test_of_a_view_with_gaps(self) -> None:
        series, ends = drawn(30, 4), np.arange(20, 30, dtype=np.int32)
        offsets = np.arange(-3, 1, dtype=np.int32)
        seen = windows(series[:, 1:3], ends, offsets)
        assert (seen[1] == series[21 + offsets, 1:3]).all()


class TestTheOrderOfAStep:
    @given(st.integers(1, 60), st.integers(1, 12))
    def test_holds_every_row_at_its_place(self, count: int, step: int) -> None:
        series = drawn(count, 2)
        ordered = series.copy()
        reorder(ordered, step)
        assert (ordered[places(np.arange(count), count, step)] == series).all()
        assert sorted(ordered[:, 0]) == sorted(series[:, 0])

    def test_needs_no_second_series(self) -> None:
        series = drawn(50_000, 20)
        tracemalloc.start()
        reorder(series, 6)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 0.15 * series.nbytes

    @pytest.mark.parametrize(
        ("offsets", "step"),
        [([-6, -3, 0], 3), ([-2, -1, 0], 1), ([-5, -3, 0], 1), ([0], 1), ([-7, -4, -1], 1)],
    )
    def test_is_that_of_equal_spacing(self, offsets: list[int], step: int) -> None:
        assert spacing(np.array(offsets)) == step

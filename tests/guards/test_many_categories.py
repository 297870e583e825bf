"""The most frequent class of each category, without a table of all categories and classes."""

from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from throughline.guards.scores import _most_frequent

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=1, max_size=40)


class TestTheMostFrequentClass:
    @given(PAIRS)
    def test_is_that_of_the_whole_table(self, pairs: list[tuple[int, int]]) -> None:
        codes, classes = np.array(pairs).T
        table = np.bincount(codes * 5 + classes, minlength=35).reshape(7, 5)
        expected = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), -1)
        assert _most_frequent(codes, classes, 7, 5).tolist() == expected.tolist()

    def test_takes_the_memory_of_the_rows(self) -> None:
        codes, classes = np.arange(20_000), np.arange(20_000) % 2_000
        tracemalloc.start()
        found = _most_frequent(codes, classes, 20_000, 2_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (found == classes).all()
        assert peak < 20_000 * 2_000 / 4

"""Mutual information finds what a correlation does not see, and nothing in chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from throughline.guards.information import shared_information


class TestMutualInformation:
    def test_a_copy_tells_everything_and_chance_nothing(self) -> None:
        generator = np.random.default_rng(0)
        answer = pd.Series(generator.integers(0, 4, 4000))
        assert shared_information(answer.map(str), answer) == pytest.approx(1, abs=0.01)
        assert shared_information(pd.Series(generator.integers(0, 9, 4000)), answer) < 0.005
        assert shared_information(pd.Series(generator.normal(size=4000)), answer) < 0.005

    def test_a_relation_that_no_correlation_sees(self) -> None:
        values = pd.Series(np.random.default_rng(0).normal(size=4000))
        assert abs(np.corrcoef(values, values**2)[0, 1]) < 0.1
        assert shared_information(values, values**2) > 0.5

    def test_equals_its_definition(self) -> None:
        """Two fair coins of which one is turned in a quarter of the throws."""
        first = pd.Series([0, 1] * 40_000)
        second = first.where(np.arange(80_000) % 8 >= 2, 1 - first)
        expected = 1 + 0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)
        assert shared_information(first, second) == pytest.approx(expected, abs=1e-3)

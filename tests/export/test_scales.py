"""How exact an answer must be follows the scale of its target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from throughline.export.proof.parity import TOLERANCE, compare, scales_of

FORECAST = {"horizons": [1, 2], "change": None}


def passes(expected: Any, received: Any, target: dict[str, Any]) -> bool:
    arrays = ({"prediction": np.asarray(each)} for each in (expected, received))
    (found,) = compare(*arrays, TOLERANCE, scales_of(target))
    return found.passed


class TestTheScale:
    @pytest.mark.parametrize(("divide", "passed"), [(130.0, True), (1.0, False), (0.1, False)])
    def test_of_the_largest_series_holds_for_the_smallest(
        self, divide: float, passed: bool
    ) -> None:
        """A last bit of float32 at 300 is 3e-5, too much for the 3 beside it by itself."""
        target = {**FORECAST, "scale": {"subtract": [90.0], "divide": [divide]}}
        expected = np.array([[3.0, 457.0]])
        assert passes(expected, expected + 4e-5, target) is passed

    def test_of_a_small_target_is_small(self) -> None:
        target = {"scale": {"subtract": 0.0, "divide": 1e-3}}
        expected = np.array([0.0, 2e-3])
        assert not passes(expected, expected + 5e-6, target)
        assert passes(expected, expected + 5e-9, target)

    def test_of_several_targets_is_each_ones_own(self) -> None:
        target = {**FORECAST, "scale": {"subtract": [0, 0], "divide": [100.0, 1.0]}}
        expected = np.zeros((1, 4))
        assert passes(expected, np.array([[5e-4, 0, 5e-4, 0]]), target)
        assert not passes(expected, np.array([[0, 5e-4, 0, 0]]), target)
        assert passes(expected.reshape(1, 2, 2), np.array([[[5e-4, 0], [5e-4, 0]]]), target)

    @pytest.mark.parametrize(
        "target", [{"scale": None}, {"change": "percent", "scale": {"divide": [9.0]}}]
    )
    def test_is_one_where_the_target_has_none(self, target: dict[str, Any]) -> None:
        assert scales_of(target) == {}

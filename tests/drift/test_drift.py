"""Rows of the same population have not drifted, and those of another one have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.drift.measures import Limits, drift_of, psi


def described(values: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {
        "name": "size", "missing": 0.0, "quantiles": np.quantile(values, np.linspace(0, 1, 11))
    }  # fmt: skip


def measured(entry: dict[str, Any], values: Any) -> Any:
    entry = {**entry, "quantiles": list(entry["quantiles"])} if "quantiles" in entry else entry
    return drift_of(entry, np.asarray(values, dtype=object), Limits())


NORMAL = np.random.default_rng(0).normal(size=5000)


class TestNumbers:
    def test_the_same_population(self) -> None:
        fresh = np.random.default_rng(1).normal(size=2000)
        found = measured(described(NORMAL), fresh)
        assert found.beyond == ()
        assert found.measures["psi"] < 0.05

    @pytest.mark.parametrize("change", [lambda v: v + 1, lambda v: v * 4, lambda v: -abs(v)])
    def test_another_population(self, change: Any) -> None:
        assert "psi" in measured(described(NORMAL), change(NORMAL)).beyond

    def test_many_equal_values(self) -> None:
        """Half of a column is 0, so that several deciles are equal."""
        values = np.where(NORMAL > 0, NORMAL, 0.0)
        found = measured(described(values), values)
        assert found.beyond == ()
        assert found.measures["distance"] < 0.11

    def test_missing_values(self) -> None:
        values = [None if i % 5 == 0 else value for i, value in enumerate(NORMAL)]
        found = measured(described(NORMAL), values)
        assert found.beyond == ("missing",)
        assert found.measures["missing"] == pytest.approx(0.2)


class TestCategories:
    ENTRY = {"name": "town", "missing": 0.0, "categories": {"Bonn": 0.5, "Ulm": 0.5}}  # noqa: RUF012

    def test_the_same_shares(self) -> None:
        assert measured(self.ENTRY, ["Bonn", "Ulm"] * 50).beyond == ()

    def test_a_new_category(self) -> None:
        found = measured(self.ENTRY, ["Bonn", "Ulm"] * 45 + ["Hof"] * 10)
        assert "unknown" in found.beyond
        assert found.measures["unknown"] == pytest.approx(0.1)

    def test_other_shares(self) -> None:
        assert measured(self.ENTRY, ["Bonn"] * 90 + ["Ulm"] * 10).beyond == ("psi",)


class TestPsi:
    @given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8), st.randoms())
    def test_is_symmetric_and_never_negative(self, shares: list[float], random: Any) -> None:
        a = np.array(shares) / sum(shares)
        shuffled = list(shares)
        random.shuffle(shuffled)
        b = np.array(shuffled) / sum(shuffled)
        assert psi(a, b) == pytest.approx(psi(b, a))
        assert psi(a, b) >= 0
        assert psi(a, a) == 0

"""Generating: the temperature, the end of a text, and models that do not generate."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.serving.errors import BadRequest
from throughline.serving.generate import drawn, generated


class Chain:
    """A model in whose texts b follows a, the end follows b, and a or b follow all else."""

    metadata: ClassVar = {
        "target": {"classes": [".", "a", "b"]},
        "samples": {"of": "characters", "end": "."},
    }
    inputs: ClassVar = {"context": {"type": "string"}}
    outputs: ClassVar = ["probabilities", "label"]

    def predict(self, columns: dict) -> dict[str, np.ndarray]:
        (text,) = columns["context"]
        after = {"a": [0.0, 0.0, 1.0], "b": [1.0, 0.0, 0.0]}
        return {"probabilities": np.array([after.get(text[-1:], [0.0, 0.5, 0.5])])}


class TestTheTemperature:
    def test_near_nothing_takes_the_likeliest(self) -> None:
        generator = np.random.default_rng(0)
        shares = np.array([0.25, 0.65, 0.1])
        assert {drawn(shares, 0.01, generator) for _ in range(100)} == {1}

    @pytest.mark.parametrize(
        ("temperature", "expected"), [(1.0, [0.25, 0.65, 0.1]), (1e6, [1 / 3, 1 / 3, 1 / 3])]
    )
    def test_of_one_draws_as_the_model_says_and_a_large_one_any(
        self, temperature: float, expected: list[float]
    ) -> None:
        generator = np.random.default_rng(0)
        shares = np.array([0.25, 0.65, 0.1])
        found = [drawn(shares, temperature, generator) for _ in range(4000)]
        np.testing.assert_allclose(np.bincount(found) / 4000, expected, atol=0.025)

    @given(place=st.integers(0, 2), temperature=st.floats(0.05, 20))
    def test_never_draws_what_is_impossible(self, place: int, temperature: float) -> None:
        shares = np.full(3, 0.5)
        shares[place] = 0.0
        assert drawn(shares, temperature, np.random.default_rng(place)) != place


class TestTexts:
    def test_go_on_until_their_end(self) -> None:
        assert list(generated(Chain(), "xa", count=2)) == ["xab", "xab"]

    def test_are_cut_at_the_longest(self) -> None:
        assert list(generated(Chain(), "a", longest=1)) == ["ab"]

    def test_follow_the_seed(self) -> None:
        texts = [list(generated(Chain(), "x", count=9, seed=seed)) for seed in (1, 1, 2)]
        assert texts[0] == texts[1]
        assert texts[0] != texts[2]

    @pytest.mark.parametrize("settings", [{"temperature": 0}, {"count": 0}, {"longest": 0}])
    def test_settings_out_of_range(self, settings: dict) -> None:
        with pytest.raises(BadRequest, match="must be"):
            list(generated(Chain(), "a", **settings))

    def test_a_model_of_numbers_does_not_generate(self) -> None:
        model = Chain()
        model.inputs = {"age": {"type": "number"}}
        with pytest.raises(BadRequest, match="takes one text"):
            list(generated(model, "a"))

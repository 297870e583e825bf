"""One very long text among short ones takes its own memory, not that of all of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.pipeline.schema.text import Text
from throughline.preprocessing.columns.texts import tokens
from throughline.preprocessing.columns.texts.tokens import CHUNK, WIDEST, tokenised

PATTERN = "[a-z]+"


def texts_of(sizes: list[int]) -> np.ndarray:
    return np.array(["x" * size for size in sizes], dtype=object)


class TestTextsOfACall:
    @given(st.lists(st.sampled_from([0, 1, 30_000, 100_000, WIDEST + 1]), max_size=900))
    def test_are_all_texts_in_order_and_few_where_one_is_long(self, sizes: list[int]) -> None:
        chunks = list(tokens._chunks(texts_of(sizes)))
        found = [place for chunk in chunks for place in range(chunk.start, chunk.stop)]
        assert found == list(range(len(sizes)))
        for chunk in chunks:
            count, longest = chunk.stop - chunk.start, max(sizes[chunk])
            assert 1 <= count <= CHUNK
            assert count == 1 or count * longest <= WIDEST

    def test_are_as_many_as_ever_where_none_is_long(self) -> None:
        assert len(list(tokens._chunks(texts_of([1000] * 1000)))) == -(-1000 // CHUNK)

    def test_give_the_tokens_of_each_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tokens, "WIDEST", 200)
        rng = np.random.default_rng(0)
        words = np.array(["red", "house", "on", "a", "hill"])
        texts = [" ".join(words[rng.integers(0, 5, size)]) for size in rng.integers(0, 90, 300)]
        found = list(tokenised(np.array(texts, dtype=object), Text(tokens=PATTERN)))
        assert found == [re.findall(PATTERN, text) for text in texts]

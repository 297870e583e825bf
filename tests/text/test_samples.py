"""Rows cut out of running texts: windows, skip-grams, and which text they came from."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from throughline.errors import BadData
from throughline.pipeline.schema.source_files import Samples
from throughline.sources.samples import sampled, skip_grams
from throughline.tokens.token_rows import as_texts

LINES = pd.DataFrame({"text": ["Tyger Tyger, burning bright,", "In the forests of the night;"]})


def cut(frame: pd.DataFrame, **settings: object) -> pd.DataFrame:
    return as_texts(sampled(frame, Samples.model_validate(settings)))


class TestWindows:
    def test_of_words_and_the_word_after_them(self) -> None:
        found = cut(LINES, kind="windows", length=3)
        assert found.values.tolist() == [
            ["tyger tyger burning", "bright", 0],
            ["in the forests", "of", 1],
            ["the forests of", "the", 1],
            ["forests of the", "night", 1],
        ]

    def test_of_characters_end_with_the_end(self) -> None:
        names = pd.DataFrame({"text": ["Jen", "Al", "Jen"]})
        found = cut(names, kind="windows", length=3, of="characters", end=".")
        assert found.values.tolist() == [["jen", ".", 0], ["jen", ".", 0]]

    def test_equal_texts_have_one_number(self) -> None:
        names = pd.DataFrame({"text": ["anna", "bert", "anna"]})
        found = cut(names, kind="windows", length=3, of="characters")
        assert found["text_number"].tolist() == [0, 1, 0]

    def test_the_most_frequent_answers_alone(self) -> None:
        found = cut(LINES, kind="windows", length=1, most=2)
        assert set(found["next"]) == {"the", "bright"}

    @given(words=st.lists(st.sampled_from("abc"), max_size=9), length=st.integers(1, 4))
    def test_put_together_again_give_the_text(self, words: list[str], length: int) -> None:
        frame = pd.DataFrame({"text": [" ".join(words), "a a a a a a a"]})
        found = cut(frame, kind="windows", length=length)
        mine = found[found["text_number"] == 0]
        if words == ["a"] * 7 or len(words) <= length:
            return
        first = mine["context"].iloc[0].split(" ")
        assert first + mine["next"].tolist() == words


class TestSkipGrams:
    def test_are_all_pairs_within_the_window(self) -> None:
        lyric = ["there's", "no", "heaven", "it's", "easy"]
        found = [row[:3] for row in skip_grams([lyric], 2, 0, 0) if row[0] == "heaven"]
        words = ["there's", "no", "it's", "easy"]
        assert found == [("heaven", word, 1) for word in words]

    def test_each_has_its_negatives_drawn_from_the_text(self) -> None:
        found = cut(LINES, kind="skip-grams", window=1, negatives=2)
        assert found["label"].tolist()[:6] == [1, 0, 0, 1, 0, 0]
        assert (found["label"] == 0).sum() == 2 * (found["label"] == 1).sum()
        assert set(found["context"]) <= set(
            " ".join(LINES["text"]).lower().replace(",", "").replace(";", "").split()
        )

    def test_the_draw_follows_the_seed(self) -> None:
        one, same, other = (
            cut(LINES, kind="skip-grams", window=1, negatives=3, seed=seed) for seed in (0, 0, 1)
        )
        assert one.equals(same)
        assert not one.equals(other)


class TestWhatCannotBeCut:
    def test_a_column_that_is_not_there(self) -> None:
        with pytest.raises(BadData, match="Did you mean 'text'"):
            cut(LINES, kind="windows", length=3, column="txt")

    def test_texts_that_are_too_short(self) -> None:
        with pytest.raises(BadData, match="none long enough"):
            cut(LINES, kind="windows", length=30)

    @pytest.mark.parametrize(
        "settings",
        [
            {"kind": "windows"},
            {"kind": "windows", "length": 3, "negatives": 1},
            {"kind": "skip-grams", "window": 2, "end": "."},
            {"kind": "skip-grams", "window": 2, "length": 3},
        ],
    )
    def test_a_setting_without_effect(self, settings: dict) -> None:
        with pytest.raises(ValidationError):
            Samples.model_validate(settings)

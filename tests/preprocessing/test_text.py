"""What the text graph promises: scikit-learn's counts, Keras' ids, and an answer to any text."""

from __future__ import annotations

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.columns import Column
from throughline.preprocessing.fit import Preprocessing, fit
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.plan import plan

TEXTS = [
    "The film was good, really good!",
    "A bad film. Bad acting; bad music.",
    "good",
    "It's 10 out of 10 -- the best film of 1999",
]
# scikit-learn's default tokens: two or more letters or digits.
PAIRS = "[a-z0-9][a-z0-9]+"


def fitted(texts: list[str], **text: object) -> Preprocessing:
    rows = pd.DataFrame({"review": texts})
    column = Column.model_validate({"text": text})
    result = fit(rows, plan(rows, {"review": column}, None, []))
    onnx.checker.check_model(result.graph)
    return result


def encoded(result: Preprocessing, texts: list[str]) -> np.ndarray:
    rows = pd.DataFrame({"review": texts})
    return run(result.graph, rows, result.inputs, result.types)["features"]


def by_token(result: Preprocessing, texts: list[str]) -> pd.DataFrame:
    names = [name.removeprefix("review=") for name in result.features["features"]]
    return pd.DataFrame(encoded(result, texts), columns=names)


class TestCountsEqualScikitLearn:
    @pytest.mark.parametrize(
        ("encode", "vectoriser", "options"),
        [
            ("counts", "CountVectorizer", {}),
            ("multi-hot", "CountVectorizer", {"binary": True}),
            ("tf-idf", "TfidfVectorizer", {}),
        ],
    )
    @pytest.mark.parametrize("span", [(1, 1), (1, 2), (2, 3)])
    def test_token_by_token(
        self, encode: str, vectoriser: str, options: dict, span: tuple[int, int]
    ) -> None:
        from sklearn.feature_extraction import text

        reference = getattr(text, vectoriser)(token_pattern=PAIRS, ngram_range=span, **options)
        counts = reference.fit_transform(TEXTS).toarray()
        expected = pd.DataFrame(counts, columns=reference.get_feature_names_out())
        received = by_token(fitted(TEXTS, tokens=PAIRS, encode=encode, ngrams=span), TEXTS)
        assert sorted(received) == sorted(expected)
        np.testing.assert_allclose(received[expected.columns], expected, atol=1e-6)

    def test_tokens_may_hold_spaces(self) -> None:
        levels = ["Very good", "very good", "Bad", "a\nb c"]
        whole = {"tokens": "(?s).+", "lower": False, "encode": "multi-hot"}
        received = by_token(fitted(levels, **whole), [*levels, "", "Good"])
        expected = np.vstack([np.eye(4), np.zeros((2, 4))])
        np.testing.assert_array_equal(received[levels].to_numpy(), expected)

    def test_the_vocabulary_is_the_most_frequent_first(self) -> None:
        result = fitted(TEXTS, tokens=PAIRS, vocabulary=3, encode="counts")
        assert result.features["features"] == ["review=bad", "review=film", "review=good"]

    def test_stop_words_and_rare_tokens_are_left_out(self) -> None:
        vocabulary = {"minimum_count": 2, "without": ["the", "film"]}
        result = fitted(TEXTS, tokens=PAIRS, vocabulary=vocabulary, encode="counts")
        assert result.features["features"] == [
            "review=bad",
            "review=good",
            "review=10",
            "review=of",
        ]

    def test_zeros_and_ones_are_kept_in_a_byte_each(self) -> None:
        assert encoded(fitted(TEXTS), TEXTS).dtype == np.uint8


def keras_ids(tokens: list[list[int]], length: int, fill: str, cut: str) -> np.ndarray:
    """Keras' `pad_sequences`."""
    rows = np.zeros((len(tokens), length), dtype=np.int32)
    for row, numbers in zip(rows, tokens, strict=True):
        kept = numbers[-length:] if cut == "before" else numbers[:length]
        if kept:
            row[length - len(kept) :] = kept if fill == "before" else 0
            if fill == "after":
                row[:] = 0
                row[: len(kept)] = kept
    return rows


class TestIds:
    @settings(max_examples=40, deadline=None)
    @given(
        lengths=st.lists(st.integers(0, 9), min_size=1, max_size=6),
        length=st.integers(1, 7),
        fill=st.sampled_from(["before", "after"]),
        cut=st.sampled_from(["before", "after"]),
        start=st.booleans(),
    )
    def test_are_filled_up_and_cut_as_keras_does(
        self, lengths: list[int], length: int, fill: str, cut: str, start: bool
    ) -> None:
        ids = {"length": length, "fill": fill, "cut": cut, "start": start}
        result = fitted(["d c b a", "d c b", "d c", "d"], encode={"ids": ids})
        first = 3 if start else 2
        number = {token: first + place for place, token in enumerate("dcba")}
        words = [[("dcba" + "x")[(i + k) % 5] for k in range(i)] for i in lengths]
        begin = [1] if start else []
        expected = [begin + [number.get(word, first - 1) for word in row] for row in words]
        received = encoded(result, [" ".join(row) for row in words])
        assert received.dtype == np.int32
        assert received.tolist() == keras_ids(expected, length, fill, cut).tolist()

    def test_characters_are_tokens_too(self) -> None:
        ids = {"ids": {"length": 4, "fill": "after"}}
        result = fitted(["anna", "nan"], tokens="characters", encode=ids)
        assert encoded(result, ["na"]).tolist() == [[2, 3, 0, 0]]


class TestAnyTextHasAnAnswer:
    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            ("", 0),
            ("... !?", 0),
            ("GOOD", 1),
            ("good " * 200_000, 200_000),
            ("東京 good", 1),
            ("good\x00good", 2),
        ],
    )
    def test_of_any_length_and_script(self, text: str, tokens: int) -> None:
        result = fitted(TEXTS, encode="counts")
        assert by_token(result, [text])["good"].tolist() == [tokens]

    def test_alone_and_among_others_alike(self) -> None:
        result = fitted(TEXTS, encode={"ids": {"length": 5}})
        together = encoded(result, [*TEXTS, ""])
        alone = np.concatenate([encoded(result, [text]) for text in [*TEXTS, ""]])
        assert together.tolist() == alone.tolist()

    def test_letters_beyond_ascii_make_tokens(self) -> None:
        result = fitted(["Straße über 東京", "über"])
        assert "review=über" in result.features["features"]

    @settings(max_examples=30, deadline=None)
    @given(text=st.text(max_size=40))
    def test_whatever_it_is(self, text: str) -> None:
        values = encoded(fitted(TEXTS, encode="tf-idf"), [text])
        assert np.isfinite(values).all()


class TestWhatCannotBeFitted:
    def test_texts_without_tokens(self) -> None:
        with pytest.raises(BadData, match=r"'review' must hold tokens"):
            fitted(["...", "!"])

"""Texts as Keras' own data sets encoded them, letters of any script, sparse from end to end."""

from __future__ import annotations

import gzip
import json
import lzma
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.text import Text
from throughline.preprocessing.columns.kinds.text import FittedText
from throughline.preprocessing.columns.texts.text_graph import write_text
from throughline.preprocessing.fit import Preprocessing, fit
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.graph.runtime import session_of
from throughline.preprocessing.plan import plan

MIRROR = Path(os.environ.get("THROUGHLINE_MIRROR", "/nowhere"))
IMDB = MIRROR / "imdb"
needs_imdb = pytest.mark.skipif(not IMDB.is_dir(), reason="THROUGHLINE_MIRROR has no IMDB reviews")

# What Keras' Tokenizer leaves between its filters.
KERAS_TOKENS = r"""[^!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\t\n ]+"""
LONGEST = 3000


def reviews(part: str) -> list[dict]:
    with lzma.open(IMDB / f"aclImdb_{part}.jsonl.xz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def keras_words(size: int) -> tuple[str, ...]:
    """The most frequent words of Keras' own index; `num_words` counts the four reserved ids too."""
    ranks = json.loads(gzip.decompress((IMDB / "imdb_word_index.json.gz").read_bytes()))
    return tuple(sorted(ranks, key=ranks.__getitem__)[: size - 4])


def keras_encoded(text: str, rank: dict[str, int]) -> list[int]:
    """`imdb.load_data`: lower case, filters to spaces, start 1, unknown 2, ranks from 4 on."""
    filters = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
    plain = text.lower().translate(str.maketrans(dict.fromkeys(filters, " ")))
    numbers = [rank[w] + 3 if w in rank else 2 for w in plain.split(" ") if w]
    return [1, *numbers]


@pytest.fixture(scope="module")
def as_keras() -> tuple:
    """The graph that numbers words as Keras' copy of the reviews does, with 10,000 words."""
    words = keras_words(10_000)
    ids = {"ids": {"length": LONGEST, "start": True, "first": 4, "fill": "after", "cut": "after"}}
    text = Text.model_validate({"tokens": KERAS_TOKENS, "encode": ids})
    graph = Graph()
    value = graph.input("text", "string", ["N", 1])
    graph.output(write_text(graph, value, FittedText("text", text, words)), 6, ["N", LONGEST])
    return session_of(graph.model()), words


def differing(session: object, words: tuple[str, ...], rows: list[dict]) -> int:
    """How many reviews are numbered in another way than by Keras."""
    wrong = 0
    rank = {word: i + 1 for i, word in enumerate(words)}
    for start in range(0, len(rows), 32):
        texts = [row["text"] for row in rows[start : start + 32]]
        (found,) = session.run(None, {"text": np.array(texts, dtype=object)[:, None]})
        for text, numbers in zip(texts, found, strict=True):
            expected = keras_encoded(text, rank)[:LONGEST]
            wrong += numbers[: len(expected)].tolist() != expected or numbers[len(expected) :].any()
    return wrong


@needs_imdb
class TestIdsAreThoseOfKeras:
    def test_the_first_review_of_keras_copy(self, as_keras: tuple) -> None:
        session, _ = as_keras
        row = next(r for r in reviews("train") if r["id"] == 576 and r["label"] == 1)
        (found,) = session.run(None, {"text": np.array([[row["text"]]], dtype=object)})
        assert found[0, :8].tolist() == [1, 14, 22, 16, 43, 530, 973, 1622]
        assert found[0][found[0] > 0].max() < 10_000

    def test_a_thousand_reviews_id_by_id(self, as_keras: tuple) -> None:
        session, words = as_keras
        assert differing(session, words, reviews("test")[::25]) == 0

    @pytest.mark.slow
    def test_all_fifty_thousand_reviews_id_by_id(self, as_keras: tuple) -> None:
        session, words = as_keras
        assert differing(session, words, reviews("train") + reviews("test")) == 0


def fitted(texts: list[str], **text: object) -> Preprocessing:
    rows = pd.DataFrame({"text": texts})
    column = Column.model_validate({"text": text})
    return fit(rows, plan(rows, {"text": column}, None, []))


def encoded(result: Preprocessing, texts: list[str]) -> np.ndarray:
    rows = pd.DataFrame({"text": texts})
    return run(result.graph, rows, result.inputs, result.types)["features"]


class TestLettersBeyondAscii:
    @pytest.mark.parametrize("form", ["élan", "Élan", "ÉLAN"])
    @pytest.mark.parametrize("encode", ["counts", {"ids": {"length": 1}}])
    def test_capitals_are_the_same_word_on_every_machine(self, form: str, encode: object) -> None:
        result = fitted(["élan Élan", "über"], encode=encode)
        small = encoded(result, ["élan"])
        assert encoded(result, [form]).tolist() == small.tolist()
        assert small.max() > 0

    def test_capitals_are_counted_with_the_small_form(self) -> None:
        result = fitted(["ÉLAN Élan élan other other"], encode="counts")
        assert result.features["features"] == ["text=élan", "text=other"]

    def test_capitals_of_their_own_without_folding(self) -> None:
        result = fitted(["Élan élan"], encode="counts", lower=False)
        assert set(result.features["features"]) == {"text=Élan", "text=élan"}

    @settings(max_examples=40, deadline=None)
    @given(word=st.text(alphabet="aäßéñøşžдЖ", min_size=1, max_size=6))
    def test_a_word_of_training_is_known_in_capitals_where_these_go_back(self, word: str) -> None:
        low = word.lower()
        result = fitted([low], encode="counts")
        assert encoded(result, [low]).max() == 1
        upper = low.upper()
        if len(upper) == len(low) and upper.lower() == low:
            assert encoded(result, [upper]).max() == 1


class TestReservedNumbers:
    def test_one_may_stay_free_as_in_keras_copy(self) -> None:
        result = fitted(["a a b"], encode={"ids": {"length": 4, "start": True, "first": 4}})
        assert encoded(result, ["a b c"]).tolist() == [[1, 4, 5, 2]]

    def test_the_first_must_be_above_them(self) -> None:
        with pytest.raises(ValueError, match="'first' must be above 2"):
            Text.model_validate({"encode": {"ids": {"length": 4, "start": True, "first": 2}}})


class TestMemory:
    def test_ten_thousand_words_are_a_byte_each(self) -> None:
        texts = [" ".join(f"w{i}" for i in range(j, j + 100)) for j in range(0, 10_000, 100)]
        values = encoded(fitted(texts, vocabulary=10_000), texts * 3)
        assert values.shape == (300, 10_000)
        assert values.nbytes == 3_000_000
        assert values.sum() == 300 * 100

"""Texts of any script are cut into the words that their readers see, however they were typed."""

from __future__ import annotations

import unicodedata
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.text import Text
from throughline.preprocessing.columns.kinds.text import fit_text
from throughline.preprocessing.columns.texts.text_graph import write_text
from throughline.preprocessing.columns.texts.tokens import tokenised
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.graph.runtime import session_of
from throughline.profile.columns import treated
from throughline.profile.facts import facts
from throughline.serving.rows.values import PLAIN, converted
from throughline.sources.table import standardised

# A profession with its skin, a heart with its look, a skin, and one twice.
EMOJI = ["👩🏽‍🚀", "❤️", "👍🏿", "😀", "😀"]


def tokens(text: str) -> list[str]:
    (found,) = tokenised(np.array([text], dtype=object), Text())
    return found


class TestTokens:
    @pytest.mark.parametrize(
        "words",
        [
            ["यह", "फ़िल्म", "बहुत", "अच्छी", "थी"],
            ["זֶה", "סֵפֶר", "טוֹב"],
            ["این", "می‌خواهم", "كِتَابٌ"],
            ["இது", "நல்ல", "படம்"],
            ["don't", "stop", "2024"],
            ["được", "việt", "nam"],
            [unicodedata.normalize("NFD", "được"), unicodedata.normalize("NFD", "straße")],
            EMOJI,
        ],
    )
    def test_are_whole_words_with_their_marks(self, words: list[str]) -> None:
        assert tokens(" ".join(words)) == words

    def test_of_emoji_in_a_row_are_one_each(self) -> None:
        assert tokens("good" + "".join(EMOJI) + "!") == ["good", *EMOJI]


WRITTEN = st.text(st.characters(categories=["L", "M", "N", "Zs"]), max_size=20)


class TestForms:
    @given(WRITTEN)
    def test_of_one_text_are_learned_and_served_alike(self, text: str) -> None:
        forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
        stored = standardised(pd.DataFrame({"t": [*forms, "é"]}), {}, ["t"], "here")["t"]
        assert stored[0] == stored[1]
        served = converted("t", {"type": "string"}, forms, PLAIN)
        assert served[0] == served[1] == stored[0]

    def test_that_are_missing_stay_missing(self) -> None:
        stored = standardised(pd.DataFrame({"t": ["e\u0301", None]}), {}, ["t"], "here")["t"]
        assert stored[0] == "é"
        assert pd.isna(stored[1])


class TestDrafts:
    @pytest.mark.parametrize(
        "words",
        [
            "这部电影 非常 好看 我们 都 喜欢 演员",
            "หนังเรื่องนี้ สนุก มาก นักแสดง ดี เยี่ยม",
            "この映画は とても 面白い です ね",
        ],
    )
    def test_of_scripts_without_spaces_see_letters(self, words: str) -> None:
        """Each text is one word for `str.split`, and was left out as an identifier."""
        generator = np.random.default_rng(0)
        parts = words.split()
        texts = ["".join(generator.choice(parts, 12)) for _ in range(60)]
        (fact,) = facts(pd.DataFrame({"text": texts}))
        assert (fact.role, fact.spaceless) == ("text", True)
        column = treated([fact], [])["text"]
        assert column is not None
        assert column["text"]["tokens"] == "characters"

    def test_of_others_see_words_and_names_are_none(self) -> None:
        names = [f"王{a}{b}" for a in "小大明" for b in "明丽华强军"]
        words = [f"यह फ़िल्म बहुत अच्छी थी और कहानी भी सुंदर है {n}" for n in range(15)]
        name, text = facts(pd.DataFrame({"name": names, "text": words}))
        assert name.role == "identifier"
        assert (text.role, text.spaceless) == ("text", False)


SPACED = st.lists(st.text("ab 好", max_size=6), min_size=2, max_size=5)


class TestRunsOfCharacters:
    @settings(max_examples=60, deadline=None)
    @given(SPACED.filter(lambda texts: any(texts)), st.sampled_from([(1, 1), (1, 2), (1, 3)]))
    def test_are_counted_with_their_spaces_whatever_texts_are_asked_together(
        self, texts: list[str], span: tuple[int, int]
    ) -> None:
        """A space is a character; what fills shorter texts up is none."""
        text = Text(tokens="characters", encode="counts", ngrams=span)
        fitted = fit_text("t", np.array(texts, dtype=object), text)
        graph = Graph()
        found = write_text(graph, graph.input("t", "string", ["N", 1]), fitted)
        graph.output(found, 1, ["N", len(fitted.vocabulary)])
        session = session_of(graph.model())
        (received,) = session.run(None, {"t": np.array(texts, dtype=object)[:, None]})
        for row, value in zip(received, texts, strict=True):
            runs = Counter(
                value[start : start + length]
                for length in range(span[0], span[1] + 1)
                for start in range(len(value) - length + 1)
            )
            known = [gram[::2] if span[1] > 1 else gram for gram in fitted.vocabulary]
            assert dict(zip(known, row.astype(int).tolist(), strict=True)) == {
                gram: runs[gram] for gram in known
            }
            assert sum(runs.values()) == row.sum()

    def test_of_tokens_that_hold_spaces_are_refused(self) -> None:
        text = Text(tokens="[a-z ]+", encode="counts", ngrams=(1, 2))
        with pytest.raises(BadData, match=r"must hold no spaces.*a b.*text\.tokens"):
            fit_text("t", np.array(["a b", "c"], dtype=object), text)

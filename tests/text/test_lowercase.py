"""Texts in small letters: Python's own, in nodes that mean the same in every runtime."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.export.graph.canonical import canonical
from throughline.export.graph.reach import lower
from throughline.pipeline.schema.text import Text
from throughline.preprocessing.columns.kinds.text import fit_text
from throughline.preprocessing.columns.texts.lowercase import write_lower
from throughline.preprocessing.columns.texts.text_graph import write_text
from throughline.preprocessing.columns.texts.tokens import tokenised
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.graph.runtime import session_of

LATIN = [*range(0x20, 0x250), *range(0x1E00, 0x1F00)]
GREEK = [*range(0x370, 0x400), *range(0x1F00, 0x2000)]
CYRILLIC = [*range(0x400, 0x530), *range(0x1C80, 0x1C89), *range(0xA640, 0xA6A0)]
MARKS = list(map(ord, ".,:;'’·-  \n\u0301\u0308\u200d1²ªΣΣσς"))
letters = st.sampled_from([*map(chr, LATIN + GREEK + CYRILLIC + MARKS * 20)])


@pytest.fixture(scope="module")
def lowered():
    """The graph's answer to a list of texts."""
    graph = Graph()
    graph.output(write_lower(graph, graph.input("t", "string", ["N"]), "t"), 8, ["N"])
    session = session_of(graph.model())
    return lambda texts: list(session.run(None, {"t": np.array(texts, dtype=object)})[0])


class TestLower:
    @pytest.mark.parametrize(
        "text",
        [
            "le crème Éclair",
            "plain ASCII Text",
            "",
            "ŻÓŁĆ ąę ÅNGSTRÖM",
            "ПРИВЕТ, Мир! Ёлка",
            "İSTANBUL ẞ ǅ Ⅷ Ⓐ 𐐀 K",
            "Σ ΣΣ ΟΔΥΣΣΕΥΣ ΟΔΟΣ. ΣΑΣ'Σ ΤΗΣ’ Α.Σ. Α.Σ.Β Ά\u0301Σ\u0301 1Σ aΣ ΣΑ",
            "ΛΌΓΟΣ\nΛΌΓΟΣ",
            "𝐀 漢字 العربية \x00",
        ],
    )
    def test_is_python_s(self, lowered, text):
        assert lowered([text]) == [text.lower()]
        mixed = [text, "Plain One", "", "Ärger"]
        assert lowered(mixed) == [each.lower() for each in mixed]

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.text(letters, max_size=25), min_size=1, max_size=4))
    def test_is_python_s_for_latin_greek_and_cyrillic(self, lowered, texts):
        assert lowered(texts) == [text.lower() for text in texts]

    @settings(max_examples=200, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=25))
    def test_folds_every_character_beside_sigma_as_python_does(self, lowered, text):
        without = text.replace("Σ", "")
        assert lowered([without]) == [without.lower()]

    def test_folds_each_character_of_unicode(self, lowered):
        every = [chr(c) for c in range(1, 0x11000) if not 0xD800 <= c < 0xE000]
        assert lowered(every) == [c.lower() for c in every]

    def test_knows_what_stands_beside_a_sigma(self, lowered):
        characters = list(map(chr, LATIN + GREEK + CYRILLIC))
        for frame in ("{}Σ", "Α{}Σ", "ΑΣ{}", "ΑΣ{}Α"):
            texts = [frame.format(character) for character in characters]
            assert lowered(texts) == [text.lower() for text in texts]

    def test_needs_an_operator_set_of_2023(self):
        graph = Graph()
        graph.output(write_lower(graph, graph.input("t", "string", ["N"]), "t"), 8, ["N"])
        model = lower(graph.model())
        assert {o.domain: o.version for o in model.opset_import} == {
            "": 20,
            "ai.onnx.ml": 3,
            "com.microsoft": 1,
        }
        form = session_of(canonical(model))
        (answer,) = form.run(None, {"t": np.array(["ΟΔΟΣ Éa"], dtype=object)})
        assert list(answer) == ["οδος éa"]

    def test_a_text_of_capitals_is_joined_whole(self, lowered):
        text = "ЖИЗНЬ " * 5000
        assert lowered([text]) == [text.lower()]


SENTENCES = {
    "french": ["Le crème Éclair", "ÉCLAIR au crème", "Une Élan, un éclair", "à l'ÉCOLE Éclair"],
    "polish": ["Żółć i ŻÓŁW", "żółw Łódź", "ŁÓDŹ, żółć", "Ćma i ćMA"],
    "greek": ["Ο ΔΡΟΜΟΣ ΤΗΣ ΠΟΛΗΣ", "ο δρόμος της πόλης", "ΔΡΟΜΟΣ δρομος", "Της ΠΟΛΗΣ ΣΟΦΟΣ"],
    "russian": ["Мама мыла РАМУ", "МАМА Мыла раму", "Ёж и ЁЖ", "рама, Мама"],
}
# Words of two letters and more, as scikit-learn's own pattern has them.
PATTERN = r"[\p{L}\p{N}_]{2,}"


class TestVectorizers:
    @pytest.mark.parametrize("language", SENTENCES)
    @pytest.mark.parametrize("encode", ["counts", "tf-idf", "multi-hot"])
    @pytest.mark.parametrize("span", [(1, 1), (1, 2), (2, 3)])
    def test_equal_scikit_learn_s(self, language, encode, span):
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

        texts = np.array(SENTENCES[language], dtype=object)
        text = Text(tokens=PATTERN, encode=encode, ngrams=span)
        fitted = fit_text("t", texts, text)
        graph = Graph()
        found = write_text(graph, graph.input("t", "string", ["N", 1]), fitted)
        graph.output(found, 1, ["N", len(fitted.vocabulary)])
        # Fitted on some, asked about texts with other capitals too.
        asked = np.array([*texts, *map(str.upper, texts), *map(str.title, texts)], dtype=object)
        (received,) = session_of(graph.model()).run(None, {"t": asked[:, None]})
        kinds = {
            "counts": CountVectorizer(ngram_range=span),
            "multi-hot": CountVectorizer(ngram_range=span, binary=True),
            "tf-idf": TfidfVectorizer(ngram_range=span),
        }
        theirs = kinds[encode].fit(texts)
        assert sorted(fitted.vocabulary) == sorted(theirs.vocabulary_)
        places = [theirs.vocabulary_[token] for token in fitted.vocabulary]
        expected = theirs.transform(asked).toarray()[:, places]
        np.testing.assert_allclose(received, expected, atol=1e-6)

    def test_an_n_gram_is_known_with_a_capital_inside(self):
        texts = np.array(["le crème Éclair"] * 2, dtype=object)
        text = Text(tokens=PATTERN, encode="counts", ngrams=(1, 2))
        assert "crème éclair" in fit_text("t", texts, text).vocabulary

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.text(letters, max_size=20), min_size=1, max_size=3))
    def test_tokens_are_those_of_the_small_text(self, texts):
        values = np.array(texts, dtype=object)
        small = np.array([text.lower() for text in texts], dtype=object)
        folding = Text(tokens=r"[\p{L}]+")
        as_they_are = Text(tokens=r"[\p{L}]+", lower=False)
        assert list(tokenised(values, folding)) == list(tokenised(small, as_they_are))

    def test_a_word_costs_one_place_whatever_its_letters(self):
        word = "éàüöñçåøêîôû" * 3
        text = Text(tokens=PATTERN, encode="counts", ngrams=(1, 1))
        fitted = fit_text("t", np.array([word, word.upper()], dtype=object), text)
        graph = Graph()
        write_text(graph, graph.input("t", "string", ["N", 1]), fitted)
        (counts,) = (n for n in graph.model().graph.node if n.op_type == "TfIdfVectorizer")
        (pool,) = (a.strings for a in counts.attribute if a.name == "pool_strings")
        assert list(pool) == [word.encode()]

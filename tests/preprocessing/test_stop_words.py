"""Stop words with n-grams: taken out first, so that the words beside one become neighbours."""

from __future__ import annotations

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from throughline.pipeline.schema.columns import Column
from throughline.preprocessing.fit import Preprocessing, fit
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.plan import plan

# scikit-learn's default tokens for ASCII: two or more letters or digits.
PAIRS = "[a-z0-9][a-z0-9]+"
ENCODINGS = {
    "counts": ("CountVectorizer", {}),
    "multi-hot": ("CountVectorizer", {"binary": True}),
    "tf-idf": ("TfidfVectorizer", {}),
}
words = st.sampled_from(["the", "The", "of", "film", "good", "GOOD", "bad", "not", "x", "--"])
texts = st.lists(st.lists(words, max_size=12).map(" ".join), min_size=1, max_size=6)


def fitted(rows: list[str], **text: object) -> Preprocessing:
    frame = pd.DataFrame({"review": rows})
    column = Column.model_validate({"text": text})
    result = fit(frame, plan(frame, {"review": column}, None, []))
    onnx.checker.check_model(result.graph)
    return result


def encoded(result: Preprocessing, rows: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"review": rows})
    values = run(result.graph, frame, result.inputs, result.types)["features"]
    names = [name.removeprefix("review=") for name in result.features["features"]]
    return pd.DataFrame(values, columns=names)


class TestStopWordsWithNgrams:
    @settings(max_examples=60, deadline=None)
    @given(
        learned=texts,
        others=texts,
        stop=st.lists(st.sampled_from(["the", "of", "not", "film"]), min_size=1, unique=True),
        span=st.sampled_from([(1, 2), (1, 3), (2, 2), (2, 3)]),
        encode=st.sampled_from(list(ENCODINGS)),
    )
    def test_are_counted_as_scikit_learn_counts(
        self,
        learned: list[str],
        others: list[str],
        stop: list[str],
        span: tuple[int, int],
        encode: str,
    ) -> None:
        from sklearn.feature_extraction import text

        name, options = ENCODINGS[encode]
        reference = getattr(text, name)(
            token_pattern=PAIRS, ngram_range=span, stop_words=stop, **options
        )
        try:
            reference.fit(learned)
        except ValueError:
            # No n-gram is left, which is an error here as well.
            assume(False)
        names = reference.get_feature_names_out()
        rows = learned + others
        expected = pd.DataFrame(reference.transform(rows).toarray(), columns=names)
        result = fitted(
            learned, tokens=PAIRS, ngrams=span, encode=encode, vocabulary={"without": stop}
        )
        received = encoded(result, rows)
        assert sorted(received) == sorted(expected)
        np.testing.assert_allclose(received[expected.columns], expected, atol=1e-6)

    def test_of_the_english_list(self) -> None:
        rows = ["It was the best of films", "the worst of the year"]
        result = fitted(rows, ngrams=(2, 2), encode="counts", vocabulary={"without": "english"})
        assert sorted(encoded(result, rows)) == ["best films", "worst year"]

    @pytest.mark.parametrize("form", ["été", "Été", "ÉTÉ"])
    def test_are_known_with_capitals_beyond_ascii(self, form: str) -> None:
        result = fitted(
            ["bel soir", "bel été soir"],
            ngrams=(2, 2), encode="counts", vocabulary={"without": ["été"]},
        )  # fmt: skip
        assert encoded(result, [f"bel {form} soir"])["bel soir"].tolist() == [1]

    def test_of_which_a_text_is_made_leave_nothing(self) -> None:
        result = fitted(["a film", "the film of"], ngrams=(1, 2), vocabulary={"without": ["the"]})
        found = encoded(result, ["the the", "", "the film the of", "?!"])
        assert found.sum(axis=1).tolist() == [0, 0, 3, 0]
        assert found["film of"].tolist() == [0, 0, 1, 0]

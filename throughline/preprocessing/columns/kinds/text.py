"""Text columns: the vocabulary and what is fitted with it.

The vocabulary is fitted on the tokens that the graph itself makes, so training and serving cannot
disagree about what a token is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData, BadPipeline
from throughline.pipeline.schema.text import Ids, Text
from throughline.preprocessing.columns.kind import FittedColumn, Given, OwnInput, treats
from throughline.preprocessing.columns.texts.text_graph import write_text
from throughline.preprocessing.columns.texts.tokens import CHUNK, ngrams, stop_words, tokenised
from throughline.preprocessing.columns.texts.vectors import (
    auxiliary_file,
    matrix_for,
    read_vectors,
    words_of,
)
from throughline.preprocessing.raw import raw_values
from throughline.tokens.token_rows import is_windows, texts_of
from throughline.tokens.token_series import Texts

if TYPE_CHECKING:
    from pathlib import Path

    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.plan import Planned


@treats("text")
@dataclass(frozen=True)
class FittedText(FittedColumn):
    """The vocabulary of one text column.

    Attributes:
        name: of the column.
        text: its treatment.
        vocabulary: the known tokens or n-grams, the most frequent first, ties in their order as
            texts; an n-gram is its tokens with a space between them.
        weights: inverse document frequencies, for tf-idf.
        vectors: weights of an Embedding for the token numbers, shape (numbers, dimensions).
    """

    name: str
    text: Text
    vocabulary: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    vectors: np.ndarray | None = None

    @classmethod
    def check(cls, name: str, kind: str, column: Column) -> None:
        """Refuse what is no text."""
        if kind != "string":
            raise BadPipeline(f"columns.{name}.text needs texts", kind, "Remove it")
        super().check(name, kind, column)

    @classmethod
    def fit(cls, planned: Planned, given: Given) -> FittedText:
        """Fit the vocabulary of a column on its training texts."""
        text, column = planned.column.text, given.rows[planned.name]
        assert text is not None
        windows = is_windows(column)
        held = texts_of(column) if windows else raw_values(given.rows, planned.name, "string")
        return fit_text(planned.name, held, text, given.files)

    @classmethod
    def may_be_missing(cls, column: Column) -> bool:
        """A text without a token is a row of zeros."""
        return True

    @property
    def own_input(self) -> OwnInput | None:
        """Ids are for an Embedding."""
        ids = isinstance(self.text.encode, Ids)
        return OwnInput("Ids", "the column of ids") if ids else None

    def write(self, graph: Graph, value: str) -> str:
        """Nodes from the raw text (N, 1) to its features (N, features)."""
        return write_text(graph, value, self)

    @property
    def features(self) -> list[str]:
        """The names of the features, or positions for ids."""
        if isinstance(self.text.encode, Ids):
            return [f"{self.name}[{place}]" for place in range(self.text.encode.length)]
        return [f"{self.name}={token}" for token in self.vocabulary]

    @property
    def element_type(self) -> str:
        """The smallest type that holds every value exactly."""
        if isinstance(self.text.encode, Ids):
            return "int32"
        return "uint8" if self.text.encode == "multi-hot" else "float32"


def fit_text(
    name: str, values: np.ndarray | Texts, text: Text, files: Path | None = None
) -> FittedText:
    """Fit the vocabulary of a column on its training texts.

    Args:
        name: of the column.
        values: object of str, shape (rows,), or windows, of which some at a time are made.
        text: its treatment.
        files: folder of the source's auxiliary files. Default: there are none.

    Raises:
        BadData: no token at all, or none that is frequent enough.
        BadPipeline: an auxiliary file that the source does not have.
    """
    if text.vocabulary.file is not None:
        words = words_of(auxiliary_file(files, text.vocabulary.file))
        fitted = FittedText(name, text, words[: text.vocabulary.size])
    else:
        fitted = _fitted(name, values, text)
    if text.vectors is None or not isinstance(text.encode, Ids):
        return fitted
    vectors = read_vectors(auxiliary_file(files, text.vectors.file))
    first = text.encode.first_id
    matrix = matrix_for(fitted.vocabulary, first, vectors, text.vectors.missing)
    return FittedText(name, text, fitted.vocabulary, fitted.weights, matrix)


def _fitted(name: str, values: np.ndarray | Texts, text: Text) -> FittedText:
    counts, documents = _counted(values, text)
    without = stop_words(text)
    known = [
        token
        for token, count in counts.items()
        if count >= text.vocabulary.minimum_count and token not in without
    ]
    known.sort(key=lambda token: (-counts[token], token))
    vocabulary = tuple(known[: text.vocabulary.size])
    if not vocabulary:
        raise BadData(
            f"Column '{name}' must hold tokens for its vocabulary",
            f"{len(counts)} different ones in {len(values)} texts",
            "Check `text.tokens`, `vocabulary.minimum_count` and `vocabulary.without`",
        )
    if text.encode != "tf-idf":
        return FittedText(name, text, vocabulary)
    # scikit-learn's smoothed inverse document frequency: ln((1 + n) / (1 + df)) + 1.
    weights = tuple(
        float(np.log((1 + len(values)) / (1 + documents[token])) + 1) for token in vocabulary
    )
    return FittedText(name, text, vocabulary, weights)


def _counted(values: np.ndarray | Texts, text: Text) -> tuple[Counter[str], Counter[str]]:
    """How often each token or n-gram stands in the texts, and in how many (for tf-idf)."""
    counts: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    # Texts of like length share a call of the tokenizer, whose output is as wide as the longest.
    for some in values.parts() if isinstance(values, Texts) else [values]:
        order = np.argsort([len(value) for value in some], kind="stable")
        found = (_grams(tokens, text) for tokens in tokenised(some[order], text))
        # A call of `update` costs as much as some ten tokens.
        while block := list(islice(found, CHUNK)):
            counts.update(chain.from_iterable(block))
            if text.encode == "tf-idf":
                documents.update(chain.from_iterable(map(set, block)))
    return counts, documents


def _grams(tokens: list[str], text: Text) -> list[str]:
    """The tokens of a text, or their runs where these are counted."""
    if text.ngrams == (1, 1):
        return tokens
    if text.tokens != "characters" and any(" " in token for token in tokens):
        raise BadData(
            "Tokens of which runs are counted must hold no spaces",
            next(token for token in tokens if " " in token),
            "Change `text.tokens`, or leave `text.ngrams` out",
        )
    return list(ngrams(tokens, text.ngrams))

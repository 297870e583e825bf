"""Text columns: tokens, vocabulary, counts and ids, fitted and written as nodes.

The vocabulary is fitted on the tokens that the graph itself makes, so training and serving cannot
disagree about what a token is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.config.text import Ids, Text
from tasks.errors import BadData
from tasks.preprocessing.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Sequence


# Texts in one call of the tokenizer: its output is as wide as the longest of them.
CHUNK = 256
CHARACTERS = "."
FILLED_UP = 0


@dataclass(frozen=True)
class FittedText:
    """The vocabulary of one text column.

    Attributes:
        name: of the column.
        text: its treatment.
        vocabulary: the known tokens or n-grams, the most frequent first, ties in their order as
            texts; an n-gram is its tokens with a space between them.
        weights: inverse document frequencies, for tf-idf.
    """

    name: str
    text: Text
    vocabulary: tuple[str, ...]
    weights: tuple[float, ...] | None

    @property
    def features(self) -> list[str]:
        """The names of the features, or positions for ids."""
        if isinstance(self.text.encode, Ids):
            return [f"{self.name}[{place}]" for place in range(self.text.encode.length)]
        return [f"{self.name}={token}" for token in self.vocabulary]

    @property
    def first_id(self) -> int:
        """The id of the most frequent token: after those for filling up, start and unknown."""
        assert isinstance(self.text.encode, Ids)
        return 3 if self.text.encode.start else 2

    @property
    def element_type(self) -> str:
        """The smallest type that holds every value exactly."""
        if isinstance(self.text.encode, Ids):
            return "int32"
        return "uint8" if self.text.encode == "multi-hot" else "float32"


def fit_text(name: str, values: np.ndarray, text: Text) -> FittedText:
    """Fit the vocabulary of a column on its training texts.

    Args:
        name: of the column.
        values: object of str, shape (rows,).
        text: its treatment.

    Raises:
        BadData: no token at all, or none that is frequent enough.
    """
    counts: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    for tokens in tokenised(values, text):
        grams = list(ngrams(tokens, text.ngrams))
        counts.update(grams)
        documents.update(set(grams))
    without = _stop_words(text)
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
    weights = None
    if text.encode == "tf-idf":
        # scikit-learn's smoothed inverse document frequency: ln((1 + n) / (1 + df)) + 1.
        weights = tuple(
            float(np.log((1 + len(values)) / (1 + documents[token])) + 1) for token in vocabulary
        )
    return FittedText(name, text, vocabulary, weights)


def _stop_words(text: Text) -> frozenset[str]:
    if text.vocabulary.without == "english":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return frozenset(ENGLISH_STOP_WORDS)
    return frozenset(text.vocabulary.without)


def tokenised(values: np.ndarray, text: Text) -> Iterator[list[str]]:
    """The tokens of each text, by the graph's own nodes."""
    from tasks.preprocessing.runtime import session_of

    graph = Graph()
    tokens = write_tokens(graph, graph.input("text", "string", ["N", 1]), "text", text)
    graph.output(tokens, 8, ["N", "tokens"])
    session = session_of(graph.model())
    for start in range(0, len(values), CHUNK):
        (found,) = session.run([tokens], {"text": values[start : start + CHUNK, None]})
        for row in found:
            # Only what comes after the last token is empty.
            yield [token for token in row if token]


def ngrams(tokens: Sequence[str], span: tuple[int, int]) -> Iterator[str]:
    """The runs of `span[0]` to `span[1]` neighbouring tokens."""
    low, high = span
    for length in range(low, high + 1):
        for start in range(len(tokens) - length + 1):
            yield " ".join(tokens[start : start + length])


def write_tokens(graph: Graph, value: str, name: str, text: Text) -> str:
    """Nodes from a raw text (N, 1) to its tokens (N, longest), "" after the last one."""
    flat = graph.constant([-1], f"{name}/flat", np.int64)
    value = graph.node("Reshape", [value, flat], f"{name}/flat_text")
    if text.lower:
        value = graph.node(
            "StringNormalizer",
            [value],
            f"{name}/lower",
            case_change_action="LOWER",
            locale="C",
        )
    pattern = CHARACTERS if text.tokens == "characters" else text.tokens
    value = graph.node(
        "com.microsoft.Tokenizer",
        [value],
        f"{name}/found",
        mark=0,
        mincharnum=1,
        pad_value="",
        tokenexp=pattern,
    )
    # When no text has a token there are no columns, which later nodes do not take.
    shape = graph.node("Shape", [value], f"{name}/rows", start=0, end=1)
    one = graph.constant([1], f"{name}/one", np.int64)
    wide = graph.node("Concat", [shape, one], f"{name}/column", axis=0)
    empty = graph.constant([[""]], f"{name}/empty", str)
    empty = graph.node("Expand", [empty, wide], f"{name}/empty_column")
    return graph.node("Concat", [value, empty], f"{name}/tokens", axis=1)


def write_count(graph: Graph, value: str, name: str, pattern: str) -> str:
    """Nodes from a raw text (N, 1) to how often a pattern stands in it, a float tensor (N, 1)."""
    tokens = write_tokens(graph, value, name, Text(tokens=pattern))
    nothing = graph.constant("", f"{name}/nothing", str)
    empty = graph.node("Equal", [tokens, nothing], f"{name}/empty_place")
    found = graph.node("Not", [empty], f"{name}/is_match")
    ones = graph.node("Cast", [found], f"{name}/matches", to=1)
    axes = graph.constant([1], f"{name}/axes", np.int64)
    return graph.node("ReduceSum", [ones, axes], f"{name}/count", keepdims=1)


def write_text(graph: Graph, value: str, fitted: FittedText) -> str:
    """Nodes for one text column.

    Args:
        graph: receives the nodes.
        value: name of the string tensor (N, 1).
        fitted: its vocabulary.

    Returns:
        name of a tensor (N, features): int32 for ids, else float.
    """
    tokens = write_tokens(graph, value, fitted.name, fitted.text)
    if isinstance(fitted.text.encode, Ids):
        return _write_ids(graph, tokens, fitted, fitted.text.encode)
    return _write_counts(graph, tokens, fitted)


def _write_counts(graph: Graph, tokens: str, fitted: FittedText) -> str:
    name = fitted.name
    low, high = fitted.text.ngrams
    by_length = [
        [
            (number, gram.split(" "))
            for number, gram in enumerate(fitted.vocabulary)
            if gram.count(" ") + 1 == length
        ]
        for length in range(1, high + 1)
    ]
    pool = [token for grams in by_length for _, gram in grams for token in gram]
    starts = np.cumsum([0, *(len(g) * n for n, g in enumerate(by_length, start=1))])[:-1]
    weights: dict[str, Any] = {}
    if fitted.weights:
        order = [number for grams in by_length for number, _ in grams]
        weights = {"weights": [fitted.weights[number] for number in order]}
    counts = graph.node(
        "TfIdfVectorizer",
        [tokens],
        f"{name}/counts",
        min_gram_length=low,
        max_gram_length=high,
        max_skip_count=0,
        mode="TFIDF" if fitted.weights else "TF",
        ngram_counts=[int(start) for start in starts],
        ngram_indexes=[number for grams in by_length for number, _ in grams],
        pool_strings=pool,
        **weights,
    )
    if fitted.text.encode == "multi-hot":
        return graph.node("Sign", [counts], f"{name}/hot")
    if fitted.text.encode == "tf-idf":
        axes = graph.constant([1], f"{name}/axes", np.int64)
        length = graph.node("ReduceL2", [counts, axes], f"{name}/length", keepdims=1)
        # A text without any known token stays a row of zeros.
        least = graph.constant(1e-12, f"{name}/least")
        length = graph.node("Max", [length, least], f"{name}/divisor")
        return graph.node("Div", [counts, length], f"{name}/normed")
    return counts


def _write_ids(graph: Graph, tokens: str, fitted: FittedText, ids: Ids) -> str:
    """Token numbers, filled up or cut to `length`.

    With n numbers in a row and L wanted, place j takes number j + shift, where shift is n - L when
    the row is filled up (n < L) or cut (n > L) before, and 0 when that happens after.
    """
    name = fitted.name
    unknown = fitted.first_id - 1
    numbers = graph.node(
        "ml.LabelEncoder",
        [tokens],
        f"{name}/numbers",
        keys_strings=["", *fitted.vocabulary],
        values_int64s=[
            FILLED_UP,
            *range(fitted.first_id, fitted.first_id + len(fitted.vocabulary)),
        ],
        default_int64=unknown,
    )
    if ids.start:
        pads = graph.constant([0, 1, 0, 0], f"{name}/start_place", np.int64)
        begin = graph.constant(1, f"{name}/start", np.int64)
        numbers = graph.node("Pad", [numbers, pads, begin], f"{name}/started", mode="constant")
    zero = graph.constant(0, f"{name}/zero", np.int64)
    axes = graph.constant([1], f"{name}/axes", np.int64)
    present = graph.node(
        "Cast", [graph.node("Greater", [numbers, zero], f"{name}/present")], f"{name}/ones", to=7
    )
    count = graph.node("ReduceSum", [present, axes], f"{name}/count", keepdims=1)
    length = graph.constant(ids.length, f"{name}/wanted", np.int64)
    surplus = graph.node("Sub", [count, length], f"{name}/surplus")
    shift = zero
    if ids.fill == "before":
        shift = graph.node("Min", [surplus, zero], f"{name}/filled")
    if ids.cut == "before":
        cut = graph.node("Max", [surplus, zero], f"{name}/cut")
        shift = graph.node("Add", [shift, cut], f"{name}/shift")
    places = graph.constant([list(range(ids.length))], f"{name}/places", np.int64)
    places = graph.node("Add", [places, shift], f"{name}/taken")
    # (N, length) of places, also where the shift is the same for every row.
    places = graph.node(
        "Add",
        [places, graph.node("Mul", [count, zero], f"{name}/rows_0")],
        f"{name}/places_of_rows",
    )
    there = graph.node(
        "And",
        [
            graph.node("GreaterOrEqual", [places, zero], f"{name}/not_before"),
            graph.node("Less", [places, count], f"{name}/not_after"),
        ],
        f"{name}/there",
    )
    safe = graph.node("Where", [there, places, zero], f"{name}/safe_places")
    gathered = graph.node("GatherElements", [numbers, safe], f"{name}/gathered", axis=1)
    kept = graph.node("Where", [there, gathered, zero], f"{name}/kept")
    return graph.node("Cast", [kept], f"{name}/ids", to=6)

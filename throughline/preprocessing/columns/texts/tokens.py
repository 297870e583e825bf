"""Tokens of a text: by nodes of the graph, in fitting as in serving."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from throughline.pipeline.schema.text import Text
from throughline.preprocessing.columns.texts.lowercase import write_lower
from throughline.preprocessing.graph.builder import Graph

if TYPE_CHECKING:
    from collections.abc import Sequence

# Texts in one call of the tokenizer: its output is as wide as the longest of them.
CHUNK = 256
# Texts of a call times characters of the longest: with one of 1.2 MB among 256 short ones a call
# took 4.4 GB, now 70 MB.
WIDEST = 4 * 2**20
CHARACTERS = "."


def tokenised(values: np.ndarray, text: Text) -> Iterator[list[str]]:
    """The tokens of each text, by the graph's own nodes."""
    from throughline.preprocessing.graph.runtime import session_of

    graph = Graph()
    tokens = write_tokens(graph, graph.input("text", "string", ["N", 1]), "text", text)
    graph.output(tokens, 8, ["N", "tokens"])
    session = session_of(graph.model())
    for chunk in _chunks(values):
        (found,) = session.run([tokens], {"text": values[chunk, None]})
        for row in found.tolist():
            # Only what comes after the last token is empty.
            yield row[: row.index("")] if row and not row[-1] else row


def _chunks(values: np.ndarray) -> Iterator[slice]:
    """Texts of a call, in order; a very long one goes alone."""
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    start = 0
    while start < len(values):
        longest = np.maximum.accumulate(lengths[start : start + CHUNK])
        fitting = int((longest * np.arange(1, len(longest) + 1) <= WIDEST).sum())
        yield slice(start, start + max(fitting, 1))
        start += max(fitting, 1)


def ngrams(tokens: Sequence[str], span: tuple[int, int]) -> Iterator[str]:
    """The runs of `span[0]` to `span[1]` neighbouring tokens."""
    low, high = span
    for length in range(low, high + 1):
        for start in range(len(tokens) - length + 1):
            yield " ".join(tokens[start : start + length])


def tokens_of(gram: str, text: Text) -> list[str]:
    """The tokens that `ngrams` joined.

    Characters are told by their places: a space is one of them. Only runs of tokens are joined by a
    space; a token alone may hold some of its own.

    Example:
        >>> tokens_of("a  ", Text(tokens="characters", ngrams=(1, 2)))
        ['a', ' ']
    """
    if text.ngrams[1] == 1:
        return [gram]
    return list(gram[::2]) if text.tokens == "characters" else gram.split(" ")


def write_tokens(
    graph: Graph, value: str, name: str, text: Text, *, one_column: bool = True
) -> str:
    """Nodes from a raw text (N, 1) to its tokens (N, longest), "" after the last one.

    Args:
        graph: receives the nodes.
        value: name of the raw text.
        name: of the column.
        text: its treatment.
        one_column: whether there is a column even where no text has a token, which all nodes but
            the TfIdfVectorizer need; it costs a copy of all tokens. Default: true.
    """
    flat = graph.constant([-1], f"{name}/flat", np.int64)
    value = graph.node("Reshape", [value, flat], f"{name}/flat_text")
    if text.lower:
        value = write_lower(graph, value, name)
    pattern = CHARACTERS if text.tokens == "characters" else text.tokens
    value = graph.node(
        "com.microsoft.Tokenizer",
        [value],
        f"{name}/found" if one_column else f"{name}/tokens",
        mark=0,
        mincharnum=1,
        pad_value="",
        tokenexp=pattern,
    )
    closes_gaps = text.ngrams[1] > 1 and bool(text.vocabulary.without)
    if not one_column and not closes_gaps:
        return value
    shape = graph.node("Shape", [value], f"{name}/rows", start=0, end=1)
    one = graph.constant([1], f"{name}/one", np.int64)
    wide = graph.node("Concat", [shape, one], f"{name}/column", axis=0)
    empty = graph.constant([[""]], f"{name}/empty", str)
    empty = graph.node("Expand", [empty, wide], f"{name}/empty_column")
    value = graph.node("Concat", [value, empty], f"{name}/tokens", axis=1)
    return _without_stop_words(graph, value, name, text) if closes_gaps else value


def _without_stop_words(graph: Graph, tokens: str, name: str, text: Text) -> str:
    """Nodes that take stop words out of (N, longest) tokens and close the gaps they leave.

    A token moves to the place that the number of kept ones before it gives; stop words and what
    fills up move to a column of their own, which is cut off.
    """
    words = sorted(stop_words(text))
    kept = graph.node(
        "ml.LabelEncoder",
        [tokens],
        f"{name}/kept",
        keys_strings=["", *words],
        values_int64s=[0] * (1 + len(words)),
        default_int64=1,
    )
    one, zero = (graph.constant(n, f"{name}/the_{n}", np.int64) for n in (1, 0))
    axis = graph.constant(1, f"{name}/along", np.int64)
    before = graph.node("CumSum", [kept, axis], f"{name}/kept_before", exclusive=1)
    width = graph.node("Shape", [tokens], f"{name}/width", start=1, end=2)
    is_kept = graph.node("Greater", [kept, zero], f"{name}/is_kept")
    places = graph.node("Where", [is_kept, before, width], f"{name}/moved_to")
    rows = graph.node("Shape", [tokens], f"{name}/rows_of_tokens", start=0, end=1)
    wider = graph.node("Add", [width, one], f"{name}/wider")
    shape = graph.node("Concat", [rows, wider], f"{name}/wider_shape", axis=0)
    nothing = graph.constant([[""]], f"{name}/filler", str)
    canvas = graph.node("Expand", [nothing, shape], f"{name}/canvas")
    moved = graph.node("ScatterElements", [canvas, places, tokens], f"{name}/moved", axis=1)
    begin = graph.constant([0], f"{name}/first_column", np.int64)
    axes = graph.constant([1], f"{name}/columns", np.int64)
    return graph.node("Slice", [moved, begin, width, axes], f"{name}/closed")


def stop_words(text: Text) -> frozenset[str]:
    """The words that are left out."""
    if text.vocabulary.without == "english":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return frozenset(ENGLISH_STOP_WORDS)
    return frozenset(text.vocabulary.without)


def write_count(graph: Graph, value: str, name: str, pattern: str) -> str:
    """Nodes from a raw text (N, 1) to how often a pattern stands in it, a float tensor (N, 1)."""
    tokens = write_tokens(graph, value, name, Text(tokens=pattern))
    nothing = graph.constant("", f"{name}/nothing", str)
    empty = graph.node("Equal", [tokens, nothing], f"{name}/empty_place")
    found = graph.node("Not", [empty], f"{name}/is_match")
    ones = graph.node("Cast", [found], f"{name}/matches", to=1)
    axes = graph.constant([1], f"{name}/axes", np.int64)
    return graph.node("ReduceSum", [ones, axes], f"{name}/count", keepdims=1)

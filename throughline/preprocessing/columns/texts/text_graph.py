"""The nodes of a fitted text column: counts, multi-hot, tf-idf and token numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.pipeline.schema.text import Ids
from throughline.preprocessing.columns.texts.tokens import tokens_of, write_tokens

if TYPE_CHECKING:
    from throughline.preprocessing.columns.kinds.text import FittedText
    from throughline.preprocessing.graph.builder import Graph

# Without weights, IDF is 1 where a token stands in the text, however often.
MODES = {"multi-hot": "IDF", "counts": "TF", "tf-idf": "TFIDF"}
FILLED_UP = 0
START = 1


def write_text(graph: Graph, value: str, fitted: FittedText) -> str:
    """Nodes for one text column.

    Args:
        graph: receives the nodes.
        value: name of the string tensor (N, 1).
        fitted: its vocabulary.

    Returns:
        name of a tensor (N, features): int32 for ids, else float.
    """
    if isinstance(fitted.text.encode, Ids):
        tokens = write_tokens(graph, value, fitted.name, fitted.text)
        return _write_ids(graph, tokens, fitted, fitted.text.encode)
    tokens = write_tokens(graph, value, fitted.name, fitted.text, one_column=False)
    return _write_counts(graph, tokens, fitted)


def _write_counts(graph: Graph, tokens: str, fitted: FittedText) -> str:
    name = fitted.name
    low, high = fitted.text.ngrams
    known = [(tokens_of(gram, fitted.text), place) for place, gram in enumerate(fitted.vocabulary)]
    by_length = [[k for k in known if len(k[0]) == length] for length in range(1, high + 1)]
    pool = [token for grams in by_length for gram, _ in grams for token in gram]
    starts = np.cumsum([0, *(len(g) * n for n, g in enumerate(by_length, start=1))])[:-1]
    weights: dict[str, Any] = {}
    if fitted.weights:
        places = [place for grams in by_length for _, place in grams]
        weights = {"weights": [fitted.weights[place] for place in places]}
    counts = graph.node(
        "TfIdfVectorizer",
        [tokens],
        f"{name}/counts",
        min_gram_length=low,
        max_gram_length=high,
        max_skip_count=0,
        mode=MODES[str(fitted.text.encode)],
        ngram_counts=[int(start) for start in starts],
        ngram_indexes=[place for grams in by_length for _, place in grams],
        pool_strings=pool,
        **weights,
    )
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
    known = fitted.vocabulary
    numbers = graph.node(
        "ml.LabelEncoder",
        [tokens],
        f"{name}/numbers",
        keys_strings=["", *known],
        values_int64s=[FILLED_UP, *range(ids.first_id, ids.first_id + len(known))],
        default_int64=ids.unknown_id,
    )
    if ids.start:
        pads = graph.constant([0, 1, 0, 0], f"{name}/start_place", np.int64)
        begin = graph.constant(START, f"{name}/start", np.int64)
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

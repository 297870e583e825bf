"""Small letters as Python's `str.lower` has them, by nodes that every runtime has.

onnxruntime's `StringNormalizer` folds what the machine's library folds: A to Z alone in one
runtime, É too in another. It is asked only where it cannot differ; capitals beyond A to Z are cut
out of the text, looked up, and the pieces are joined again. A batch of texts without one of them
pays for a search alone.
"""

from __future__ import annotations

import sys
from functools import cache

import numpy as np

from throughline.preprocessing.graph.builder import Graph

# What stands around a capital sigma and decides whether it ends a word: letters with a case, and
# marks that such a search skips (Unicode's Final_Sigma, chapter 3.13).
CASED = r"\p{Lu}\p{Ll}\p{Lt}ªº\x{2160}-\x{2188}\x{24B6}-\x{24E9}"
SKIPPED = (
    r"\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}'.:·\x{387}\x{55F}\x{5F4}\x{2018}\x{2019}\x{2024}\x{2027}"
    r"\x{FE13}\x{FE52}\x{FE55}\x{FF07}\x{FF0E}\x{FF1A}"
)
SIGMA, FINAL_SIGMA = "Σ", "ς"
BOOL, INT32 = 9, 6


def write_lower(graph: Graph, text: str, name: str) -> str:
    """Nodes that fold texts.

    Args:
        graph: receives the nodes.
        text: name of the texts, a string tensor (N,).
        name: of the column.

    Returns:
        name of the folded texts, (N,); each equals Python's `str.lower` of its own.
    """
    within = f"{name}/lower"
    capitals = _characters(_capitals())

    def folded() -> str:
        ended = graph.either(
            _any(graph, text, f"(?s).*{SIGMA}.*", f"{within}/has_sigma"),
            lambda: _final_sigmas(graph, text, f"{within}/sigma"),
            lambda: graph.node("Identity", [text], f"{within}/no_sigma"),
            f"{within}/ended",
        )
        pieces = _cut(graph, ended, f"[{capitals}]|[^{capitals}]+", f"{within}/pieces")
        return _joined(graph, _looked_up(graph, pieces, within), within)

    return graph.either(
        _any(graph, text, f"(?s).*[{capitals}].*", f"{within}/has_capitals"),
        folded,
        lambda: _a_to_z(graph, text, f"{within}/plain"),
        within,
    )


def _looked_up(graph: Graph, pieces: str, name: str) -> str:
    """Pieces (N, P) in small letters; each is one capital beyond A to Z or has none of them."""
    capitals = _capitals()
    small = graph.node(
        "ml.LabelEncoder",
        [pieces],
        f"{name}/found",
        keys_strings=list(capitals),
        values_strings=[capital.lower() for capital in capitals],
        default_string="",
    )
    flat = graph.constant([-1], f"{name}/flat", np.int64)
    shape = graph.node("Shape", [pieces], f"{name}/shape")
    row = graph.node("Reshape", [pieces, flat], f"{name}/row")
    plain = graph.node(
        "Reshape", [_a_to_z(graph, row, f"{name}/row_lower"), shape], f"{name}/other"
    )
    return graph.node("Where", [_is_empty(graph, small, name), plain, small], f"{name}/small")


def _final_sigmas(graph: Graph, text: str, name: str) -> str:
    """Texts (N,) in which each capital sigma that ends a word is the small one of a word's end.

    It ends the word when it is the last of its letters and not the only one.
    """
    words = _cut(graph, text, f"[{CASED}{SKIPPED}]+|[^{CASED}{SKIPPED}]+", f"{name}/words")
    pattern = f"[{SKIPPED}]*[{CASED}][{CASED}{SKIPPED}]*{SIGMA}[{SKIPPED}]*"
    ends = graph.node("RegexFullMatch", [words], f"{name}/ends", pattern=pattern)
    # (N, W) words into (N * W, Q) runs without a sigma and single ones.
    flat = graph.constant([-1], f"{name}/flat", np.int64)
    row = graph.node("Reshape", [words, flat], f"{name}/row")
    parts = _cut(graph, row, f"[^{SIGMA}]+|{SIGMA}", f"{name}/parts")
    column = graph.constant([-1, 1], f"{name}/column", np.int64)
    chosen = graph.node("Reshape", [ends, column], f"{name}/words_that_end")
    sigma = graph.constant(SIGMA, f"{name}/sigma", str)
    is_sigma = graph.node("Equal", [parts, sigma], f"{name}/is_sigma")
    chosen = graph.node("And", [chosen, is_sigma], f"{name}/sigma_of_word")
    later = parts
    # Between two of them stands at most one run.
    for place in ("next", "after_next"):
        later = _next(graph, later, f"{name}/{place}")
        other = graph.node("Equal", [later, sigma], f"{name}/{place}_is_sigma")
        last = graph.node("Not", [other], f"{name}/{place}_is_other")
        chosen = graph.node("And", [chosen, last], f"{name}/last_of_{place}")
    end = graph.constant(FINAL_SIGMA, f"{name}/end", str)
    parts = graph.node("Where", [chosen, end, parts], f"{name}/written")
    joined = _joined(graph, parts, f"{name}/word")
    shape = graph.node("Shape", [words], f"{name}/shape")
    joined = graph.node("Reshape", [joined, shape], f"{name}/of_rows")
    return _joined(graph, joined, f"{name}/text")


def _any(graph: Graph, text: str, pattern: str, name: str) -> str:
    """Whether any of the texts (N,) matches."""
    matches = graph.node("RegexFullMatch", [text], f"{name}/each", pattern=pattern)
    ones = graph.node("Cast", [matches], f"{name}/ones", to=INT32)
    most = graph.node("ReduceMax", [ones], f"{name}/most", keepdims=0)
    return graph.node("Cast", [most], name, to=BOOL)


def _a_to_z(graph: Graph, text: str, name: str) -> str:
    return graph.node("StringNormalizer", [text], name, case_change_action="LOWER", locale="C")


def _cut(graph: Graph, text: str, pattern: str, name: str) -> str:
    """The matches of texts (N,), (N, most), "" after the last one; at least one column."""
    found = graph.node(
        "com.microsoft.Tokenizer",
        [text],
        f"{name}/found",
        mark=0,
        mincharnum=1,
        pad_value="",
        tokenexp=pattern,
    )
    return graph.node("Concat", [found, _empty_column(graph, found, name)], name, axis=1)


def _next(graph: Graph, pieces: str, name: str) -> str:
    """In each place of (N, P) what stands in the next one; "" in the last."""
    one, end = (graph.constant([n], f"{name}/{n}", np.int64) for n in (1, sys.maxsize))
    later = graph.node("Slice", [pieces, one, end, one], f"{name}/later")
    return graph.node("Concat", [later, _empty_column(graph, pieces, name)], name, axis=1)


def _joined(graph: Graph, pieces: str, name: str) -> str:
    """The texts (N,) of which (N, P) are the pieces; neighbours are joined until one is left."""
    zero, one, two = (graph.constant([n], f"{name}/{n}", np.int64) for n in (0, 1, 2))

    def halved(wide: str) -> str:
        width = graph.node("Shape", [wide], f"{name}/width", start=1, end=2)
        filled = graph.node(
            "Concat", [wide, _empty_column(graph, wide, name)], f"{name}/filled", axis=1
        )
        further = graph.node("Add", [width, one], f"{name}/further")
        left = graph.node("Slice", [filled, zero, width, one, two], f"{name}/left")
        right = graph.node("Slice", [filled, one, further, one, two], f"{name}/right")
        return graph.node("StringConcat", [left, right], f"{name}/halved")

    def is_wide(value: str) -> str:
        width = graph.node("Shape", [value], f"{name}/pieces", start=1, end=2)
        return graph.node(
            "Squeeze", [graph.node("Greater", [width, one], f"{name}/more")], f"{name}/is_wide"
        )

    column = graph.while_true(is_wide, halved, pieces, f"{name}/joined")
    return graph.node("Squeeze", [column, one], f"{name}/text")


def _empty_column(graph: Graph, like: str, name: str) -> str:
    """A column (N, 1) of empty texts beside (N, P)."""
    rows = graph.node("Shape", [like], f"{name}/rows", start=0, end=1)
    one = graph.constant([1], f"{name}/column_width", np.int64)
    shape = graph.node("Concat", [rows, one], f"{name}/column_shape", axis=0)
    empty = graph.constant([[""]], f"{name}/empty", str)
    return graph.node("Expand", [empty, shape], f"{name}/empty_column")


def _is_empty(graph: Graph, value: str, name: str) -> str:
    nothing = graph.constant("", f"{name}/nothing", str)
    return graph.node("Equal", [value, nothing], f"{name}/is_empty")


@cache
def _capitals() -> tuple[str, ...]:
    """Every character beyond ASCII that Python folds."""
    characters = map(chr, range(128, sys.maxunicode + 1))
    return tuple(c for c in characters if c.lower() != c)


def _characters(characters: tuple[str, ...]) -> str:
    """The inside of a class of RE2 with these characters, neighbours as ranges."""
    ranges: list[list[int]] = []
    for point in map(ord, characters):
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(
        f"\\x{{{low:X}}}" + (f"-\\x{{{high:X}}}" if high > low else "") for low, high in ranges
    )

"""Token numbers back to words, for inspection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData

if TYPE_CHECKING:
    import onnx

UNKNOWN = "?"
START = "^"


def words_by_number(graph: onnx.ModelProto) -> dict[int, str]:
    """The word of each token number, from the graph that makes the numbers.

    Args:
        graph: preprocess.onnx or model.onnx with one text column of token numbers.

    Raises:
        BadData: the graph makes no token numbers.
    """
    for node in graph.graph.node:
        if node.op_type != "LabelEncoder":
            continue
        settings = {attribute.name: attribute for attribute in node.attribute}
        if {"keys_strings", "values_int64s"} <= set(settings):
            keys = (key.decode("utf-8") for key in settings["keys_strings"].strings)
            found = dict(zip(map(int, settings["values_int64s"].ints), keys, strict=True))
            found.setdefault(int(settings["default_int64"].i), UNKNOWN)
            found.setdefault(1, START)
            return found
    raise BadData(
        "The graph must make token numbers",
        remedy="Decoding is for columns with `encode: {ids: ...}`",
    )


def decoded(graph: onnx.ModelProto, numbers: np.ndarray, separator: str = " ") -> list[str]:
    """The texts as the network sees them: `^` for the start, `?` for an unknown token.

    Args:
        graph: see `words_by_number`.
        numbers: token numbers, shape (N, length).
        separator: between tokens. Default: a space.
    """
    words = words_by_number(graph)
    return [separator.join(filter(None, (words[n] for n in row))) for row in numbers.tolist()]

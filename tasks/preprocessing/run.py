"""Running a preprocessing graph: the only way in which rows become arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tasks.errors import BadData
from tasks.preprocessing.raw import raw_values
from tasks.preprocessing.runtime import session_of

if TYPE_CHECKING:
    import onnx
    import pandas as pd

# Rows in one call of the graph, so that wide rows never lie in memory all at once as floats.
CHUNK = 1024
PICTURES = 64
# Tokens lie as wide as the longest text of a call: 25,000 reviews take a fifth longer by 1024.
TEXTS = 32


def feed(rows: pd.DataFrame, inputs: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Raw columns as the graph's inputs, each of shape (rows, 1); pictures as they are."""
    values = {name: raw_values(rows, name, kind) for name, kind in inputs.items()}
    return {
        name: array if inputs[name] == "image" else array[:, None] for name, array in values.items()
    }


def run(
    graph: onnx.ModelProto,
    rows: pd.DataFrame,
    inputs: Mapping[str, str],
    types: Mapping[str, str],
    *,
    finite: bool = True,
) -> dict[str, np.ndarray]:
    """The features of raw rows, by onnxruntime.

    Args:
        graph: a fitted preprocessing.
        rows: raw rows.
        inputs: name and kind of each raw column that the graph takes.
        types: for each network input the type to keep it in.
        finite: whether a feature that is not finite is refused. Default: true.

    Returns:
        for each network input an array of shape (rows, features), or (rows, height, width,
        channels) for pictures.

    Raises:
        BadData: a feature that is not finite, with its input and row.
    """
    session = session_of(graph)
    shapes = {output.name: output.shape[1:] for output in session.get_outputs()}
    arrays = {name: np.empty((len(rows), *shape), types[name]) for name, shape in shapes.items()}
    pictures = "image" in inputs.values()
    # Pictures are read from the disk a chunk at a time.
    feeds = {} if pictures else feed(rows, inputs)
    texts = any(node.op_type == "Tokenizer" for node in graph.graph.node)
    step = PICTURES if pictures else TEXTS if texts else CHUNK
    for start in range(0, len(rows), step):
        chunk = slice(start, start + step)
        given = (
            feed(rows.iloc[chunk], inputs) if pictures else {n: a[chunk] for n, a in feeds.items()}
        )
        values = session.run(list(shapes), given)
        for name, part in zip(shapes, values, strict=True):
            if finite:
                _all_finite(name, part, start)
            arrays[name][chunk] = part
    return arrays


def _all_finite(name: str, values: np.ndarray, start: int) -> None:
    if np.isfinite(values).all():
        return
    row, feature = (int(number) for number in np.argwhere(~np.isfinite(values))[0][:2])
    raise BadData(
        f"Every value of '{name}' must be finite after preprocessing",
        f"{values[row, feature]} in row {start + row}, feature {feature}",
        "Give the column an `impute` or a `clip`",
    )

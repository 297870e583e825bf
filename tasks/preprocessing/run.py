"""Running a preprocessing graph: the only way in which rows become arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.errors import BadData
from tasks.preprocessing.fit import raw_values

if TYPE_CHECKING:
    import onnx
    import pandas as pd

# Rows in one call of the graph, so that wide one-hot rows never lie in memory all at once.
CHUNK = 4096


def feed(rows: pd.DataFrame, inputs: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Raw columns as the graph's inputs, each of shape (rows, 1)."""
    return {name: raw_values(rows, name, kind)[:, None] for name, kind in inputs.items()}


def run(
    graph: onnx.ModelProto, rows: pd.DataFrame, inputs: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """The features of raw rows, by onnxruntime.

    Args:
        graph: a fitted preprocessing.
        rows: raw rows.
        inputs: name and kind of each raw column that the graph takes.

    Returns:
        for each network input a float32 array of shape (rows, features).

    Raises:
        BadData: a feature that is not finite, with its input and row.
    """
    arrays = run_unchecked(graph, rows, inputs)
    for name, array in arrays.items():
        wrong = np.argwhere(~np.isfinite(array))
        if len(wrong):
            row, feature = (int(number) for number in wrong[0])
            raise BadData(
                f"Every value of '{name}' must be finite after preprocessing",
                f"{array[row, feature]} in row {row}, feature {feature}",
                "Give the column an `impute` or a `clip`",
            )
    return arrays


def run_unchecked(
    graph: onnx.ModelProto, rows: pd.DataFrame, inputs: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """As `run`, for rows whose features may lie beyond what a number can hold."""
    session = session_of(graph)
    names = [output.name for output in session.get_outputs()]
    parts = [session.run(names, chunk) for chunk in _chunks(feed(rows, inputs), len(rows))]
    return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)}


def session_of(graph: onnx.ModelProto) -> Any:
    """An onnxruntime session with one thread, which is faster for small graphs on shared cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _chunks(feeds: dict[str, np.ndarray], rows: int) -> Iterator[dict[str, np.ndarray]]:
    for start in range(0, max(rows, 1), CHUNK):
        yield {name: array[start : start + CHUNK] for name, array in feeds.items()}

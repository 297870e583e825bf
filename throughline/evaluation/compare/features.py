"""The arrays that comparison models see: sparse where nearly all of them is zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.evaluation.raw_rows import Rows, answers

if TYPE_CHECKING:
    import scipy.sparse

    from throughline.preprocessing.sparse import Sparse
    from throughline.samples.windows.gathered import Windowed

# Rows that are dense at a time.
CHUNK = 4096
# A table at least this wide with at most this share of numbers other than zero is kept sparse:
# 25,000 reviews by 10,000 words are 1 GB as float32 and 30 MB sparse.
WIDE = 1000
SPARSE = 0.05

Features = Any  # np.ndarray or scipy.sparse.csr_matrix, shape (N, F)


def training_features(folder: Path, inputs: Sequence[str]) -> Features:
    """The stored features of the training rows.

    Args:
        folder: of the prepared training rows.
        inputs: the network's inputs.

    Returns:
        all inputs side by side, shape (N, F).
    """
    from throughline.samples.rows.row_arrays import read_array

    return features_of([read_array(folder, name) for name in inputs])


def features_of(arrays: Sequence[np.ndarray | Windowed | Sparse]) -> Features:
    """Network inputs side by side, shape (N, F)."""
    count = len(arrays[0])

    def chunks() -> Iterator[np.ndarray]:
        for start in range(0, max(count, 1), CHUNK):
            yield side_by_side([array[start : start + CHUNK] for array in arrays])

    return _gathered(chunks())


def fresh_features(folder: Path, inputs: Sequence[str], rows: Rows) -> Features:
    """The features of raw rows, by the fitted graph.

    Raises:
        BadData: a feature that is not finite.
    """

    def chunks() -> Iterator[np.ndarray]:
        for start in range(0, rows.count, CHUNK):
            part = slice(start, start + CHUNK)
            columns = {name: values[part] for name, values in rows.columns.items()}
            some = Rows(columns, min(CHUNK, rows.count - start))
            found = answers(folder / "preprocess.onnx", some)
            yield _finite(side_by_side([found[name] for name in inputs]), start)

    return _gathered(chunks())


def side_by_side(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Several network inputs as one table, shape (N, F)."""
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)


def _gathered(chunks: Iterator[np.ndarray]) -> Features:
    first = next(chunks)
    sparse = first.shape[1] >= WIDE and np.count_nonzero(first) <= SPARSE * first.size
    if not sparse:
        return np.concatenate([first, *chunks])
    import scipy.sparse

    def compressed(chunk: np.ndarray) -> scipy.sparse.csr_matrix:
        return scipy.sparse.csr_matrix(chunk.astype(np.float32, copy=False))

    parts = [compressed(first), *(compressed(chunk) for chunk in chunks)]
    return scipy.sparse.vstack(parts, format="csr")


def _finite(features: np.ndarray, start: int) -> np.ndarray:
    wrong = np.argwhere(~np.isfinite(features))
    if len(wrong):
        row, feature = (int(number) for number in wrong[0])
        raise BadData(
            "Every feature of a test row must be finite",
            f"{features[row, feature]} in test row {start + row}, feature {feature}",
            "Give the column an `impute` or a `clip`",
        )
    return features

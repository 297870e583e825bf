"""Raw rows and the graphs that answer them; nothing here knows how a model was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.tokens.token_series import BLOCK, Texts, stored_windows

if TYPE_CHECKING:
    import pyarrow

    from throughline.serving.predictor import Predictor


@dataclass(frozen=True)
class Rows:
    """A table.

    Attributes:
        columns: each raw column, shape (N,); pictures (N, height, width, channels). Windows of
            texts are joined when they are asked for.
        count: the number of rows.
    """

    columns: Mapping[str, Any]
    count: int


def read_rows(path: Path) -> Rows:
    """The rows of a Parquet file; missing numbers become NaN, other missing values None."""
    import pyarrow.parquet

    # `read_table` and `to_numpy` would import pandas, which costs more than all the reading.
    with pyarrow.parquet.ParquetFile(path) as file:
        table = file.read()
    columns: dict[str, Any] = {name: _as_numpy(table.column(name)) for name in table.column_names}
    # The pictures of the rows, numbered from 0 in their order.
    for pixels in sorted(path.with_suffix(".images").glob("*.npy")):
        columns[pixels.stem] = np.load(pixels, mmap_mode="r", allow_pickle=False)
    for name, series in stored_windows(path).items():
        columns[name] = Texts(series, columns[name])
    return Rows(columns, table.num_rows)


def _as_numpy(column: pyarrow.ChunkedArray) -> np.ndarray:
    from pyarrow import compute, float64, types, uint8

    array = column.combine_chunks()
    if types.is_boolean(array.type) and not array.null_count:
        return np.from_dlpack(array.cast(uint8())).astype(bool)
    if types.is_integer(array.type) or types.is_floating(array.type):
        if array.null_count:
            array = compute.fill_null(array.cast(float64(), safe=False), np.nan)
        return np.from_dlpack(array)
    values = np.empty(len(array), dtype=object)
    values[:] = array.to_pylist()
    return values


def sampled(rows: Rows, most: int, pictures: bool = True) -> Rows:
    """At most so many rows, evenly spread.

    Args:
        rows: a table.
        most: how many.
        pictures: rows that hold none are all taken. Defaults to True.
    """
    whole = pictures and all(values.ndim == 1 for values in rows.columns.values())
    if whole or rows.count <= most:
        return rows
    places = np.linspace(0, rows.count - 1, most).astype(np.int64)
    return Rows({name: values[places] for name, values in rows.columns.items()}, most)


def parameters(path: Path) -> int | None:
    """How many numbers the network of a model learned, as its metadata say."""
    from throughline.serving.predictor import Predictor

    count = Predictor(path).metadata.get("training", {}).get("parameters")
    return None if count is None else int(count)


def answers(path: Path, rows: Rows) -> dict[str, np.ndarray]:
    """The outputs of an ONNX graph for raw rows, by the code that serves it.

    Args:
        path: `model.onnx` or `preprocess.onnx`; its inputs are named like raw columns.
        rows: at least one row.

    Raises:
        BadData: a row that the graph refuses.
    """
    from throughline.serving.errors import BadRequest
    from throughline.serving.predictor import Predictor

    try:
        if not any(isinstance(values, Texts) for values in rows.columns.values()):
            return Predictor(path).predict(rows.columns)
        return _answered_in_parts(Predictor(path), rows)
    except BadRequest as error:
        raise BadData(
            f"The rows must be ones that '{path.name}' answers. {error}",
            remedy="Give the column an `impute`, or set such rows aside by an expectation",
        ) from None


def _answered_in_parts(predictor: Predictor, rows: Rows) -> dict[str, np.ndarray]:
    """The answers to windows, so that the texts of a part alone are in memory."""
    parts = [
        predictor.predict(
            {name: held[start : start + BLOCK] for name, held in rows.columns.items()}
        )
        for start in range(0, max(rows.count, 1), BLOCK)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

"""Raw rows and the graphs that answer them; nothing here knows how a model was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.errors import BadData


@dataclass(frozen=True)
class Rows:
    """A table.

    Attributes:
        columns: each raw column, shape (N,).
        count: the number of rows.
    """

    columns: Mapping[str, np.ndarray]
    count: int


def read_rows(path: Path) -> Rows:
    """The rows of a Parquet file; missing numbers become NaN, other missing values None."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    columns = {
        name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names
    }
    return Rows(columns, table.num_rows)


def answers(path: Path, rows: Rows) -> dict[str, np.ndarray]:
    """The outputs of an ONNX graph for raw rows, by the code that serves it.

    Args:
        path: `model.onnx` or `preprocess.onnx`; its inputs are named like raw columns.
        rows: at least one row.

    Raises:
        BadData: a row that the graph refuses.
    """
    from serving.errors import BadRequest
    from serving.predictor import Predictor

    try:
        return Predictor(path).predict(rows.columns)
    except BadRequest as error:
        raise BadData(
            f"The rows must be ones that '{path.name}' answers. {error}",
            remedy="Give the column an `impute`, or set such rows aside by an expectation",
        ) from None

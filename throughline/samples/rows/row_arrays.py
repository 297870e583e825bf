"""Training arrays of rows: whole, sparse, or windows over tokens.

Of windows the numbers of all tokens are held once, and a position a row.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.preprocessing import arrays as whole
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.sparse import Sparse
from throughline.samples.windows.gathered import Windowed
from throughline.tokens.token_rows import is_windows, texts_of

if TYPE_CHECKING:
    import pandas as pd

    from throughline.preprocessing.fit import Preprocessing


def arrays(
    fitted: Preprocessing, rows: pd.DataFrame, training: np.ndarray | None = None
) -> dict[str, np.ndarray | Windowed | Sparse]:
    """For each network input the array of its features, rows first.

    Token numbers of windows are gathered from the numbers of the single tokens, which the graph
    gives. That the graph gives the same for every whole window is seen on all rows; where it does
    not, as with another length or a pattern that reads across tokens, the array is made.

    Args:
        fitted: a preprocessing.
        rows: raw rows.
        training: numbers of the rows that it was fitted on. Default: all.
    """
    found = {name: _windowed(fitted, rows, name, column) for name, column in _columns(fitted, rows)}
    result: dict[str, np.ndarray | Windowed | Sparse] = dict(
        whole.arrays(fitted, rows, found, training)
    )
    return result


def _columns(fitted: Preprocessing, rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Network inputs of as many token numbers as the windows of their column have tokens."""
    return [
        (name, each.column)
        for name, each in fitted.network.items()
        if len(rows)
        and each.type == "int32"
        and is_windows(rows[each.column])
        and len(each.features) == texts_of(rows[each.column]).series.length
    ]


def _windowed(fitted: Preprocessing, rows: pd.DataFrame, name: str, column: str) -> Windowed:
    texts = texts_of(rows[column])
    # Of these rows alone, so that nothing of other rows is kept beside them.
    series, ends = texts.series.restricted_to(texts.ends)
    alone = rows.iloc[np.zeros(len(series.words), dtype=np.int64)].reset_index(drop=True)
    alone = alone.assign(**{column: series.words}).astype({column: "str"})
    numbers = run(fitted.graph, alone, fitted.inputs, fitted.types)[name]
    # A single token stands at the end that is not filled up.
    table = np.where(numbers[:, -1] != 0, numbers[:, -1], numbers[:, 0])
    offsets = np.arange(1 - series.length, 1, dtype=np.int32)
    return Windowed(table[series.codes], ends.astype(np.int32), offsets)


def write_array(array: np.ndarray | Windowed | Sparse, folder: Path, name: str) -> None:
    """Write the array of a network input, or the parts of its windows or sparse rows."""
    parts: dict[str, np.ndarray]
    if isinstance(array, Windowed):
        parts = {"": array.series, ".ends": array.ends, ".offsets": array.offsets}
    elif isinstance(array, Sparse):
        parts = {f".{field.name}": getattr(array, field.name) for field in fields(array)}
    else:
        parts = {"": array}
    for part, content in parts.items():
        np.save(folder / f"{name}{part}.npy", content, allow_pickle=False)


def read_array(folder: Path, name: str) -> np.ndarray | Windowed | Sparse:
    """The array of a network input, mapped into memory."""

    def stored(part: str) -> np.ndarray:
        mapped: np.ndarray = np.load(
            folder / f"{name}{part}.npy", mmap_mode="r", allow_pickle=False
        )
        return mapped

    if (folder / f"{name}.zeros.npy").exists():
        return Sparse(**{field.name: stored(f".{field.name}") for field in fields(Sparse)})
    if not (folder / f"{name}.ends.npy").exists():
        return stored("")
    return Windowed(stored(""), stored(".ends"), stored(".offsets"))

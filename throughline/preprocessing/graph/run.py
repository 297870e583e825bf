"""Running a preprocessing graph: the only way in which rows become arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.preprocessing import aligned
from throughline.preprocessing.foresight import foresee
from throughline.preprocessing.graph.runtime import session_of
from throughline.preprocessing.raw import raw_values
from throughline.preprocessing.sparse import Sparse, compressed, joined, pays
from throughline.tokens.token_rows import is_windows
from throughline.tokens.token_series import BLOCK

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
    gathered: Mapping[str, Any] | None = None,
    features: Mapping[str, Sequence[str]] | None = None,
    sparse: Collection[str] = (),
) -> dict[str, Any]:
    """The features of raw rows, by onnxruntime.

    Args:
        graph: a fitted preprocessing.
        rows: raw rows.
        inputs: name and kind of each raw column that the graph takes.
        types: for each network input the type to keep it in.
        finite: whether a feature that is not finite is refused. Default: true.
        gathered: for network inputs what stands for their array where all its rows are what the
            graph gives; no array is made of these. Default: of none.
        features: for each network input their names, for messages. Default: nobody knows.
        sparse: network inputs that may be held without their zeros, where that saves much memory.
            Default: none.

    Returns:
        for each network input an array of shape (rows, features), or (rows, height, width,
        channels) for pictures; or what `gathered` has for it.

    Raises:
        TooLarge: an array that does not fit the memory.
        BadData: a feature that is not finite, with its input and row.
    """
    session = session_of(graph)
    shapes = {output.name: output.shape[1:] for output in session.get_outputs()}
    arrays: dict[str, Any] = dict(gathered or {})

    def computed(name: str) -> np.ndarray:
        shape = (len(rows), *shapes[name])
        foresee(name, shape, types[name], (features or {}).get(name, ()))
        return aligned.empty(shape, types[name])

    # Of inputs that turn out to be nearly all zeros: the rows so far, without those.
    held_sparse: dict[str, list[Sparse]] = {}
    texts = any(node.op_type == "Tokenizer" for node in graph.graph.node)
    step = PICTURES if "image" in inputs.values() else TEXTS if texts else CHUNK
    for start, given in _chunks(rows, inputs, step):
        chunk = slice(start, start + step)
        values = session.run(list(shapes), given)
        for name, part in zip(shapes, values, strict=True):
            if finite and name not in held_sparse:
                _all_finite(name, part, start)
            if name not in arrays:
                shape = (len(rows), *shapes[name])
                if name not in held_sparse and not (
                    name in sparse and pays(shape, types[name], part)
                ):
                    arrays[name] = computed(name)
                else:
                    some = compressed(part.astype(types[name], copy=False))
                    if finite and not np.isfinite(some.values).all():
                        _all_finite(name, part, start)
                    held_sparse.setdefault(name, []).append(some)
                    continue
            held = arrays[name]
            if not isinstance(held, np.ndarray):
                if np.array_equal(held[chunk], part):
                    continue
                arrays[name] = computed(name)
                arrays[name][:start] = held[:start]
            arrays[name][chunk] = part
    arrays |= {name: joined(parts) for name, parts in held_sparse.items()}
    arrays |= {name: computed(name) for name in shapes if name not in arrays}
    return {name: arrays[name] for name in shapes}


def _chunks(
    rows: pd.DataFrame, inputs: Mapping[str, str], step: int
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """The first row and the feed of each `step` rows."""
    # Pictures are read from the disk, and windows of texts are joined, some at a time.
    block = max(len(rows), 1)
    if "image" in inputs.values():
        block = step
    elif any(is_windows(rows[name]) for name in inputs):
        block = max(BLOCK // step, 1) * step
    for first in range(0, len(rows), block):
        feeds = feed(rows.iloc[first : first + block], inputs)
        for start in range(first, min(first + block, len(rows)), step):
            part = slice(start - first, start - first + step)
            yield start, {name: array[part] for name, array in feeds.items()}


def _all_finite(name: str, values: np.ndarray, start: int) -> None:
    if np.isfinite(values).all():
        return
    row, feature = (int(number) for number in np.argwhere(~np.isfinite(values))[0][:2])
    raise BadData(
        f"Every value of '{name}' must be finite after preprocessing",
        f"{values[row, feature]} in row {start + row}, feature {feature}",
        "Give the column an `impute` or a `clip`",
    )

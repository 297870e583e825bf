"""Columns of a request that are rows, or windows of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest


def shape_of(name: str, values: Any) -> tuple[int, ...]:
    if isinstance(values, np.ndarray) and values.ndim:
        return tuple(values.shape)
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise BadRequest(f"Column '{name}' must be a list of rows. Received: {values!r:.80}.")
    lengths = {len(v) if isinstance(v, list | tuple | np.ndarray) else -1 for v in values}
    if lengths == {-1} or not lengths:
        return (len(values),)
    if len(lengths) > 1:
        raise BadRequest(
            f"Windows of column '{name}' must have one length. Received: {sorted(lengths)}."
        )
    return (len(values), lengths.pop())


def shape_text(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} rows" if len(shape) == 1 else f"{shape[0]} windows of {shape[1]} rows"


def flattened(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return values.ravel()
    nested = len(values) > 0 and isinstance(values[0], list | tuple | np.ndarray)
    return [value for window in values for value in window] if nested else list(values)

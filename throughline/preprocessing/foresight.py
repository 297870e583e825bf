"""What features would take of the memory, said before it is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from throughline.errors import BadData
from throughline.memory import free_bytes

# What a stage needs beside its largest array, and what the system should keep.
ROOM_BYTES = 2**29


class TooLarge(BadData, MemoryError):
    """Features that do not fit the memory; make them fewer, or hold fewer rows."""


def foresee(name: str, shape: tuple[int, ...], dtype: Any, features: Sequence[str] = ()) -> None:
    """Refuse an array that does not fit what memory is free, before the machine does.

    Args:
        name: of the network input.
        shape: of its array.
        dtype: of its values.
        features: their names, for the key that makes them fewer. Default: nobody knows.

    Raises:
        TooLarge: it does not fit.
    """
    size = float(np.prod(shape, dtype=np.float64)) * np.dtype(dtype).itemsize
    free = free_bytes()
    if free is None or size + ROOM_BYTES <= free:
        return
    rows, *rest = shape
    raise TooLarge(
        f"The features of '{name}' must fit the memory that is free, {free / 1e9:.1f} GB",
        f"{rows:,} rows x {'x'.join(map(str, rest))} features of {np.dtype(dtype).name} are "
        f"{size / 1e9:.1f} GB",
        _remedy(features),
    )


def _remedy(features: Sequence[str]) -> str:
    by_column = Counter(
        feature.split(mark)[0] for feature in features for mark in ("=", "#") if mark in feature
    )
    if not by_column:
        return "Leave columns out, take fewer rows, or use a machine with more memory"
    ((column, count),) = by_column.most_common(1)
    return (
        f"{count:,} of the features are column '{column}': lower its `vocabulary` in "
        f"columns.{column}.text, or encode its levels by `target`, `frequency` or `ids`"
    )

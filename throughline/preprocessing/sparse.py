"""Features of which nearly all are zero, as rows of those that are not.

They have the shape, type and rows of the array they stand for; the training program makes a batch
at a time of them, as it gathers windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

Tensor = Any

# Of the array as a whole: a smaller one is quicker as it is, and nobody misses its memory.
LARGE_BYTES = 2**29
# A value and its column take two to five times the bytes of a value.
MOST_PRESENT = 0.1


class DeviceSparse(NamedTuple):
    """Tensors of `Sparse`."""

    values: Tensor
    columns: Tensor
    begins: Tensor
    counts: Tensor
    places: Tensor
    zeros: Tensor

    def rows(self, rows: Tensor, gather: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Rows as they would be in the whole array, (batch, features).

        Args:
            rows: their numbers, shape (batch,).
            gather: of the backend.
        """
        from keras import ops

        count = ops.expand_dims(gather(self.counts, rows), 1)
        there = self.places < count
        place = ops.where(there, ops.expand_dims(gather(self.begins, rows), 1) + self.places, 0)
        # What fills a row up adds nothing, in whatever column.
        values = ops.where(there, ops.cast(gather(self.values, place), "float32"), 0.0)
        columns = gather(self.columns, place)
        numbers = ops.broadcast_to(
            ops.expand_dims(ops.arange(rows.shape[0], dtype="int32"), 1), columns.shape
        )
        where = ops.stack([ops.reshape(numbers, (-1,)), ops.reshape(columns, (-1,))], axis=1)
        shape = (rows.shape[0], self.zeros.shape[0])
        return ops.scatter(where, ops.reshape(values, (-1,)), shape)


@dataclass(frozen=True, eq=False)
class Sparse:
    """Rows of features, (N, F), of which those that are zero are not held.

    Attributes:
        values: (held,) features that are not zero, row after row, in the type of all.
        columns: int32 (held,), the feature that each is.
        begins: int32 (N,), where in `values` each row begins.
        counts: int32 (N,), how many are its own.
        places: int32 (most in a row,), 0, 1, 2 ...
        zeros: uint8 (F,), a row without any.
    """

    values: np.ndarray
    columns: np.ndarray
    begins: np.ndarray
    counts: np.ndarray
    places: np.ndarray
    zeros: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Of the array that this stands for."""
        return (len(self.counts), len(self.zeros))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the features."""
        return self.values.dtype

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        """The arrays that are held."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, rows: Any) -> np.ndarray:
        begins, counts = (np.atleast_1d(part[rows]) for part in (self.begins, self.counts))
        found = np.zeros((len(counts), len(self.zeros)), self.dtype)
        before = np.cumsum(counts) - counts
        places = np.arange(int(counts.sum())) + np.repeat(begins - before, counts)
        found[np.repeat(np.arange(len(counts)), counts), self.columns[places]] = self.values[places]
        return found if np.ndim(self.counts[rows]) else found[0]

    def on_device(self, put: Callable[[np.ndarray], Tensor]) -> DeviceSparse:
        """The same as tensors."""
        return DeviceSparse(*map(put, self.parts))


def joined(arrays: list[Sparse]) -> Sparse:
    """The rows of several arrays, one below the other."""
    held = np.cumsum([0, *(len(array.values) for array in arrays)])
    return Sparse(
        np.concatenate([array.values for array in arrays]),
        np.concatenate([array.columns for array in arrays]),
        np.concatenate(
            [array.begins + np.int32(first) for array, first in zip(arrays, held, strict=False)]
        ),
        np.concatenate([array.counts for array in arrays]),
        max((array.places for array in arrays), key=len),
        arrays[0].zeros,
    )


def compressed(chunk: np.ndarray) -> Sparse:
    """An array (rows, features) without its zeros."""
    # In one row of truth values they are found ten times as fast as in a matrix of numbers.
    numbers, columns = np.divmod(np.flatnonzero(chunk != 0), max(chunk.shape[1], 1))
    counts = np.bincount(numbers, minlength=len(chunk)).astype(np.int32)
    begins = (np.cumsum(counts) - counts).astype(np.int32)
    places = np.arange(max(int(counts.max(initial=0)), 1), dtype=np.int32)
    zeros = np.zeros(chunk.shape[1], np.uint8)
    return Sparse(chunk[numbers, columns], columns.astype(np.int32), begins, counts, places, zeros)


def pays(shape: tuple[int, ...], dtype: Any, chunk: np.ndarray) -> bool:
    """Whether an array of that shape and type is better held sparse, by some of its rows."""
    size = float(np.prod(shape, dtype=np.float64)) * np.dtype(dtype).itemsize
    if len(shape) != 2 or size < LARGE_BYTES or not chunk.size:
        return False
    return bool(np.count_nonzero(chunk) <= MOST_PRESENT * chunk.size)

"""Arrays of windows that are never made: a series, positions and offsets.

They have the shape, type and rows of the array they stand for, and the training program gathers
their rows batch by batch. Memory stays that of the series.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from throughline.preprocessing.sparse import DeviceSparse

Tensor = Any


class DeviceWindows(NamedTuple):
    """Tensors of `Windowed`."""

    series: Tensor
    ends: Tensor
    offsets: Tensor


class DeviceAhead(NamedTuple):
    """Tensors of `Ahead` without a change."""

    series: Tensor
    ends: Tensor
    horizons: Tensor
    scale: Tensor
    row: Tensor


class DeviceDifference(NamedTuple):
    """Tensors of `Ahead` that says how far the value is from an older one."""

    series: Tensor
    ends: Tensor
    horizons: Tensor
    bases: Tensor
    scale: Tensor
    row: Tensor


class DevicePercent(NamedTuple):
    """Tensors of `Ahead` that says by what part of an older value it differs from it."""

    series: Tensor
    ends: Tensor
    horizons: Tensor
    bases: Tensor
    scale: Tensor
    row: Tensor


@dataclass(frozen=True, eq=False)
class Windowed:
    """Windows of features, (N, steps, F), the oldest step first.

    Attributes:
        series: (T, F), float32 or another type of features, in an order in which windows may lie
            in one piece (`throughline.samples.windows.phases`).
        ends: int32 (N,), where in it the newest row of each window is.
        offsets: int32 (steps,), rows counted from the newest one.
    """

    series: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array that this stands for."""
        return (len(self.ends), len(self.offsets), *self.series.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the features."""
        return self.series.dtype

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        """The arrays that are held."""
        return (self.series, self.ends, self.offsets)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, rows: Any) -> np.ndarray:
        ends = np.asarray(self.ends[rows])
        if self._in_one_piece is None:
            return np.asarray(self.series[ends[..., None] + self.offsets])
        # Always by a list of numbers, for one number alone would give a view of the series.
        found = self._in_one_piece[ends.reshape(-1) + self.offsets[0]]
        return np.asarray(found.reshape(*ends.shape, *self.shape[1:]))

    @cached_property
    def _in_one_piece(self) -> np.ndarray | None:
        """A view of the windows at every row, each in one piece; none if they have gaps.

        Numpy copies them by one call a window, five times as fast as row by row.
        """
        count = len(self.offsets)
        contiguous = self.series.flags.c_contiguous and len(self.series) >= count > 0
        if not contiguous or (np.diff(self.offsets) != 1).any():
            return None
        row = self.series[:1].size
        places = (len(self.series) - count + 1, count * row)
        strides = (row * self.series.itemsize, self.series.itemsize)
        return np.ndarray(places, self.dtype, self.series, strides=strides)

    def on_device(self, put: Callable[[np.ndarray], Tensor]) -> DeviceWindows:
        """The same as tensors."""
        return DeviceWindows(*map(put, self.parts))


@dataclass(frozen=True, eq=False)
class Ahead:
    """Targets after each window, scaled as training sees them.

    Attributes:
        series: float32 (T, K), the targets in their own units.
        ends: int32 (N,), the newest known row of each window.
        horizons: int32 (H,), rows after it.
        bases: int32 (H,), rows, counted from it, whose value a change starts from; None without.
        kind: `difference`, `percent` or None.
        scale: float32 (2, K), what is subtracted and what is divided by.
        row: the shape of one target, (H * K,) or (H, K).
    """

    series: np.ndarray
    ends: np.ndarray
    horizons: np.ndarray
    bases: np.ndarray | None
    kind: str | None
    scale: np.ndarray
    row: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array that this stands for."""
        return (len(self.ends), *(int(size) for size in self.row))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the targets."""
        return self.series.dtype

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        """The arrays that are held."""
        held = (self.series, self.ends, self.horizons, self.bases, self.scale, self.row)
        return tuple(part for part in held if part is not None)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, rows: Any) -> np.ndarray:
        values = self.unscaled(rows)
        scaled = (values - self.scale[0]) / self.scale[1]
        return np.asarray(scaled.reshape(len(values), *self.row).astype(np.float32))

    def unscaled(self, rows: Any) -> np.ndarray:
        """Values or changes, (rows, H, K), before they are scaled."""
        ends = np.atleast_1d(self.ends[rows])[:, None]
        values = self.series[ends + self.horizons]
        if self.bases is None:
            return np.asarray(values)
        old = self.series[ends + self.bases]
        return np.asarray(values - old if self.kind == "difference" else 100 * (values - old) / old)

    def on_device(self, put: Callable[[np.ndarray], Tensor]) -> Any:
        """The same as tensors."""
        kinds: dict[str | None, Any] = {
            None: DeviceAhead,
            "difference": DeviceDifference,
            "percent": DevicePercent,
        }
        return kinds[self.kind](*map(put, self.parts))


class Block(NamedTuple):
    """The rows of one training in an array that holds those of several, one below the other."""

    array: Any
    start: Tensor


def rows_of(array: Tensor, rows: Tensor, gather: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Rows of an array on the device, or of windows.

    Args:
        array: a tensor, what `on_device` gave, or a block of one of them.
        rows: row numbers, shape (batch,).
        gather: of the backend.
    """
    from keras import ops

    if isinstance(array, Block):
        return rows_of(array.array, rows + array.start, gather)
    if isinstance(array, DeviceSparse):
        return array.rows(rows, gather)
    if isinstance(array, DeviceWindows):
        ends = gather(array.ends, rows)
        return gather(array.series, ops.expand_dims(ends, 1) + array.offsets)
    if not isinstance(array, DeviceAhead | DeviceDifference | DevicePercent):
        return gather(array, rows)
    ends = ops.expand_dims(gather(array.ends, rows), 1)
    values = gather(array.series, ends + array.horizons)
    if not isinstance(array, DeviceAhead):
        old = gather(array.series, ends + array.bases)
        values = values - old
        if isinstance(array, DevicePercent):
            values = 100.0 * values / old
    values = (values - array.scale[0]) / array.scale[1]
    return _shaped(values, array)


def _shaped(values: Tensor, array: Any) -> Tensor:
    """(batch, H, K) as the network answers: the rank of the row is known, its sizes follow."""
    from keras import ops

    if array.row.shape[0] == 2:
        return values
    return ops.reshape(values, (-1, values.shape[1] * values.shape[2]))

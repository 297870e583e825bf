"""Raw windows as a forecaster takes them: complete, in order, oldest row first, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from throughline.serving import clock
from throughline.serving.errors import BadRequest

# How far outside the range of its training values, in widths of that range, a value may lie.
ROOM = 1.0
TIMESTAMP = "timestamp"

Converted = Callable[[str, Mapping[str, Any], Any], np.ndarray]


class Windowing:
    """The windows of a model.

    Args:
        window: the metadata's entry `window`.
        inputs: the contract of each raw column.
    """

    def __init__(self, window: Mapping[str, Any], inputs: Mapping[str, Mapping[str, Any]]) -> None:
        self.length = int(window["extent"]["length"])
        self._index: Mapping[str, Any] = window["index"]
        self._grid: Mapping[str, Any] = window["grid"]
        self._every = window["every"]
        self._groups: list[str] = window["group"]
        # Rows that were resampled for the training lie anywhere in their steps, others do not.
        self._exact = window.get("resample", "unknown") is None
        self._inputs = inputs

    @property
    def columns(self) -> list[str]:
        """The raw columns that are needed besides the time."""
        return [name for name in self._inputs if name != TIMESTAMP]

    def feed(
        self, columns: Mapping[str, Any], converted: Converted, ranges: bool = True
    ) -> dict[str, np.ndarray]:
        """Windows as the runtime takes them.

        Args:
            columns: for each raw column (windows, length), one row a window, or the rows of one
                or several series one below the other, (rows,), of which every complete window is
                taken. The time stands in the columns that the pipeline file names, or in
                `timestamp`, as seconds of the wall clock since 1970.
            converted: brings a raw column into the type of the model, or refuses it.
            ranges: whether values far outside those of the training are refused.

        Returns:
            for each input of the model an array (windows, length).

        Raises:
            BadRequest: a wrong length, rows that are not oldest first or not one step apart, a
                value that is missing, of a wrong type, or far out of range.
        """
        shape = self._shape(columns)
        # Once the length is right, all checks are of rows one below the other.
        flat = {name: _flat(values) for name, values in columns.items() if name in self._known}
        wall = self._wall(flat)
        if wall.size != np.prod(shape):
            raise BadRequest(
                f"Columns and time must have the same length. Received: {_said(shape)}, and "
                f"{wall.size} times."
            )
        self._in_order(wall.reshape(shape), flat)
        arrays = self._arrays(flat, wall, converted, ranges)
        if len(shape) == 2:
            return {name: array.reshape(shape) for name, array in arrays.items()}
        rows = self._rows(flat, shape[0])
        return {name: array[rows] for name, array in arrays.items()}

    def moment(
        self, row: Mapping[str, Any], converted: Converted, after: int | None, ranges: bool = True
    ) -> int:
        """The seconds since 1970 in UTC of one row, whose values are checked too.

        Args:
            row: for each raw column a list of its one value.
            converted: as for `feed`.
            after: the moment of the row before it, if there is one.
            ranges: as for `feed`.

        Raises:
            BadRequest: as `feed`, but for the length and the order.
        """
        known = {name: values for name, values in row.items() if name in self._known}
        wall = self._wall(known)
        self._arrays(known, wall, converted, ranges)
        return int(clock.utc(wall, self._index.get("zone"), after=after)[0])

    def apart(self, older: int, newer: int) -> int:
        """Steps of the grid from one moment to another."""
        steps, _ = clock.steps(np.array([older, newer], dtype=np.int64), self._grid)
        return int(steps[1] - steps[0])

    def series(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """What the columns that tell series apart hold, as far as they are given."""
        return tuple(str(row[name]) for name in self._groups if name in row)

    def _arrays(
        self, flat: Mapping[str, Any], wall: np.ndarray, converted: Converted, ranges: bool
    ) -> dict[str, np.ndarray]:
        """Rows one below the other as the runtime takes them, their values checked."""
        arrays = {
            name: wall if name == TIMESTAMP else converted(name, entry, flat[name])
            for name, entry in self._inputs.items()
        }
        if ranges:
            for name, entry in self._inputs.items():
                _in_range(name, entry, arrays[name])
        return arrays

    @property
    def _known(self) -> list[str]:
        hour = [self._index["hour"]] if self._index.get("hour") else []
        return [*self._inputs, TIMESTAMP, *self._index["columns"], *hour, *self._groups]

    def _shape(self, columns: Mapping[str, Any]) -> tuple[int, ...]:
        shapes = {name: _shape_of(name, columns[name]) for name in self.columns}
        name, shape = next(iter(shapes.items()))
        for other, size in shapes.items():
            if size != shape:
                raise BadRequest(
                    f"Columns must have the same length. Received: '{name}' with {_said(shape)}, "
                    f"'{other}' with {_said(size)}."
                )
        if len(shape) > 2:
            raise BadRequest(
                f"Column '{name}' must be rows, or windows of rows. Received: an array of the "
                f"shape {shape}."
            )
        wrong = shape[-1] < self.length if len(shape) == 1 else shape[1] != self.length
        if wrong:
            raise BadRequest(
                f"A window must have {self.length} rows, {self._every} apart, the oldest first. "
                f"Received: {shape[-1]}."
            )
        return shape

    def _wall(self, flat: Mapping[str, Any]) -> np.ndarray:
        if TIMESTAMP in flat and TIMESTAMP not in self._index["columns"]:
            try:
                return np.asarray(flat[TIMESTAMP], dtype=np.int64)
            except (TypeError, ValueError):
                raise BadRequest(
                    f"Column '{TIMESTAMP}' must hold whole seconds since 1970. "
                    f"Received: {list(flat[TIMESTAMP])!s:.80}."
                ) from None
        return clock.seconds(flat, self._index)

    def _in_order(self, wall: np.ndarray, flat: Mapping[str, Any]) -> None:
        """Refuse rows that are not one step apart, and say which way they are wrong."""
        starts = np.zeros(wall.shape, dtype=bool)
        starts[..., 0] = True
        if wall.ndim == 1:
            starts[1:] = self._new_series(flat)
        moments = clock.utc(wall.ravel(), self._index.get("zone"), starts.ravel())
        steps, _ = clock.steps(moments, self._grid)
        apart = np.diff(steps.reshape(wall.shape), axis=-1)
        wrong = apart != 1
        if self._exact:
            into = moments - clock.moments_of(steps, self._grid)
            wrong |= np.diff(into.reshape(wall.shape), axis=-1) != 0
        wrong &= ~starts[..., 1:]
        if not wrong.any():
            return
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        older, newer = (str(np.datetime64(int(wall[(*at[:-1], at[-1] + k)]), "s")) for k in (0, 1))
        window = f"Window {at[0] + 1}, row" if wall.ndim == 2 else "Row"
        found = f"{window} {at[-1] + 2} at {newer} comes after {older}"
        if (apart[wrong] == -1).all():
            raise BadRequest(
                f"Rows must be in order, the oldest first. Received: the newest first. {found}."
            )
        raise BadRequest(
            f"Rows must be in order, the oldest first, each {self._every} after the one before, "
            f"without gaps. {found}."
        )

    def _new_series(self, flat: Mapping[str, Any]) -> np.ndarray:
        """Whether a row, the first one apart, starts another series."""
        named = [np.asarray(list(map(str, flat[g]))) for g in self._groups if g in flat]
        if not named:
            return np.zeros(1, dtype=bool)
        starts: np.ndarray = np.logical_or.reduce([values[1:] != values[:-1] for values in named])
        return starts

    def _rows(self, flat: Mapping[str, Any], count: int) -> np.ndarray:
        """The rows of every complete window, (windows, length)."""
        newest = np.arange(self.length - 1, count)
        starts = self._new_series(flat)
        if len(starts) == count - 1:
            series = np.concatenate([[0], np.cumsum(starts)])
            newest = newest[series[newest] == series[newest - self.length + 1]]
        if not len(newest):
            raise BadRequest(f"A series must have {self.length} rows. Received: none that has.")
        return newest[:, None] + np.arange(1 - self.length, 1)


def _shape_of(name: str, values: Any) -> tuple[int, ...]:
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


def _said(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} rows" if len(shape) == 1 else f"{shape[0]} windows of {shape[1]} rows"


def _flat(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return values.ravel()
    nested = len(values) > 0 and isinstance(values[0], list | tuple | np.ndarray)
    return [value for window in values for value in window] if nested else list(values)


def _in_range(name: str, entry: Mapping[str, Any], array: np.ndarray) -> None:
    if entry["type"] != "number" or entry.get("min") is None:
        return
    room = ROOM * (entry["max"] - entry["min"])
    low, high = entry["min"] - room, entry["max"] + room
    outside = (array < low) | (array > high)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise BadRequest(
            f"Row {row + 1}, column '{name}' must be between {low:g} and {high:g}: in training it "
            f"was between {entry['min']:g} and {entry['max']:g}. Received: {float(array[row]):g}."
        )

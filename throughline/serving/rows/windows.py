"""Raw windows as a forecaster takes them: complete, in order, oldest row first, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.ranges import outside as outside_range
from throughline.serving.rows import clock, regular
from throughline.serving.rows.shapes import flattened, shape_of, shape_text
from throughline.serving.rows.spacing import Order

# How far outside the range of its training values, in widths of that range, a value may lie.
ROOM = 1.0
TIMESTAMP = "timestamp"

Converted = Callable[[str, Mapping[str, Any], Any], np.ndarray]


@dataclass(frozen=True)
class Fed:
    """Windows as the runtime takes them.

    Attributes:
        inputs: for each input of the model (windows, length).
        newest: the wall clock of the newest row of each window, seconds since 1970.
        series: for each column that tells series apart its value in each window.
        outside: for each window the columns that have a value far outside those of the training,
            with a space between them.
        rows: the place of the newest row of each window among those that were given.
    """

    inputs: Mapping[str, np.ndarray]
    newest: np.ndarray
    series: Mapping[str, list[Any]]
    outside: list[str]
    rows: np.ndarray


def _oldest_first(order: np.ndarray, numbers: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """The order of rows, with those of each series that come newest first turned round.

    Which of two equal hours in autumn is the first one then tells the order of the rows.
    """
    edges = np.flatnonzero(np.diff(numbers[order])) + 1
    runs = [each for each in np.split(order, edges) if len(each)]
    turned = [each[::-1] if wall[each[0]] > wall[each[-1]] else each for each in runs]
    return np.concatenate(turned) if turned else order


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
        self._order = Order(window)
        self._resample = window.get("resample")
        # Older models do not say what their training did; their rows must have no gaps.
        self._gaps = window.get("gaps", "refuse")
        # A row that lacks a value is a gap, where there may be some.
        self._lenient = self._gaps != "refuse" or self._resample is not None
        # So many rows make a step, where several do.
        self.rows_a_step = int(window.get("rows_a_step", 1))
        self._inputs = inputs

    @property
    def joins(self) -> bool:
        """Whether several rows may make a step."""
        return self._resample is not None

    @property
    def refuses_gaps(self) -> bool:
        """Whether the training had no steps without a row."""
        return bool(self._gaps == "refuse")

    @property
    def columns(self) -> list[str]:
        """The raw columns that are needed besides the time."""
        return [name for name in self._inputs if name != TIMESTAMP]

    def feed(self, columns: Mapping[str, Any], converted: Converted) -> Fed:
        """Windows as the runtime takes them.

        Args:
            columns: for each raw column (windows, length), one row a window, or the rows of one
                or several series one below the other, (rows,), of which every complete window is
                taken. Such rows are brought onto the grid as the training's were: resampled, and
                their gaps filled or marked. The time stands in the columns that the pipeline file
                names, or in `timestamp`, as seconds of the wall clock since 1970.
            converted: brings a raw column into the type of the model, or refuses it.

        Returns:
            the windows, and what is to be said of each.

        Raises:
            BadRequest: a wrong length, rows that are not oldest first or not one step apart, a
                value that is missing or of a wrong type.
        """
        shape = self._shape(columns)
        # Once the length is right, all checks are of rows one below the other.
        flat = {name: flattened(values) for name, values in columns.items() if name in self._known}
        wall = self._wall(flat)
        if wall.size != np.prod(shape):
            raise BadRequest(
                f"Columns and time must have the same length. Received: {shape_text(shape)}, and "
                f"{wall.size} times."
            )
        if len(shape) == 2:
            self._order.windows(wall.reshape(shape))
            arrays = self._arrays(flat, wall, converted)
            rows = np.arange(wall.size).reshape(shape)
            return self._fed(arrays, wall, rows, flat, rows[:, -1])
        series = self._regular(flat, wall, converted)
        rows = self._rows(series)
        if not len(rows):
            raise BadRequest(f"A series must have {self.length} rows. Received: none that has.")
        return self._of_series(series, rows, wall, flat)

    def newest(self, columns: Mapping[str, Any], converted: Converted) -> Fed | None:
        """The window that ends with the newest of some rows, if it is complete; see `feed`."""
        flat = {name: flattened(values) for name, values in columns.items() if name in self._known}
        wall = self._wall(flat)
        series = self._regular(flat, wall, converted)
        rows = self._rows(series)[-1:]
        # A row that lacks a value was a gap in training: nothing ends with it.
        if not len(rows) or rows[0, -1] != len(series) - 1 or series.origin[-1] != len(wall) - 1:
            return None
        return self._of_series(series, rows, wall, flat)

    def _of_series(
        self, series: regular.Rows, rows: np.ndarray, wall: np.ndarray, flat: Mapping[str, Any]
    ) -> Fed:
        clocks = self._clock(series, wall)
        arrays = {**series.columns, **({TIMESTAMP: clocks} if TIMESTAMP in self._inputs else {})}
        return self._fed(arrays, clocks, rows, flat, series.origin[rows[:, -1]])

    def steps(self, columns: Mapping[str, Any], converted: Converted) -> Mapping[str, np.ndarray]:
        """The values of each raw column, one a step of the grid; see `feed`. Gaps stay gaps."""
        flat = {name: flattened(values) for name, values in columns.items() if name in self._known}
        return self._stepped(flat, self._wall(flat), converted).columns

    def _regular(
        self, flat: Mapping[str, Any], wall: np.ndarray, converted: Converted
    ) -> regular.Rows:
        """Rows one below the other on the grid of the training, each series in one piece."""
        rows = self._stepped(flat, wall, converted)
        needed = [name for name in rows.columns if not self._inputs[name].get("may_be_missing")]
        rows = regular.without_gaps(rows, self._gaps, needed)
        self._order.in_steps(wall[rows.origin], rows.steps, rows.begins, 0, rows.origin)
        return rows

    def _stepped(
        self, flat: Mapping[str, Any], wall: np.ndarray, converted: Converted
    ) -> regular.Rows:
        """The rows of each series in one piece, those of a step joined."""
        numbers = self._numbers(flat, len(wall))
        order = _oldest_first(np.argsort(numbers, kind="stable"), numbers, wall)
        begins = np.diff(numbers[order], prepend=-1) != 0
        moments = clock.utc(wall[order], self._index.get("zone"), begins)
        steps, _ = clock.steps(moments, self._grid)
        if self._resample is None:
            self._order.on_grid(wall[order], moments, steps, begins)
        # Rows of a table come in any order, as they did for the training: their times tell it.
        again = np.lexsort((steps, numbers[order]))
        order, steps = order[again], steps[again]
        arrays = self._arrays(flat, wall, converted, self._lenient)
        arrays.pop(TIMESTAMP, None)
        sorted_arrays = {name: array[order] for name, array in arrays.items()}
        return regular.one_a_step(regular.Rows(sorted_arrays, steps, begins, order), self._resample)

    def _numbers(self, flat: Mapping[str, Any], count: int) -> np.ndarray:
        """The number of each row's series, in the order in which they come."""
        held = [list(map(str, flat[group])) for group in self._groups if group in flat]
        seen: dict[tuple[str, ...], int] = {}
        keys = zip(*held, strict=True) if held else ((),) * count
        return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)

    def _clock(self, rows: regular.Rows, wall: np.ndarray) -> np.ndarray:
        """The wall clock of rows on the grid: their own, or that of their step."""
        if self._resample is None and self._gaps in ("refuse", "mark"):
            return np.asarray(wall[rows.origin])
        return clock.wall_clock(clock.moments_of(rows.steps, self._grid), self._index.get("zone"))

    def _fed(
        self,
        arrays: Mapping[str, np.ndarray],
        wall: np.ndarray,
        rows: np.ndarray,
        flat: Mapping[str, Any],
        newest: np.ndarray,
    ) -> Fed:
        """Windows of rows (windows, length), and what is said of each."""
        far = {
            name: outside_range(self._inputs[name], array, ROOM)[rows].any(axis=1)
            for name, array in arrays.items()
        }
        outside = [" ".join(n for n, marks in far.items() if marks[w]) for w in range(len(rows))]
        series = {g: [flat[g][row] for row in newest] for g in self._groups if g in flat}
        inputs = {name: array[rows] for name, array in arrays.items()}
        return Fed(inputs, wall[rows[:, -1]], series, outside, newest)

    def moment(self, row: Mapping[str, Any], converted: Converted, after: int | None) -> int:
        """The seconds since 1970 in UTC of one row, whose values are checked too.

        Args:
            row: for each raw column a list of its one value.
            converted: as for `feed`.
            after: the moment of the row before it, if there is one.

        Raises:
            BadRequest: as `feed`, but for the length and the order.
        """
        known = {name: values for name, values in row.items() if name in self._known}
        wall = self._wall(known)
        self._arrays(known, wall, converted, self._lenient)
        return int(clock.utc(wall, self._index.get("zone"), after=after)[0])

    def apart(self, older: int, newer: int) -> int:
        """Steps of the grid from one moment to another."""
        steps, _ = clock.steps(np.array([older, newer], dtype=np.int64), self._grid)
        return int(steps[1] - steps[0])

    def series(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """What the columns that tell series apart hold, as far as they are given."""
        return tuple(str(row[name]) for name in self._groups if name in row)

    def _arrays(
        self, flat: Mapping[str, Any], wall: np.ndarray, converted: Converted, blanks: bool = False
    ) -> dict[str, np.ndarray]:
        """Rows one below the other as the runtime takes them, their values checked.

        Args:
            flat: the rows.
            wall: their times.
            converted: as for `feed`.
            blanks: whether a value may be missing, because the row is a gap then.
        """
        allowed = {"may_be_missing": True} if blanks else {}
        return {
            name: wall if name == TIMESTAMP else converted(name, {**entry, **allowed}, flat[name])
            for name, entry in self._inputs.items()
        }

    @property
    def _known(self) -> list[str]:
        hour = [self._index["hour"]] if self._index.get("hour") else []
        return [*self._inputs, TIMESTAMP, *self._index["columns"], *hour, *self._groups]

    def _shape(self, columns: Mapping[str, Any]) -> tuple[int, ...]:
        shapes = {name: shape_of(name, columns[name]) for name in self.columns}
        name, shape = next(iter(shapes.items()))
        for other, size in shapes.items():
            if size != shape:
                raise BadRequest(
                    "Columns must have the same length. "
                    f"Received: '{name}' with {shape_text(shape)}, "
                    f"'{other}' with {shape_text(size)}."
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
        # A table may hold a column of that name beside the one that training went by.
        named = all(name in flat for name in self._index["columns"])
        if TIMESTAMP in flat and (not named or self._says_seconds(flat[TIMESTAMP])):
            try:
                return np.asarray(flat[TIMESTAMP], dtype=np.int64)
            except (TypeError, ValueError):
                raise BadRequest(
                    f"Column '{TIMESTAMP}' must hold whole seconds since 1970. "
                    f"Received: {list(flat[TIMESTAMP])!s:.80}."
                ) from None
        return clock.seconds(flat, self._index)

    def _says_seconds(self, values: Any) -> bool:
        """Whether the training's own column of that name holds seconds since 1970, as windows do.

        Whole numbers can be no time as ISO 8601 writes it; a format reads them its own way.
        """
        alone = self._index["columns"] == [TIMESTAMP] and not self._index.get("formats")
        return alone and isinstance(values, np.ndarray) and values.dtype.kind == "i"

    def _rows(self, rows: regular.Rows) -> np.ndarray:
        """The rows of every complete window, (windows, length)."""
        newest = np.arange(self.length - 1, len(rows))
        run = np.cumsum(rows.begins)
        newest = newest[run[newest] == run[newest - self.length + 1]]
        return np.asarray(newest[:, None] + np.arange(1 - self.length, 1))

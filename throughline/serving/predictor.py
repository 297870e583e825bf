"""A model file and its contract: raw rows in, named answers out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from throughline.serving import model_metadata
from throughline.serving.bounds import Bounded, allow
from throughline.serving.chunks import answered
from throughline.serving.errors import BadRequest
from throughline.serving.ranges import has_range, outside
from throughline.serving.rows.media.picture_arrays import pictures
from throughline.serving.rows.values import PLAIN, Values, converted, settled
from throughline.serving.rows.windows import Fed, Windowing


class Predictor:
    """Loads `model.onnx` and answers raw rows.

    Args:
        path: the model file.
        threads: chunks of many rows that are answered at once, see `serving.chunks`. Default: one
            for each core that this process may use, at most 4.
        device: `cpu`, `gpu`, or `auto`, a GPU where one answers. Default: `cpu`, which is the
            quicker one for small models and gives the same bits everywhere.
        seconds: that the file may take to load, and each chunk to be answered. Default: 60.

    Attributes:
        device: what answers, `cpu` or `gpu`.

    Raises:
        BadRequest: the file is no model, or costs more than it may; `gpu` where none answers.
    """

    def __init__(
        self,
        path: Path | str,
        threads: int | None = None,
        device: str = "cpu",
        seconds: float | None = None,
    ) -> None:
        self._threads = threads
        self._session = Bounded(path, seconds, device)
        declared = self._session.declared
        self.device = declared.device
        stored = declared.metadata.get(model_metadata.KEY, "{}")
        self.metadata: dict[str, Any] = model_metadata.read(stored, path)
        described = {entry["name"]: entry for entry in self.metadata.get("inputs") or ()}
        kinds = {
            "tensor(float)": "number",
            "tensor(string)": "string",
            "tensor(bool)": "boolean",
            "tensor(uint8)": "image",
        }
        # How texts of a file's cells are read; without it they are what they say.
        self.reading: dict[str, Any] = self.metadata.get("reading") or {}
        # Inputs that are states, each with the output that is the state one step on.
        self.states: dict[str, str] = self.metadata.get("states") or {}
        self.inputs: dict[str, dict[str, Any]] = {
            name: described.get(name, {"type": kinds.get(kind, kind)})
            for name, kind, _ in declared.inputs
            if name not in self.states
        }
        self._cells = {name: settled(self.reading, name) for name in self.inputs}
        self._widths = {name: shape[1] for name, _, shape in declared.inputs if name in self.states}
        following = set(self.states.values())
        self.outputs = [name for name in declared.outputs if name not in following]
        window = self.metadata.get("window")
        self.windowing = Windowing(window, self.inputs) if window else None

    def predict(self, columns: Mapping[str, Values]) -> dict[str, np.ndarray]:
        """Answer raw rows.

        Args:
            columns: for each input of the model its values, one a row; columns that the model
                does not know are ignored. A forecaster takes windows, see `Windowing.feed`.

        Returns:
            for each output an array whose first axis is the rows.

        Raises:
            BadRequest: a column is missing, columns differ in length, a value has the wrong type,
                is missing where the model has nothing to put, or is no known category of a closed
                list.
        """
        if self.windowing is not None:
            return self.forecast(columns)[0]
        return self._answered(self._feed(columns))

    def marked(self, columns: Mapping[str, Values]) -> tuple[dict[str, np.ndarray], list[str]]:
        """Answer raw rows, and say of each which columns the training never saw so.

        Args:
            columns: as for `predict`, of a model that takes rows.

        Returns:
            the answers, and for each row the columns with a number outside the training's range
            or a text that the training had not, with a space between them.

        Raises:
            BadRequest: as `predict`.
        """
        feed = self._feed(columns)
        strange = {name: outside(self.inputs[name], feed[name]) for name in self.inputs}
        marks = [""] * len(next(iter(feed.values())))
        for row in np.flatnonzero(np.logical_or.reduce(list(strange.values()))).tolist():
            marks[row] = " ".join(name for name, marked in strange.items() if marked[row])
        return self._answered(feed), marks

    def _feed(self, columns: Mapping[str, Values]) -> dict[str, np.ndarray]:
        rows = self._length(columns)
        feed = {
            name: pictures(name, entry, columns[name])
            if entry["type"] == "image"
            else self.converted(name, entry, columns[name])[:, None]
            for name, entry in self.inputs.items()
        }
        if rows == 0:
            raise BadRequest("At least one row is needed. Received: 0 rows.")
        allow(rows)
        return feed

    def _answered(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The answers, all of them numbers: NaN would get the label of the first class.

        Raises:
            BadRequest: the network has none to a row.
        """
        rows = len(next(iter(feed.values())))
        found = answered(self._session, self.outputs, {**feed, **self.fresh(rows)}, self._threads)
        for values in found.values():
            if values.dtype.kind == "f" and np.isnan(values).any():
                row = int(np.isnan(values).reshape(rows, -1).any(axis=1).argmax())
                raise BadRequest(
                    f"Row {row + 1} must be one that the network has an answer to. Received: one "
                    "to which it answers NaN, as to a text without a word that it knows, or to a "
                    "number far outside of the training's."
                )
        return found

    def forecast(self, columns: Mapping[str, Values]) -> tuple[dict[str, np.ndarray], Fed]:
        """Answer windows, and say of each when it ends, of which series, and how usual it is.

        Args:
            columns: as for `predict`.

        Raises:
            BadRequest: as `predict`, or a model that takes rows and no windows.
        """
        fed = self._fed(columns)
        return self._answered(fed.inputs), fed

    def _fed(self, columns: Mapping[str, Values]) -> Fed:
        if self.windowing is None:
            raise BadRequest("Only a forecaster takes windows. Received: a model of rows.")
        self._all_there(columns, self.windowing.columns)
        fed = self.windowing.feed(columns, self.converted)
        if not len(fed.newest):
            raise BadRequest("At least one row is needed. Received: 0 rows.")
        return fed

    @property
    def knows_ranges(self) -> bool:
        """Whether the metadata say what values the training had."""
        return any(map(has_range, self.inputs.values()))

    @property
    def columns(self) -> list[str]:
        """The raw columns that a file of rows must have."""
        return list(self.inputs) if self.windowing is None else self.windowing.columns

    def fresh(self, rows: int = 1) -> dict[str, np.ndarray]:
        """The states of a series that has not begun: zeros."""
        return {
            name: np.zeros((rows, width), dtype=np.float32) for name, width in self._widths.items()
        }

    def in_order(
        self,
        columns: Mapping[str, Values],
        states: Mapping[str, np.ndarray] | None = None,
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Answer the windows of one series one after the other, with the state carried on.

        Args:
            columns: as for `predict`, windows in the order of time.
            states: what an earlier call gave. Default: those of a series that has not begun.

        Returns:
            the answers, and the states after the last window.

        Raises:
            BadRequest: as `predict`, or a model that takes rows and no windows.
        """
        return self._one_by_one(
            self._fed(columns).inputs, self.fresh() if states is None else states
        )

    def newest(
        self, columns: Mapping[str, Values], states: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], Fed] | None:
        """Answer the newest window of rows that were checked by `moment`, if it is complete.

        Args:
            columns: rows of one series, oldest first.
            states: those before the window.
        """
        assert self.windowing is not None
        fed = self.windowing.newest(columns, self.converted)
        return None if fed is None else (*self._one_by_one(fed.inputs, states), fed)

    def _one_by_one(
        self, feed: Mapping[str, np.ndarray], states: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        held = dict(states)
        names = [*self.outputs, *self.states.values()]
        answers: dict[str, list[np.ndarray]] = {name: [] for name in self.outputs}
        for row in range(len(next(iter(feed.values())))):
            one = {name: array[row : row + 1] for name, array in feed.items()}
            found = dict(zip(names, self._session.run(names, one | held), strict=True))
            held = {name: found[following] for name, following in self.states.items()}
            for name, values in answers.items():
                values.append(found[name])
        return {name: np.concatenate(values) for name, values in answers.items()}, held

    def moment(self, row: Mapping[str, Values], after: int | None) -> int:
        """The moment of one row of a forecaster's series, see `Windowing.moment`."""
        assert self.windowing is not None
        self._all_there(row, self.windowing.columns)
        return self.windowing.moment(row, self.converted, after)

    def _length(self, columns: Mapping[str, Values]) -> int:
        self._all_there(columns, self.inputs)
        lengths = {name: len(columns[name]) for name in self.inputs}
        shortest, longest = (
            min(lengths, key=lengths.__getitem__),
            max(lengths, key=lengths.__getitem__),
        )
        if lengths[shortest] != lengths[longest]:
            raise BadRequest(
                f"Columns must have the same length. Received: '{shortest}' with "
                f"{lengths[shortest]} rows, '{longest}' with {lengths[longest]}."
            )
        return lengths[shortest]

    def _all_there(self, columns: Mapping[str, Values], needed: Iterable[str]) -> None:
        for name in needed:
            if name not in columns:
                close = difflib.get_close_matches(name, [str(key) for key in columns], n=1)
                hint = f" Did you mean '{close[0]}'?" if close else ""
                raise BadRequest(
                    f"Column '{name}' is needed. Received: {', '.join(map(str, columns))}.{hint}"
                )

    def converted(self, name: str, entry: Mapping[str, Any], values: Values) -> np.ndarray:
        """A raw column as the runtime takes it, see `values.converted`."""
        return converted(name, entry, values, self._cells.get(name, PLAIN))

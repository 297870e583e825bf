"""A model file and its contract: raw rows in, named answers out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.serving import contract
from throughline.serving.bounds import Bounded
from throughline.serving.chunks import answered
from throughline.serving.errors import BadRequest
from throughline.serving.pictures import pictures
from throughline.serving.windows import Windowing

Values = Sequence[Any] | np.ndarray


class Predictor:
    """Loads `model.onnx` and answers raw rows.

    Args:
        path: the model file.
        threads: chunks of many rows that are answered at once, see `serving.chunks`. Default: one
            for each core that this process may use, at most 4.
        seconds: that the file may take to load, and each chunk to be answered. Default: 60.

    Raises:
        BadRequest: the file is no model, or costs more than it may.
    """

    def __init__(
        self, path: Path | str, threads: int | None = None, seconds: float | None = None
    ) -> None:
        import onnxruntime

        self._threads = threads
        options = onnxruntime.SessionOptions()
        # Cores share the chunks of rows; within a chunk of a small model they only wait.
        options.intra_op_num_threads = 1
        self._session = Bounded(path, options, seconds)
        declared = self._session.session
        stored = declared.get_modelmeta().custom_metadata_map
        self.metadata: dict[str, Any] = contract.read(stored.get(contract.KEY, "{}"), path)
        described = {entry["name"]: entry for entry in self.metadata.get("inputs") or ()}
        kinds = {
            "tensor(float)": "number",
            "tensor(string)": "string",
            "tensor(bool)": "boolean",
            "tensor(uint8)": "image",
        }
        # Inputs that are states, each with the output that is the state one step on.
        self.states: dict[str, str] = self.metadata.get("states") or {}
        self.inputs: dict[str, dict[str, Any]] = {
            each.name: described.get(each.name, {"type": kinds.get(each.type, each.type)})
            for each in declared.get_inputs()
            if each.name not in self.states
        }
        self._widths = {
            each.name: each.shape[1] for each in declared.get_inputs() if each.name in self.states
        }
        following = set(self.states.values())
        self.outputs = [each.name for each in declared.get_outputs() if each.name not in following]
        window = self.metadata.get("window")
        self.windowing = Windowing(window, self.inputs) if window else None

    def predict(
        self, columns: Mapping[str, Values], *, ranges: bool = True
    ) -> dict[str, np.ndarray]:
        """Answer raw rows.

        Args:
            columns: for each input of the model its values, one a row; columns that the model
                does not know are ignored. A forecaster takes windows, see `Windowing.feed`.
            ranges: whether a forecaster refuses values far outside those of its training.
                Default: true.

        Returns:
            for each output an array whose first axis is the rows.

        Raises:
            BadRequest: a column is missing, columns differ in length, a value has the wrong type,
                is missing where the model has nothing to put, or is no known category of a closed
                list.
        """
        if self.windowing is not None:
            self._all_there(columns, self.windowing.columns)
            feed = self.windowing.feed(columns, _converted, ranges)
            rows = len(next(iter(feed.values())))
        else:
            rows = self._length(columns)
            feed = {
                name: pictures(name, entry, columns[name])
                if entry["type"] == "image"
                else _converted(name, entry, columns[name])[:, None]
                for name, entry in self.inputs.items()
            }
        if rows == 0:
            raise BadRequest("At least one row is needed. Received: 0 rows.")
        feed |= self.fresh(rows)
        return answered(self._session, self.outputs, feed, self._threads)

    def fresh(self, rows: int = 1) -> dict[str, np.ndarray]:
        """The states of a series that has not begun: zeros."""
        return {
            name: np.zeros((rows, width), dtype=np.float32) for name, width in self._widths.items()
        }

    def in_order(
        self,
        columns: Mapping[str, Values],
        states: Mapping[str, np.ndarray] | None = None,
        *,
        ranges: bool = True,
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Answer the windows of one series one after the other, with the state carried on.

        Args:
            columns: as for `predict`, windows in the order of time.
            states: what an earlier call gave. Default: those of a series that has not begun.
            ranges: as for `predict`.

        Returns:
            the answers, and the states after the last window.

        Raises:
            BadRequest: as `predict`, or a model that takes rows and no windows.
        """
        if self.windowing is None:
            raise BadRequest("Only a forecaster answers in order. Received: a model of rows.")
        self._all_there(columns, self.windowing.columns)
        feed = self.windowing.feed(columns, _converted, ranges)
        held = dict(self.fresh() if states is None else states)
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
        return self.windowing.moment(row, _converted, after)

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


def _converted(name: str, entry: Mapping[str, Any], values: Values) -> np.ndarray:
    """A raw column as the runtime takes it, shape (rows,)."""
    if entry["type"] == "number":
        array = _numbers(name, values)
        if "may_be_missing" in entry and not entry["may_be_missing"]:
            _refuse(name, values, np.isnan(array), "a number", "the model has nothing to put there")
        _refuse(name, values, np.isinf(array), "a finite number", "")
        return array
    if entry["type"] == "boolean":
        return _booleans(name, values)
    array = np.array(["" if _is_missing(value) else str(value) for value in values], dtype=object)
    if entry.get("may_be_missing") is False:
        _refuse(name, values, array == "", "a text", "the model has nothing to put there")
    if entry.get("closed"):
        known = set(entry["categories"])
        strange = np.array([value not in known for value in array.tolist()])
        if entry.get("may_be_missing"):
            strange &= array != ""
        _refuse(name, values, strange, "one of " + ", ".join(sorted(known)), "")
    return array


def _numbers(name: str, values: Values) -> np.ndarray:
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return values.astype(np.float32)
    numbers = np.empty(len(values), dtype=np.float32)
    for row, value in enumerate(values):
        try:
            numbers[row] = np.nan if _is_missing(value) else float(value)
        except (TypeError, ValueError):
            raise BadRequest(
                f"Row {row + 1}, column '{name}' must be a number. Received: {value!r:.80}."
            ) from None
    return numbers


BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def _booleans(name: str, values: Values) -> np.ndarray:
    flags = [BOOLEANS.get(str(value).strip().lower()) for value in values]
    wrong = np.array([flag is None for flag in flags], dtype=bool)
    _refuse(name, values, wrong, "true or false", "")
    return np.array(flags, dtype=bool)


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or value != value


def _refuse(name: str, values: Values, wrong: np.ndarray, expected: str, why: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        reason = f" ({why})" if why else ""
        raise BadRequest(
            f"Row {row + 1}, column '{name}' must be {expected}{reason}. "
            f"Received: {values[row]!r:.80}."
        )

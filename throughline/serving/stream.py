"""A forecaster that is fed one row at a time, as they are measured.

The rows of a window are kept here, and so is the state of layers that carry one; the model file
takes it in and gives it back.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor


class Stream:
    """One series, row by row.

    Args:
        predictor: a forecaster.

    Raises:
        BadRequest: the model takes rows and no windows.
    """

    def __init__(self, predictor: Predictor) -> None:
        if predictor.windowing is None:
            raise BadRequest("Only a forecaster can be fed a series. Received: a model of rows.")
        self._predictor = predictor
        self._windowing = predictor.windowing
        self._rows: deque[Mapping[str, Any]] = deque(maxlen=self._windowing.length)
        self._states = predictor.fresh()
        self._last: int | None = None
        self._series: tuple[str, ...] | None = None

    @property
    def missing(self) -> int:
        """Rows that are needed before the first answer."""
        return self._windowing.length - len(self._rows)

    def feed(self, row: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """Take the next row.

        Args:
            row: a value for each column, the time among them.

        Returns:
            the answers, each without the axis of rows; None until a window is complete. After a
            gap a new window begins; a state that is carried stays.

        Raises:
            BadRequest: a row that does not fit, or is of another series, or is no newer than the
                last one; it is then not taken.
        """
        moment = self._predictor.moment({name: [row[name]] for name in row}, self._last)
        series = self._windowing.series(row)
        if self._series not in (None, series):
            raise BadRequest(f"A stream must be of one series. Received: {series}.")
        apart = 1 if self._last is None else self._windowing.apart(self._last, moment)
        if apart < 1:
            raise BadRequest(
                "Rows must come in order, the oldest first. Received: a row that is no newer "
                "than the last one."
            )
        known = list(self._rows) if apart == 1 else []
        rows = [*known, row][-self._windowing.length :]
        answers, states = None, self._states
        if len(rows) == self._windowing.length:
            columns = {name: [each.get(name) for each in rows] for name in row}
            found, states = self._predictor.in_order(columns, states)
            answers = {name: values[0] for name, values in found.items()}
        self._rows.clear()
        self._rows.extend(rows)
        self._last, self._series, self._states = moment, series, states
        return answers


def answered_lines(series: Stream, lines: Iterable[str], output: TextIO) -> None:
    """Read rows of CSV, the first line a header, and write a line of answers for each.

    Rows before the first complete window are answered by an empty line.

    Raises:
        BadRequest: a row of another length than the header, or one that does not fit.
    """
    reader = csv.reader(lines)
    header = next(reader, None)
    if header is None:
        raise BadRequest("Rows must start with a header. Received: nothing.")
    writer = csv.writer(output, lineterminator="\n")
    for number, row in enumerate(reader, start=1):
        if len(row) != len(header):
            raise BadRequest(f"Row {number} must have {len(header)} values. Received: {len(row)}.")
        try:
            answers = series.feed(dict(zip(header, row, strict=True)))
        except BadRequest as error:
            # Of the one row that was fed, which is another one of the file.
            said = str(error).removeprefix("Row 1, ").removeprefix("Row 1: ")
            raise BadRequest(f"Row {number}: {said}") from None
        values = [] if answers is None else [v for a in answers.values() for v in np.ravel(a)]
        writer.writerow(values)
        output.flush()

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

from serving.errors import BadRequest
from serving.predictor import Predictor


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
        self._length = predictor.windowing.length
        self._rows: deque[Mapping[str, Any]] = deque(maxlen=self._length)
        self._states = predictor.fresh()

    @property
    def missing(self) -> int:
        """Rows that are needed before the first answer."""
        return self._length - len(self._rows)

    def feed(self, row: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """Take the next row.

        Args:
            row: a value for each column, the time among them.

        Returns:
            the answers, each without the axis of rows; None until a window is complete.

        Raises:
            BadRequest: as `Predictor.predict`; the row is then not taken.
        """
        rows = [*self._rows, row][-self._length :]
        columns = {name: [each.get(name) for each in rows] for name in row}
        if len(rows) < self._length:
            self._rows.append(row)
            return None
        answers, states = self._predictor.in_order(columns, self._states)
        self._rows.append(row)
        self._states = states
        return {name: values[0] for name, values in answers.items()}


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
        answers = series.feed(dict(zip(header, row, strict=True)))
        values = [] if answers is None else [v for a in answers.values() for v in np.ravel(a)]
        writer.writerow(values)
        output.flush()

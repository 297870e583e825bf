"""A forecaster that is fed one row at a time, as they are measured.

The rows of a window are kept here, and so is the state of layers that carry one; the model file
takes it in and gives it back.
"""

from __future__ import annotations

import csv
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TextIO

import numpy as np

from throughline.serving.bounds import allow
from throughline.serving.errors import BadRequest, spelt_out
from throughline.serving.predictor import Predictor
from throughline.serving.rows.delimited import streamed
from throughline.serving.rows.tables import forecast_table
from throughline.serving.rows.windows import Fed
from throughline.serving.rows.writing import shown


class Answer(NamedTuple):
    """What a model says once a step of the grid is complete.

    Attributes:
        values: for each output its answer, without the axis of rows.
        fed: the time of the newest row, and what is to be said of it.
    """

    values: dict[str, np.ndarray]
    fed: Fed


class Stream:
    """One series, row by row.

    Where the training joined several rows to a step, a step is answered once it has as many rows as
    usual, or when the first row of a later one comes.

    Args:
        predictor: a forecaster.

    Raises:
        BadRequest: the model takes rows and no windows.
    """

    def __init__(self, predictor: Predictor) -> None:
        if predictor.windowing is None:
            raise BadRequest("Only a forecaster can be fed a series. Received: a model of rows.")
        self.predictor = predictor
        self._windowing = predictor.windowing
        # The rows of each step, the newest last.
        self._steps: deque[list[Mapping[str, Any]]] = deque(maxlen=self._windowing.length)
        self._states = predictor.fresh()
        self._last: int | None = None
        self._series: tuple[str, ...] | None = None

    def series(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """What tells the series of a row from others."""
        return self._windowing.series(row)

    @property
    def missing(self) -> int:
        """Steps that are needed before the first answer."""
        return self._windowing.length - len(self._steps)

    def feed(self, row: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """Take the next row.

        Args:
            row: a value for each column, the time among them.

        Returns:
            the answers, each without the axis of rows; None until a window is complete. A gap is
            what it was in training: refused, filled, or the end of a window; a state that is
            carried stays.

        Raises:
            BadRequest: a row that does not fit, or is of another series, or is no newer than the
                last one; it is then not taken.
        """
        answer = self.answered(row)
        return None if answer is None else answer.values

    def answered(self, row: Mapping[str, Any]) -> Answer | None:
        """As `feed`, with the time and what is to be said of it."""
        moment = self.predictor.moment({name: [row[name]] for name in row}, self._last)
        series = self._windowing.series(row)
        if self._series not in (None, series):
            raise BadRequest(f"A stream must be of one series. Received: {series}.")
        apart = 1 if self._last is None else self._windowing.apart(self._last, moment)
        if apart < (0 if self._windowing.joins else 1):
            raise BadRequest(
                "Rows must come in order, the oldest first. Received: a row that is no newer "
                "than the last one."
            )
        usual = self._windowing.rows_a_step
        held = list(self._steps)
        late = None
        if apart == 0:
            held[-1] = [*held[-1], row]
        else:
            if held and len(held[-1]) < usual:
                late = self._answer(held)
            if apart > 1 and self._windowing.refuses_gaps:
                held = []
            held = [*held, [row]][-self._windowing.length :]
        found = self._answer(held) if len(held[-1]) >= usual else late
        self._steps.clear()
        self._steps.extend(held)
        self._last, self._series = moment, series
        return self._as_answer(found)

    def ended(self) -> Answer | None:
        """The answer to a last step that has fewer rows than usual, once no row follows."""
        if not self._steps or len(self._steps[-1]) >= self._windowing.rows_a_step:
            return None
        return self._as_answer(self._answer(list(self._steps)))

    def _as_answer(self, found: Any) -> Answer | None:
        if found is None:
            return None
        values, self._states, fed = found
        return Answer({name: array[0] for name, array in values.items()}, fed)

    def _answer(self, steps: list[list[Mapping[str, Any]]]) -> Any:
        """The answers to the newest window of some steps, if it is complete."""
        rows = [row for step in steps for row in step]
        columns = {name: [each.get(name) for each in rows] for name in rows[-1]}
        return self.predictor.newest(columns, self._states)


def answered_lines(series: Stream, lines: Iterable[str], output: TextIO) -> None:
    """Read rows of CSV as `predict` does, and write a line of answers for each.

    A line has the columns of `throughline predict`, without their names. Rows of several series may
    come mixed; each has a stream of its own. Rows before the first complete window are answered by
    an empty line, and so are those that do not fit; what is wrong with them is said on standard
    error. Where several rows make a step, a last one that lacks some is answered at the end.

    Args:
        series: a stream to which no row was fed.
        lines: of CSV, the names of the columns first.
        output: receives the answers.

    Raises:
        BadRequest: rows that did not fit, once all others are answered.
    """
    predictor = series.predictor
    try:
        header, rows = streamed(iter(lines), predictor.reading, predictor.columns)
    except csv.Error as error:
        raise BadRequest(f"Rows must be sound CSV: {error}.") from None
    if not header:
        raise BadRequest("Rows must start with a header. Received: nothing.")
    writer = csv.writer(output, lineterminator="\n")

    def write(answer: Answer) -> None:
        values = {name: value[None] for name, value in answer.values.items()}
        writer.writerows(map(shown, forecast_table(predictor, values, answer.fed)[1]))

    streams: dict[tuple[str, ...], Stream] = {}
    refused: list[str] = []
    for number, row in enumerate(rows, start=1):
        allow(1)
        try:
            named = _named(header, row)
            key = series.series(named)
            if key not in streams:
                streams[key] = Stream(predictor)
            answer = streams[key].answered(named)
        except BadRequest as error:
            # Of the one row that was fed, which is another one of the file.
            said = str(error).removeprefix("Row 1, ").removeprefix("Row 1: ")
            refused.append(f"Row {number}: {said}")
            print(spelt_out(refused[-1]), file=sys.stderr)
            answer = None
        if answer is None:
            writer.writerow([])
        else:
            write(answer)
        output.flush()
    for stream in streams.values():
        last = stream.ended()
        if last is not None:
            write(last)
    if refused:
        raise BadRequest(f"{len(refused)} rows were refused, the first of them: {refused[0]}")


def _named(header: list[str], row: list[str]) -> dict[str, str]:
    if len(row) != len(header):
        quote = " Does no other quote close one?" if '"' in row[0] else ""
        raise BadRequest(f"it must have {len(header)} values. Received: {len(row)}.{quote}")
    return dict(zip(header, row, strict=True))

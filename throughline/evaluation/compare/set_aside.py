"""What the rows that validation set aside would change: the figures with and without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.intervals.resamples import Resamples
from throughline.evaluation.measure.evaluated import FIGURES
from throughline.evaluation.measure.measure import measured
from throughline.evaluation.raw_rows import Rows, read_rows

if TYPE_CHECKING:
    from throughline.evaluation.outcome import Outcome, Target

FILE = "set_aside.parquet"


def with_set_aside(
    folder: Path, model: Path, target: Target, outcome: Outcome
) -> dict[str, Any] | None:
    """The figures of the test rows alone, and of the test rows with the rows that were set aside.

    No row that was set aside has trained the model. Those without a usable target cannot be judged,
    and those that the model refuses, such as a text in a column of numbers, are counted apart.

    Args:
        folder: of the raw test rows; holds `set_aside.parquet` where rows were set aside.
        model: the ONNX file.
        target: what is predicted.
        outcome: the model's answers on the test rows.

    Returns:
        `rows`, `without_target`, `refused`, `judged` (counts), and the figures `without`, `with`
        and `alone`; None where no row was set aside.
    """
    path = folder / FILE
    if not path.exists() or target.task not in FIGURES:
        return None
    rows = read_rows(path)
    known = np.flatnonzero(_has_target(rows, target))
    answered, refused = _answered(model, _part(rows, known))
    kept = known[answered]
    report: dict[str, Any] = {
        "rows": rows.count,
        "without_target": rows.count - len(known),
        "refused": len(refused),
        "judged": len(kept),
    }
    if not len(kept):
        return report
    alone = target.outcome(_part(rows, kept).columns, _answers(model, _part(rows, kept)))
    return report | {
        name: measured(part, Resamples(len(part)))
        for name, part in (
            ("without", outcome), ("with", _joined(outcome, alone)), ("alone", alone)
        )
    }  # fmt: skip


def _has_target(rows: Rows, target: Target) -> np.ndarray:
    """Which rows have a target that the model could have said."""
    usable = np.ones(rows.count, dtype=bool)
    # What is missing of a row that is given back is filled, or the model refuses the row.
    for name in target.columns if target.reconstruction is None else ():
        values = rows.columns[name]
        usable &= np.array([value is not None and value == value for value in values], dtype=bool)
    if target.task in ("binary", "multiclass"):
        known = {str(value) for value in target.classes or ()}
        said = rows.columns[target.columns[0]]
        usable &= np.array([str(_plain(value)) in known for value in said], dtype=bool)
    return usable


def _plain(value: Any) -> Any:
    """A class as JSON keeps it: a column with missing values holds 1.0 for the class 1."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return int(value)
    return value


def _part(rows: Rows, chosen: np.ndarray) -> Rows:
    return Rows({name: values[chosen] for name, values in rows.columns.items()}, len(chosen))


def _answered(model: Path, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Which rows the model answers and which it refuses, as positions."""
    from throughline.serving.errors import BadRequest
    from throughline.serving.predictor import Predictor

    predictor = Predictor(model)
    if not rows.count:
        return np.array([], dtype=int), np.array([], dtype=int)
    answered = np.zeros(rows.count, dtype=bool)
    try:
        predictor.predict(rows.columns)
        answered[:] = True
    except BadRequest:
        for row in range(rows.count):
            try:
                predictor.predict(_part(rows, np.array([row])).columns)
                answered[row] = True
            except BadRequest:
                continue
    return np.flatnonzero(answered), np.flatnonzero(~answered)


def _answers(model: Path, rows: Rows) -> dict[str, np.ndarray]:
    from throughline.serving.predictor import Predictor

    return Predictor(model).predict(rows.columns)


def _joined(first: Outcome, second: Outcome) -> Outcome:
    probabilities = None
    if first.probabilities is not None and second.probabilities is not None:
        probabilities = np.concatenate([first.probabilities, second.probabilities])
    return replace(
        first,
        actual=np.concatenate([first.actual, second.actual]),
        predicted=np.concatenate([first.predicted, second.predicted]),
        probabilities=probabilities,
    )

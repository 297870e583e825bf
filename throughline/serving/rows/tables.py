"""Answers as a table: a header, and a line for each row, window or picture."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor
from throughline.serving.rows.windows import Fed

OUTSIDE = "outside_training"
# A model of more classes is answered by its most probable ones.
MOST_COLUMNS = 20
BEST = 5

Table = tuple[list[str], Iterator[list[object]]]


def row_table(predictor: Predictor, answers: Mapping[str, np.ndarray], outside: list[str]) -> Table:
    """The answers to rows; a last column names columns outside the range of the training.

    A model that does not know the ranges of its training has no such column.
    """
    target = predictor.metadata.get("target", {})
    header, lines = answer_table(answers, target)
    if not predictor.knows_ranges:
        return header, lines
    return [*header, OUTSIDE], ([*line, o] for line, o in zip(lines, outside, strict=True))


def answer_table(answers: Mapping[str, np.ndarray], target: Mapping[str, Any]) -> Table:
    """The answers to rows, those of each of several targets beside one another.

    Args:
        answers: of the model.
        target: the entry of its metadata.
    """
    if not target.get("targets"):
        columns = target.get("columns") or []
        several = columns if len(columns) > 1 else None
        return table(answers, target.get("classes") or several)
    header: list[str] = []
    tables = []
    for each in target["targets"]:
        # In the order of the model's outputs; an object of the metadata has none.
        called = {output: name for name, output in each["answers"].items()}
        own = {called[output]: array for output, array in answers.items() if output in called}
        names, lines = answer_table(own, {**each, "targets": None})
        for name in names:
            plain = next(n for n in own if name == n or name.startswith(f"{n}["))
            header.append(each["answers"][plain] + name.removeprefix(plain))
        tables.append(lines)
    return header, (
        [value for line in lines for value in line] for lines in zip(*tables, strict=True)
    )


def forecast_table(predictor: Predictor, answers: Mapping[str, np.ndarray], fed: Fed) -> Table:
    """Header and lines of forecasts: the time that each is made at, its series, the answers.

    Horizons are `prediction[+1]`, `prediction[+2]`, a single one too; the last column names columns
    with a value far outside those of the training.
    """
    target = predictor.metadata.get("target", {})
    horizons = _horizons(target)
    if len(horizons) == 1 and not target.get("classes"):
        answers = {name: values.reshape(len(values), -1) for name, values in answers.items()}
    header, lines = table(answers, target.get("classes") or horizons)
    times = np.datetime_as_string(fed.newest.astype("datetime64[s]"))
    before = zip(times.tolist(), *fed.series.values(), strict=True)
    forecasts = (
        [first.replace("T", " "), *series, *line, outside]
        for (first, *series), line, outside in zip(before, lines, fed.outside, strict=True)
    )
    return ["time", *fed.series, *header, OUTSIDE], forecasts


def _horizons(target: Mapping[str, Any]) -> list[object]:
    """What each place of a forecast is of; a model that does not say has none."""
    columns, horizons = target.get("columns", []), target.get("horizons", [])
    if len(columns) > 1:
        return [f"{name}+{horizon}" for horizon in horizons for name in columns]
    return [f"+{horizon}" for horizon in horizons]


def picture_table(answers: Mapping[str, np.ndarray], classes: list[object]) -> Table:
    """The answers to pictures: of many classes the five most probable ones."""
    if len(classes) > MOST_COLUMNS:
        return _most_probable(answers["probabilities"], classes)
    return table(answers, classes)


def _most_probable(probabilities: np.ndarray, classes: list[object]) -> Table:
    """The classes that are most probable, each with its probability."""
    header = [
        f"{what} {place}" for place in range(1, BEST + 1) for what in ("label", "probability")
    ]
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :BEST]
    lines = (
        [value for place in places for value in (classes[place], float(row[place]))]
        for row, places in zip(probabilities, best, strict=True)
    )
    return header, lines


def table(answers: Mapping[str, np.ndarray], classes: list[object] | None) -> Table:
    """Header and lines of the answers.

    A column for each class of `probabilities`; the one `probability` of two classes is that of the
    second, which stands in its name.
    """
    header: list[str] = []
    columns: list[list[object]] = []
    for name, array in answers.items():
        if array.ndim == 1:
            of_second = name == "probability" and classes and len(classes) == 2
            header.append(f"{name}[{classes[1]}]" if of_second and classes else name)
            columns.append(array.tolist())
            continue
        if array.ndim > 2:
            array = array.reshape(len(array), -1)
        for position in range(array.shape[1]):
            suffix = classes[position] if classes else position
            header.append(f"{name}[{suffix}]")
            columns.append(array[:, position].tolist())
    return header, (list(line) for line in zip(*columns, strict=True))


def beside(
    kept: Sequence[str], columns: Mapping[str, Sequence[Any]], rows: Iterable[int], answers: Table
) -> Table:
    """The answers with columns of the input before them.

    Args:
        kept: the names of the columns.
        columns: of the input.
        rows: for each line of answers the row of the input that it belongs to.
        answers: the table.

    Raises:
        BadRequest: the input has no such column, or the answers have one of that name.
    """
    header, lines = answers
    for name in kept:
        if name not in columns:
            close = difflib.get_close_matches(name, list(columns), n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise BadRequest(
                f"--keep must name a column of the rows. Received: '{name}', "
                f"of {', '.join(columns)}.{hint}"
            )
        if name in header:
            raise BadRequest(
                f"--keep must name no column of the answers. Received: '{name}', which is one. "
                "Rename it in the rows."
            )
    if not kept:
        return answers
    names = list(dict.fromkeys(kept))
    together = (
        [*(columns[name][row] for name in names), *line]
        for row, line in zip(rows, lines, strict=True)
    )
    return [*names, *header], together


def refuse_outside(outside: Sequence[str]) -> None:
    """Refuse answers to rows outside the training's ranges.

    Raises:
        BadRequest: there are some; names the first.
    """
    marked = [row for row, names in enumerate(outside) if names]
    if marked:
        raise BadRequest(
            f"With --strict every answer must be within the ranges of the training. Received: "
            f"{len(marked)} of {len(outside)} outside, the first is number {marked[0] + 1}, "
            f"column {outside[marked[0]]}. Mend the rows, or leave --strict."
        )

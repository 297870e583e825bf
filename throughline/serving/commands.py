"""Answers raw rows, and goes on writing texts, without TensorFlow, pandas or DVC."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.serving.delimited import columns_of
from throughline.serving.errors import BadRequest, spelt_out
from throughline.serving.predictor import Predictor
from throughline.serving.windows import Fed

# A model of more classes is answered by its most probable ones.
MOST_COLUMNS = 20
BEST = 5
# How formulas begin.
FORMULA = "=+-@\t\r"


def stream(model: Path, rows: str) -> None:
    """Print an answer for each row as it comes, as soon as a window is complete.

    Raises:
        BadRequest: no model, one that takes no windows, or a row that does not fit.
    """
    from throughline.serving.stream import Stream, answered_lines

    if not model.is_file():
        raise BadRequest(f"There is no model '{model}'. Run the pipeline first.")
    series = Stream(Predictor(model))
    if rows == "-":
        answered_lines(series, sys.stdin, sys.stdout)
        return
    try:
        with Path(rows).open(newline="", encoding="utf-8-sig") as file:
            answered_lines(series, file, sys.stdout)
    except FileNotFoundError:
        raise BadRequest(f"There is no file '{rows}'.") from None


def generate(
    model: Path, start: str, temperature: float, count: int, longest: int, seed: int
) -> None:
    """Print texts that the model goes on writing, one a line.

    Args:
        model: of a pipeline whose network predicts the next token.
        start: the first characters or words.
        temperature: below 1 the likely ones more often, above 1 less often.
        count: of texts.
        longest: how many tokens a text may go on for.
        seed: of the drawing.

    Raises:
        BadRequest: no model, one that does not generate, or a setting out of range.
    """
    from throughline.serving.generate import generated

    if not model.is_file():
        raise BadRequest(f"There is no model '{model}'. Run the pipeline first.")
    for text in generated(Predictor(model), start, temperature, count, seed, longest):
        print(spelt_out(text))


def print_contract(model: Path) -> None:
    """Print what a model takes and answers, as JSON: what a client needs to know of it.

    Raises:
        BadRequest: no model.
    """
    if not model.is_file():
        raise BadRequest(f"There is no model '{model}'. Run the pipeline first.")
    predictor = Predictor(model)
    known = predictor.metadata
    told: dict[str, Any] = {
        "inputs": [{"name": name, **entry} for name, entry in predictor.inputs.items()],
        "outputs": predictor.outputs,
        **{key: known[key] for key in ("task", "target", "window", "reading") if key in known},
    }
    print(json.dumps(told, indent=1, ensure_ascii=False))


def predict(model: Path, rows: Path, output: Path | None = None, device: str = "cpu") -> None:
    """Answer the rows of a CSV file, one line of answers a row.

    Args:
        model: the model file.
        rows: the CSV file, with a header.
        output: a CSV file. Default: the screen.
        device: see `Predictor`.

    Raises:
        BadRequest: the model or the rows cannot be read, or do not fit each other.
    """
    if not model.is_file():
        raise BadRequest(f"There is no model '{model}'. Run the pipeline first.")
    predictor = _on(device, model)
    columns = read_columns(rows, predictor.reading, predictor.columns)
    if predictor.windowing is not None:
        answers, fed = predictor.forecast(columns)
        _write(*forecast_table(predictor, answers, fed), output)
        return
    answers = predictor.predict(columns)
    header, lines = _table(answers, predictor.metadata.get("target", {}).get("classes"))
    _write(header, lines, output)


def forecast_table(
    predictor: Predictor, answers: Mapping[str, np.ndarray], fed: Fed
) -> tuple[list[str], Iterator[list[object]]]:
    """Header and lines of forecasts: the time that each is made at, its series, the answers.

    Several horizons, or targets, are `prediction[+1]`, `prediction[+2]`; the last column names
    columns with a value far outside those of the training.
    """
    target = predictor.metadata.get("target", {})
    header, lines = _table(dict(answers), target.get("classes") or _horizons(target))
    times = np.datetime_as_string(fed.newest.astype("datetime64[s]"))
    before = zip(times.tolist(), *fed.series.values(), strict=True)
    table = (
        [first.replace("T", " "), *series, *line, outside]
        for (first, *series), line, outside in zip(before, lines, fed.outside, strict=True)
    )
    return ["time", *fed.series, *header, "outside_training"], table


def _horizons(target: Mapping[str, Any]) -> list[object] | None:
    """What each place of a forecast is of, where there are several."""
    columns, horizons = target.get("columns", []), target.get("horizons", [])
    if len(columns) > 1:
        return [f"{name}+{horizon}" for horizon in horizons for name in columns]
    return [f"+{horizon}" for horizon in horizons]


def predict_images(
    model: Path, files: list[Path], output: Path | None = None, device: str = "cpu"
) -> None:
    """Answer image files, one line a file, with at most the five most probable classes.

    Raises:
        BadRequest: the model or a file cannot be read, or the model does not take pictures.
    """
    from throughline.serving.image import picture_input, read_file

    if not model.is_file():
        raise BadRequest(f"There is no model '{model}'. Run the pipeline first.")
    predictor = _on(device, model)
    name, entry = picture_input(predictor.inputs)
    # One after the other: pictures differ in size, and memory holds one of them.
    answers = [predictor.predict({name: read_file(file, entry)}) for file in files]
    classes = predictor.metadata.get("target", {}).get("classes") or []
    together = {key: np.concatenate([answer[key] for answer in answers]) for key in answers[0]}
    if len(classes) > MOST_COLUMNS:
        header, lines = _most_probable(together["probabilities"], classes)
    else:
        header, lines = _table(together, classes)
    named = ([str(file), *line] for file, line in zip(files, lines, strict=True))
    _write(["file", *header], named, output)


def _on(device: str, model: Path) -> Predictor:
    """A predictor on a device; where that was not the default one, it says what answers."""
    predictor = Predictor(model, device=device)
    if device != "cpu":
        print(f"answers: {predictor.device}", file=sys.stderr)
    return predictor


def nearest(folder: Path, image: Path, count: int, output: Path | None = None) -> None:
    """The training pictures whose features are nearest to those of an image file.

    Raises:
        BadRequest: the folder or the file cannot be read, or fewer than one picture is asked for.
    """
    from throughline.serving.image import picture_input, read_file
    from throughline.serving.nearest import Nearest

    if count < 1:
        raise BadRequest(f"--count must be at least 1. Received: {count}.")
    stored = Nearest(folder)
    _, entry = picture_input(stored.predictor.inputs)
    found = stored.find(read_file(image, entry), count)
    _write(list(found[0]), (list(each.values()) for each in found), output)


def _most_probable(
    probabilities: np.ndarray, classes: list[object]
) -> tuple[list[str], Iterator[list[object]]]:
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


def _write(header: list[str], lines: Iterable[list[object]], output: Path | None) -> None:
    """A CSV file, or the screen, where no text of the model's may steer the terminal."""
    header, lines = _harmless(header), map(_harmless, lines)
    if output is None:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(map(_spelt, header))
        writer.writerows(map(_spelt, line) for line in lines)
        return
    draft = output.with_name(f".{output.name}.draft")
    with draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)
    draft.replace(output)


def _harmless(line: Iterable[Any]) -> list[Any]:
    """A line in which no text begins as a formula of a spreadsheet; such a one gets a `'`.

    Names of classes come from whoever made the model, and may run a command where the file is
    opened.
    """
    return [f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell for cell in line]


def _is_formula(text: str) -> bool:
    if len(text) < 2 or text[0] not in FORMULA:
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def _spelt(cell: Any) -> Any:
    return spelt_out(cell) if isinstance(cell, str) else cell


def read_columns(
    path: Path, reading: Mapping[str, Any] | None = None, needed: Sequence[str] = ()
) -> dict[str, list[str]]:
    """The columns of a CSV file, as texts.

    Args:
        path: the file.
        reading: how the file of the training was laid out, of the model's metadata. Default: a
            header, commas and UTF-8.
        needed: the columns that the model takes; a header is told by them.

    Raises:
        BadRequest: no file, no header, no rows, a doubled column, a row of another length.
    """
    reading = reading or {}
    encoding = str(reading.get("encoding", "utf-8"))
    try:
        content = path.read_bytes()
        text = _decoded(content, encoding)
    except FileNotFoundError:
        raise BadRequest(f"There is no file '{path}'.") from None
    except IsADirectoryError:
        raise BadRequest(f"'{path}' must be a file. Received: a folder.") from None
    except UnicodeDecodeError as error:
        called = "UTF-8" if encoding.lower() in ("utf-8", "utf8") else encoding
        raise BadRequest(f"'{path}' must be {called} text: {error.reason}.") from None
    except OSError as error:
        raise BadRequest(f"'{path}' must be a file that can be read: {error}.") from None
    except LookupError:
        raise BadRequest(
            f"'{path}' is read in an encoding that is not known: {encoding}."
        ) from None
    try:
        header, rows = columns_of(text, reading, needed)
    except csv.Error as error:
        raise BadRequest(f"'{path}' must be a sound CSV file: {error}.") from None
    if not header:
        raise BadRequest(f"'{path}' must start with a header. Received: an empty file.")
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise BadRequest(f"'{path}': column '{doubled[0]}' stands twice in the header.")
    for number, (row, _) in enumerate(rows, start=1):
        if len(row) != len(header):
            raise BadRequest(
                f"'{path}', row {number} must have {len(header)} values. Received: {len(row)}."
            )
    return {name: [row[i] for row, _ in rows] for i, name in enumerate(header)}


def _decoded(content: bytes, encoding: str) -> str:
    if encoding.lower() in ("utf-8", "utf8"):
        return content.decode("utf-8-sig")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        # Rows made today, for a model of a file of yesterday.
        return content.decode("utf-8-sig")


def _table(
    answers: dict[str, np.ndarray], classes: list[object] | None
) -> tuple[list[str], Iterator[list[object]]]:
    """Header and lines of the answers; a column for each class of `probabilities`."""
    header: list[str] = []
    columns: list[list[object]] = []
    for name, array in answers.items():
        if array.ndim == 1:
            header.append(name)
            columns.append(array.tolist())
            continue
        if array.ndim > 2:
            array = array.reshape(len(array), -1)
        for position in range(array.shape[1]):
            suffix = classes[position] if classes else position
            header.append(f"{name}[{suffix}]")
            columns.append(array[:, position].tolist())
    return header, (list(line) for line in zip(*columns, strict=True))

"""`python -m serving predict MODEL ROWS`: answers raw rows without TensorFlow, pandas or DVC."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from serving.errors import BadRequest
from serving.predictor import Predictor


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 when all went well, 2 for a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    predict_command = commands.add_parser("predict", help="answer the rows of a CSV file")
    predict_command.add_argument("model", type=Path, help="model.onnx")
    predict_command.add_argument("rows", type=Path, help="a CSV file with a header")
    predict_command.add_argument("-o", "--output", type=Path, help="a CSV file; default: screen")
    chosen = parser.parse_args(arguments)
    try:
        predict(chosen.model, chosen.rows, chosen.output)
    except BadRequest as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def predict(model: Path, rows: Path, output: Path | None = None) -> None:
    """Answer the rows of a CSV file, one line of answers a row.

    Raises:
        BadRequest: the model or the rows cannot be read, or do not fit each other.
    """
    if not model.is_file():
        raise BadRequest(f"There is no model '{model}'. Run the pipeline first.")
    predictor = Predictor(model)
    answers = predictor.predict(read_columns(rows))
    header, lines = _table(answers, predictor.metadata.get("target", {}).get("classes"))
    if output is None:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)
        return
    draft = output.with_name(f".{output.name}.draft")
    with draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)
    draft.replace(output)


def read_columns(path: Path) -> dict[str, list[str]]:
    """The columns of a CSV file, as texts.

    Raises:
        BadRequest: no file, no header, no rows, a doubled column, a row of another length.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = list(csv.reader(file))
    except FileNotFoundError:
        raise BadRequest(f"There is no file '{path}'.") from None
    except UnicodeDecodeError as error:
        raise BadRequest(f"'{path}' must be UTF-8 text: {error.reason}.") from None
    if not table:
        raise BadRequest(f"'{path}' must start with a header. Received: an empty file.")
    header, rows = table[0], [row for row in table[1:] if row]
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise BadRequest(f"'{path}': column '{doubled[0]}' stands twice in the header.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise BadRequest(
                f"'{path}', row {number} must have {len(header)} values. Received: {len(row)}."
            )
    return {name: [row[i] for row in rows] for i, name in enumerate(header)}


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
        for position in range(array.shape[1]):
            suffix = classes[position] if classes else position
            header.append(f"{name}[{suffix}]")
            columns.append(array[:, position].tolist())
    return header, (list(line) for line in zip(*columns, strict=True))


if __name__ == "__main__":
    sys.exit(main())

"""Answers raw rows, and goes on writing texts, without TensorFlow, pandas or DVC."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.serving.bounds import allow
from throughline.serving.errors import BadRequest, spelt_out
from throughline.serving.predictor import Predictor
from throughline.serving.rows.packed import STANDARD_INPUT
from throughline.serving.rows.reading import read_columns
from throughline.serving.rows.tables import (
    answer_table,
    beside,
    forecast_table,
    picture_table,
    refuse_outside,
    row_table,
)
from throughline.serving.rows.writing import check_output, write

# Where the pipelines of a project keep theirs.
MODELS, NAME = Path("models"), "model.onnx"


def model_file(named: Path) -> Path:
    """The file that a command names: a model, its folder, or a pipeline of the project here.

    Raises:
        BadRequest: there is none.
    """
    for file in (named, named / NAME, MODELS / named / NAME):
        if file.is_file():
            return file
    raise BadRequest(
        f"There is no model '{named}': no such file, and no pipeline of this name that has one "
        "here. Run the pipeline first."
    )


def stream(model: Path, rows: str) -> None:
    """Print an answer for each row as it comes, as soon as a window is complete.

    Raises:
        BadRequest: no model, one that takes no windows, or a row that does not fit.
    """
    from throughline.serving.rows.delimited import bounded_lines
    from throughline.serving.stream import Stream, answered_lines

    series = Stream(Predictor(model_file(model)))
    encoding = str(series.predictor.reading.get("encoding", "utf-8"))
    usual = encoding.lower() in ("utf-8", "utf8")
    name = "standard input" if rows == STANDARD_INPUT else rows
    # The file of the standard input stays open.
    source: Any = sys.stdin.fileno() if rows == STANDARD_INPUT else rows
    try:
        with open(
            source,
            newline="",
            encoding="utf-8-sig" if usual else encoding,
            closefd=rows != STANDARD_INPUT,
        ) as file:
            answered_lines(series, bounded_lines(file), sys.stdout)
    except FileNotFoundError:
        raise BadRequest(f"There is no file '{rows}'.") from None
    except IsADirectoryError:
        raise BadRequest(f"'{rows}' must be a file. Received: a folder.") from None
    except (UnicodeDecodeError, LookupError):
        raise BadRequest(f"'{name}' must be {encoding} text, as the training's file.") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise BadRequest(f"'{name}' must be a file that can be read: {error}.") from None


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

    for text in generated(Predictor(model_file(model)), start, temperature, count, seed, longest):
        print(spelt_out(text))


def print_contract(model: Path) -> None:
    """Print what a model takes and answers, as JSON: what a client needs to know of it."""
    predictor = Predictor(model_file(model))
    known = predictor.metadata
    description: dict[str, Any] = {
        "inputs": [
            # What asks the file itself brings texts to the form that `ingest` stores.
            {"name": name, **entry, **({"form": "NFC"} if entry["type"] == "string" else {})}
            for name, entry in predictor.inputs.items()
        ],
        "outputs": predictor.outputs,
        **{key: known[key] for key in ("task", "target", "window", "reading") if key in known},
    }
    written = json.dumps(description, indent=1, ensure_ascii=False)
    # Names of columns may steer a terminal; JSON has its own way to spell them out.
    harmless = all(line.isprintable() for line in written.split("\n"))
    print(written if harmless else json.dumps(description, indent=1))


def predict(
    model: Path,
    rows: Path,
    output: Path | None = None,
    device: str = "cpu",
    keep: Sequence[str] = (),
    strict: bool = False,
) -> None:
    """Answer the rows of a file, one line of answers a row.

    Args:
        model: the model file.
        rows: a file of CSV with a header, JSON lines or Parquet, or `-`, the standard input.
        output: a file that ends in .csv, .jsonl or .parquet. Default: the screen, as CSV.
        device: see `Predictor`.
        keep: columns of the rows to write beside the answers.
        strict: whether a value outside the training's range is refused rather than marked.

    Raises:
        BadRequest: the model or the rows cannot be read, or do not fit each other.
    """
    check_output(output)
    predictor = _on(device, model)
    columns = read_columns(rows, predictor.reading, predictor.columns)
    if predictor.windowing is not None:
        columns = {name: list(values) for name, values in columns.items()}
        answers, fed = predictor.forecast(columns)
        outside, places = fed.outside, fed.rows.tolist()
        table = forecast_table(predictor, answers, fed)
    else:
        answers, outside = predictor.marked(columns)
        places = range(len(outside))
        table = row_table(predictor, answers, outside)
    if strict:
        refuse_outside(outside)
    kept = {name: list(columns[name]) for name in keep if name in columns}
    write(*beside(keep, columns | kept, places, table), output)


def predict_files(
    model: Path,
    files: list[Path],
    output: Path | None = None,
    device: str = "cpu",
    kind: str = "image",
) -> int:
    """Answer files of a kind, one line a file, with at most the five most probable classes.

    Of several files those that are no sound ones are told at the end.

    Args:
        model: the model file.
        files: of images, sounds or texts.
        output: a file that ends in .csv, .jsonl or .parquet. Default: the screen, as CSV.
        device: see `Predictor`.
        kind: image, sound or text.

    Returns:
        0, or 1 where a file could not be answered.

    Raises:
        BadRequest: the model or the only file cannot be read, or the model takes something else.
    """
    from throughline.serving.rows.media.media_files import one_input, read_file

    check_output(output)
    predictor = _on(device, model)
    name, entry = one_input(kind, predictor.inputs)
    encoding = str(predictor.reading.get("encoding", "utf-8"))
    answers, answered, refused = [], [], []
    # One after the other: files differ in size, and memory holds one of them.
    for file in files:
        allow(1)
        try:
            content = read_file(file, entry, encoding)
        except BadRequest as error:
            if len(files) == 1:
                raise
            refused.append(str(error))
            continue
        answers.append(predictor.predict({name: content}))
        answered.append(str(file))
    if answers:
        target = predictor.metadata.get("target", {})
        together = {key: np.concatenate([answer[key] for answer in answers]) for key in answers[0]}
        several, classes = target.get("targets"), target.get("classes") or []
        table = answer_table(together, target) if several else picture_table(together, classes)
        header, lines = table
        named = ([file, *line] for file, line in zip(answered, lines, strict=True))
        write(["file", *header], named, output)
    if refused:
        sys.stdout.flush()
        print(f"{len(refused)} of {len(files)} files were not answered:", file=sys.stderr)
        print(*map(spelt_out, refused), sep="\n", file=sys.stderr)
    return 1 if refused else 0


def _on(device: str, model: Path) -> Predictor:
    """A predictor on a device; where that was not the default one, it says what answers."""
    predictor = Predictor(model_file(model), device=device)
    if device != "cpu":
        print(f"answers: {predictor.device}", file=sys.stderr)
    return predictor


def nearest(folder: Path, image: Path, count: int, output: Path | None = None) -> None:
    """The training pictures whose features are nearest to those of an image file.

    Raises:
        BadRequest: the folder or the file cannot be read, or fewer than one picture is asked for.
    """
    from throughline.serving.nearest import Nearest
    from throughline.serving.rows.media.image_files import picture_input
    from throughline.serving.rows.media.media_files import read_file

    if count < 1:
        raise BadRequest(f"--count must be at least 1. Received: {count}.")
    stored = Nearest(folder)
    _, entry = picture_input(stored.predictor.inputs)
    found = stored.find(read_file(image, entry), count)
    write(list(found[0]), (list(each.values()) for each in found), output)

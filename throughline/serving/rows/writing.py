"""Answers on the screen or in a file: CSV, JSON lines or Parquet, as its ending says."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from throughline.serving.errors import BadRequest, spelt_out

# How formulas begin; spreadsheets of East Asia take the wide signs for the others.
FORMULA = "=+-@\t\n\uff1d\uff0b\uff0d\uff20"

Line = Sequence[object]


def write(header: list[str], lines: Iterable[Line], output: Path | None) -> None:
    """Write a table.

    Args:
        header: the names of its columns.
        lines: its rows.
        output: the file. Default: the screen, where no text of the model's may steer the terminal.

    Raises:
        BadRequest: see `check_output`.
    """
    if output is None:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(shown(header))
        writer.writerows(map(shown, lines))
        return
    check_output(output)
    form = FORMATS[output.suffix.lower()]
    if output.exists() and not output.is_file():
        # A device or a pipe, which a file must not take the place of.
        form(header, lines, output)
        return
    draft = output.with_name(f".{output.name}.draft")
    try:
        form(header, lines, draft)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def check_output(output: Path | None) -> None:
    """Refuse a file that cannot be written, before the model has worked for it.

    Raises:
        BadRequest: a folder, an ending of no format that is written, no folder to write into, or
            Parquet without its library.
    """
    if output is None:
        return
    if output.is_dir():
        raise BadRequest(f"The output must be a file. Received: the folder '{output}'.")
    if output.suffix.lower() not in FORMATS:
        endings = ", ".join(filter(None, FORMATS))
        raise BadRequest(f"The output must end in one of {endings}. Received: '{output}'.")
    if not output.parent.is_dir():
        raise BadRequest(f"There is no folder '{output.parent}' to write '{output.name}' into.")
    if FORMATS[output.suffix.lower()] is _parquet:
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise BadRequest(
                f"'{output}' is Parquet, which needs the library 'pyarrow'. Run "
                "`pip install pyarrow`, or write CSV or JSON lines."
            ) from None


def _csv(header: Line, lines: Iterable[Line], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(harmless(header))
        writer.writerows(map(harmless, lines))


def _json_lines(header: Line, lines: Iterable[Line], path: Path) -> None:
    names = list(map(str, header))
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            row = dict(zip(names, map(_finite, line), strict=True))
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def _parquet(header: Line, lines: Iterable[Line], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    columns = list(zip(*lines, strict=True)) or [()] * len(header)
    arrays = []
    for values in columns:
        try:
            arrays.append(pa.array(values))
        except pa.ArrowException:
            # A kept column of JSON lines may hold values of several types.
            arrays.append(pa.array([None if v is None else str(v) for v in values]))
    parquet.write_table(pa.table(arrays, names=list(map(str, header))), path)


FORMATS: Mapping[str, Callable[[Line, Iterable[Line], Path], None]] = {
    ".csv": _csv, ".txt": _csv, "": _csv,
    ".jsonl": _json_lines, ".ndjson": _json_lines,
    ".parquet": _parquet, ".pq": _parquet,
}  # fmt: skip


def _finite(value: object) -> object:
    """A value that JSON can say; it has no infinite numbers, and no other type says one more."""
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)


def harmless(line: Iterable[Any]) -> list[Any]:
    """A line in which no text begins as a formula of a spreadsheet; such a one gets a `'`.

    Names of classes come from whoever made the model, and may run a command where the file is
    opened. A line break of old becomes one that Python puts into quotes: else the text behind it
    would begin a line of its own.
    """
    return [_as_text(cell) if isinstance(cell, str) else cell for cell in line]


# Of classes and names of columns there are few.
@lru_cache(maxsize=4096)
def _as_text(cell: str) -> str:
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{cell}" if _is_formula(cell) else cell


def _is_formula(text: str) -> bool:
    if len(text) < 2 or text[0] not in FORMULA:
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def shown(line: Iterable[Any]) -> list[Any]:
    """A line for the screen: also no text in it steers the terminal."""
    return [spelt_out(cell) if isinstance(cell, str) else cell for cell in harmless(line)]

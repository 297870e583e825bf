"""Rows to answer, of a file or the standard input: CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from throughline.serving.bounds import ROW_BYTES, allow
from throughline.serving.errors import BadRequest
from throughline.serving.rows.delimited import Laid, laid_out
from throughline.serving.rows.objects import KeyTwice, each_once
from throughline.serving.rows.packed import STANDARD_INPUT, content_of, unpacked
from throughline.serving.rows.split import Texts, columns

JSON_LINES = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
# How every Parquet file begins.
MAGIC = b"PAR1"

Columns = dict[str, Any]
# Characters from which on a text is split by Arrow, where that is installed; rows of a block.
LARGE, BLOCK = 1 << 23, 20_000


def read_columns(
    path: Path, reading: Mapping[str, Any] | None = None, needed: Sequence[str] = ()
) -> Columns:
    """The columns of a file: texts of a CSV file, typed values of the other formats.

    The file's ending tells its format; of the standard input, `-`, its first bytes do. A compressed
    file is read as what is inside.

    Args:
        path: the file.
        reading: how the file of the training was laid out, of the model's metadata. Default: a
            header, commas and UTF-8.
        needed: the columns that the model takes; a header is told by them.

    Raises:
        BadRequest: no file, or one that holds no table.
    """
    reading = reading or {}
    piped = str(path) == STANDARD_INPUT
    name = "standard input" if piped else str(path)
    content, inner = unpacked(content_of(path), name)
    allow(len(content) / ROW_BYTES)
    by_content = piped or content.startswith(MAGIC) or is_json_lines(content)
    ending = _ending_of(content) if by_content else Path(inner).suffix.lower()
    if ending in PARQUET:
        return _renamed(_of_parquet(content, name), reading, needed)
    if ending in JSON_LINES:
        rename: Mapping[str, str] = reading.get("rename") or {}
        asked = {*needed, *(old for old, new in rename.items() if new in needed)}
        whole = ending == ".json"
        return _renamed(_of_json_lines(content, name, asked, whole), reading, needed)
    text = decoded(content, name, reading)
    # Not twice in memory.
    del content
    return _of_csv(text, name, reading, needed)


def is_json_lines(content: bytes) -> bool:
    """Whether the first line of a file, however it is called, is an object of JSON."""
    first, more, _ = content.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    try:
        return bool(more) and first[:1] == b"{" and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _ending_of(content: bytes) -> str:
    """The ending that a file of such content would have."""
    if content.startswith(MAGIC):
        return PARQUET[0]
    first = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return JSON_LINES[0] if first in (b"{", b"[") else ".csv"


def _renamed(columns: Columns, reading: Mapping[str, Any], needed: Sequence[str]) -> Columns:
    """The columns under the names that the training gave them, unless they have these already."""
    rename: Mapping[str, str] = reading.get("rename") or {}
    if set(needed) <= set(columns):
        return columns
    return {rename.get(name, name): values for name, values in columns.items()}


def _of_csv(text: str, name: str, reading: Mapping[str, Any], needed: Sequence[str]) -> Columns:
    try:
        return cells_of(laid_out(text, reading, needed), name, reading)
    except csv.Error as error:
        raise BadRequest(f"'{name}' must be a sound CSV file: {error}.") from None


def cells_of(found: Laid, name: str, reading: Mapping[str, Any]) -> Columns:
    """The texts of the cells of a table, column by column.

    Raises:
        BadRequest: no header, or a record that is not as wide.
        csv.Error: a quote that none closes.
    """
    header = found.names
    if not header:
        raise BadRequest(f"'{name}' must start with a header. Received: an empty file.")
    doubled = sorted(name for name, count in Counter(header).items() if count > 1)
    if doubled:
        raise BadRequest(f"'{name}': column '{doubled[0]}' stands twice in the header.")
    if len(found.body) >= LARGE and not reading.get("footer"):
        quotes = reading.get("quotes", True)
        quote = quotes if isinstance(quotes, str) else '"' * bool(quotes)
        top = found.header or header
        parts = columns(found.body, found.separator, quote, found.above, top, bool(found.header))
        if parts is not None:
            return dict(zip(header, map(Texts, parts), strict=True))
    cells: Columns = {column: [] for column in header}
    first = 1
    while block := [row for row, _ in islice(found.below, BLOCK)]:
        for number, row in enumerate(block, start=first):
            if len(row) != len(header):
                raise BadRequest(
                    f"'{name}', row {number} must have {len(header)} values. Received: {len(row)}."
                )
        for column, values in zip(cells.values(), zip(*block, strict=True), strict=True):
            column.extend(values)
        first += len(block)
    return cells


def decoded(content: bytes, name: str, reading: Mapping[str, Any]) -> str:
    """The text of a CSV file.

    Raises:
        BadRequest: it is neither in the training's encoding nor in UTF-8.
    """
    encoding = str(reading.get("encoding", "utf-8"))
    usual = encoding.lower() in ("utf-8", "utf8")
    try:
        return content.decode("utf-8-sig" if usual else encoding)
    except LookupError:
        raise BadRequest(
            f"'{name}' is read in an encoding that is not known: {encoding}."
        ) from None
    except UnicodeDecodeError as error:
        wrong = error
    try:
        # Rows made today, for a model of a file of yesterday.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        called = "UTF-8" if usual else encoding
        raise BadRequest(f"'{name}' must be {called} text: {wrong.reason}.") from None


def _of_json_lines(content: bytes, name: str, needed: Collection[str], whole: bool) -> Columns:
    """An object a line, a list of objects, or one object of columns, as the training takes them."""
    text = decoded(content, name, {})
    if whole and (columns := _object_of_columns(text)):
        return columns
    if text.lstrip()[:1] == "[":
        found = _parsed(text, f"'{name}'", "a list of objects")
        numbered = [(f"'{name}', row {place}", row) for place, row in enumerate(found, start=1)]
    else:
        lines = [(f"'{name}', line {n}", line) for n, line in enumerate(io.StringIO(text), start=1)]
        kept = [(place, line) for place, line in lines if line.strip()]
        numbered = [(place, _parsed(line, place, "one JSON object")) for place, line in kept]
    if not numbered:
        raise BadRequest(f"'{name}' must hold a JSON object a line. Received: none.")
    rows = [_row(row, place, needed) for place, row in numbered]
    # A row that lacks a name lacks the value.
    names = dict.fromkeys(key for row in rows for key in row)
    return {column: [row.get(column) for row in rows] for column in names}


def _parsed(text: str, place: str, expected: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=each_once)
    except KeyTwice as error:
        raise BadRequest(f"{place} must have each key once. Received: {error}.") from None
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise BadRequest(
            f"{place} must be {expected}: {said}. Received: {text.strip()!r:.80}."
        ) from None


def _object_of_columns(text: str) -> Columns:
    """The columns of a text that is one object of lists of one length; none of any other."""
    try:
        # Of lines the first one ends it.
        found = json.loads(text, object_pairs_hook=each_once)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or not all(isinstance(each, list) for each in found.values()):
        return {}
    lengths = {len(each) for each in found.values()}
    single = not any(isinstance(value, list | dict) for each in found.values() for value in each)
    return found if len(lengths) == 1 and single else {}


def _row(found: Any, place: str, needed: Collection[str]) -> dict[str, Any]:
    """One row, objects in it as their JSON, as training has them.

    Raises:
        BadRequest: no JSON object, or one that holds a list where the model takes a value.
    """
    if not isinstance(found, dict):
        raise BadRequest(f"{place} must be one JSON object. Received: {found!r:.80}.")
    for column, value in found.items():
        if isinstance(value, list) and (column in needed or not needed):
            raise BadRequest(
                f"{place}, column '{column}' must be a text, a number, true, false or null. "
                f"Received: {value!r:.80}."
            )
    return {key: json.dumps(v) if isinstance(v, list | dict) else v for key, v in found.items()}


def _of_parquet(content: bytes, name: str) -> Columns:
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError:
        raise BadRequest(
            f"'{name}' is Parquet, which needs the library 'pyarrow'. Run `pip install pyarrow`, "
            "or give CSV or JSON lines."
        ) from None
    try:
        table = parquet.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise BadRequest(f"'{name}' must be a sound Parquet file: {str(error)[:200]}.") from None
    doubled = sorted(name for name, count in Counter(table.column_names).items() if count > 1)
    if doubled:
        raise BadRequest(f"'{name}': column '{doubled[0]}' stands twice.")
    return {
        column: [_plain(value) for value in table.column(column).to_pylist()]
        for column in table.column_names
    }


def _plain(value: Any) -> Any:
    """A value as training takes it: times as texts, durations as seconds, structures as JSON."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return 3600 * value.hour + 60 * value.minute + value.second + value.microsecond / 1e6
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict) or _is_map(value):
        return json.dumps(dict(value), default=str)
    return value


def _is_map(value: Any) -> bool:
    """Whether a value is a map, which pyarrow gives as pairs of a name and a value."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value)
    )

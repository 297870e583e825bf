"""Raw values, typed or as texts of a file's cells, as the runtime takes them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.rows.cells import Cells, flag
from throughline.serving.rows.split import Texts, plainly_read
from throughline.serving.rows.split import numbers as numbers_of

Values = Sequence[Any] | np.ndarray

# Rows whose source had types: a text is what it says, and missing where it is empty.
NUMBER_SIGNS = b"0123456789.eE+-"
PLAIN = Cells(missing=("",), verbatim=True)


def settled(reading: Mapping[str, Any], name: str) -> Cells:
    """How the cells of a column are read, by the model's metadata."""
    if not reading:
        return PLAIN
    return Cells.of(reading, reading.get("columns", {}).get(name))


def converted(name: str, entry: Mapping[str, Any], values: Values, cells: Cells) -> np.ndarray:
    """A raw column as the runtime takes it, shape (rows,).

    Raises:
        BadRequest: a value of the wrong type, missing where it must not be, or unknown.
    """
    if entry["type"] == "number":
        array = _numbers(name, values, cells)
        if entry.get("may_be_missing") is False:
            wrong, why = np.isnan(array), "the model has nothing to put there"
            _refuse(name, values, wrong, "a number", why)
        _refuse(name, values, np.isinf(array), "a finite number", "")
        return array
    if entry["type"] == "boolean":
        return _booleans(name, values)
    array = np.array([_text(value, cells) for value in values], dtype=object)
    if entry.get("may_be_missing") is False:
        why = "the model has nothing to put there"
        _refuse(name, values, array == "", "a text", why)
    if entry.get("closed"):
        known = set(entry["categories"])
        strange = np.array([value not in known for value in array.tolist()])
        if entry.get("may_be_missing"):
            strange &= array != ""
        _refuse(name, values, strange, "one of " + ", ".join(sorted(known)), "")
    return array


def _text(value: Any, cells: Cells) -> str:
    """A text in Unicode's form NFC, in which `ingest` stores all texts."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", cells.text(value) or "")
    return "" if _is_missing(value) else str(value)


def _numbers(name: str, values: Values, cells: Cells) -> np.ndarray:
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        array = values.astype(np.float32)
        return np.where(np.isinf(array), np.float32(np.nan), array) if cells.infinite else array
    plain = numbers_of(values.array, cells) if isinstance(values, Texts) else _plain(values, cells)
    if plain is not None:
        with np.errstate(over="ignore"):
            # By way of float64, as training reads them.
            return plain.astype(np.float64).astype(np.float32)
    numbers = np.empty(len(values), dtype=np.float64)
    for row, value in enumerate(values):
        try:
            number = cells.number(value) if isinstance(value, str) else _number(value, cells)
        except (TypeError, ValueError, OverflowError):
            expected = "true or false" if cells.words else "a number"
            raise BadRequest(
                f"Row {row + 1}, column '{name}' must be {expected}. Received: {value!r:.80}."
            ) from None
        numbers[row] = np.nan if number is None else number
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)


def _plain(values: Values, cells: Cells) -> np.ndarray | None:
    """Texts that Python itself reads as finite numbers; None where the rules of cells must tell."""
    if not plainly_read(cells):
        return None
    try:
        # With these signs alone, what is a number to Python is one by the rules.
        if "".join(values).encode(errors="replace").translate(None, NUMBER_SIGNS):
            return None
        empty = "" in cells.missing and "" in values
        texts = [text or "nan" for text in values] if empty else values
        numbers = np.fromiter(map(float, texts), np.float64, len(texts))
    except (TypeError, ValueError):
        return None
    return None if np.isinf(numbers).any() else numbers


def _number(value: Any, cells: Cells) -> float | None:
    if _is_missing(value):
        return None
    number = float(value)
    return None if cells.infinite and number in (np.inf, -np.inf) else number


def _booleans(name: str, values: Values) -> np.ndarray:
    flags = np.zeros(len(values), dtype=bool)
    wrong = np.zeros(len(values), dtype=bool)
    for row, value in enumerate(values):
        try:
            flags[row] = flag(str(value))
        except ValueError:
            wrong[row] = True
    _refuse(name, values, wrong, "true or false", "")
    return flags


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or value != value


def _refuse(name: str, values: Values, wrong: np.ndarray, expected: str, why: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        reason = f" ({why})" if why else ""
        raise BadRequest(
            f"Row {row + 1}, column '{name}' must be {expected}{reason}. "
            f"Received: {values[row]!r:.80}."
        )

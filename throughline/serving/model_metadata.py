"""What a model file says of itself, read as from a stranger: by its schema, or refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from throughline.serving.errors import BadRequest

KEY = "throughline"
MOST_BYTES = 64 << 20
# Of one row of an input, such as the pixels of a picture or the samples of a recording.
MOST_VALUES = 1 << 28
# Entries of a model that are looked at here, with the type of each.
ENTRIES: Mapping[str, type] = {
    "inputs": list, "reading": dict, "samples": dict, "states": dict, "target": dict,
    "window": dict,
}  # fmt: skip


def read(stored: str, path: object) -> dict[str, Any]:
    """The contract of a model, an empty one where the file has none.

    Raises:
        BadRequest: it is no JSON object, or an entry is of another type.
    """
    try:
        if len(stored) > MOST_BYTES:
            raise ValueError(f"{len(stored):,} characters, at most {MOST_BYTES:,} are read")
        found = json.loads(stored)
        _check(found)
    except (ValueError, RecursionError) as error:
        said = str(error)[:200] or type(error).__name__
        raise BadRequest(f"'{path}' must have metadata that can be read: {said}.") from None
    return dict(found)


def _check(found: Any) -> None:
    if not isinstance(found, dict):
        raise ValueError("no object")
    for name, kind in ENTRIES.items():
        if found.get(name) is not None and not isinstance(found[name], kind):
            raise ValueError(f"'{name}' is no {kind.__name__}")
    for entry in found.get("inputs") or ():
        texts = isinstance(entry, dict) and all(
            isinstance(entry.get(key), str) for key in ("name", "type")
        )
        if not texts:
            raise ValueError("an entry of 'inputs' has no name or type")
        if entry.get("closed") and not _texts(entry.get("categories")):
            raise ValueError(f"input {entry['name']!r:.80} has no list of categories")
        if entry["type"] == "image" and not _sizes(entry.get("shape")):
            raise ValueError(f"input {entry['name']!r:.80} has no shape of a picture")
    if not all(isinstance(value, str) for value in (found.get("states") or {}).values()):
        raise ValueError("'states' does not name outputs")
    target = found.get("target") or {}
    several = target.get("targets") or []
    if not isinstance(several, list) or not all(map(_names_its_answers, several)):
        raise ValueError("'targets' does not name the answers of each")
    for each in (target, *several):
        if each.get("classes") is not None and not isinstance(each["classes"], list):
            raise ValueError("the classes of 'target' are no list")


def _names_its_answers(target: Any) -> bool:
    answers = target.get("answers") if isinstance(target, dict) else None
    return isinstance(answers, dict) and all(isinstance(name, str) for name in answers.values())


def _texts(values: Any) -> bool:
    # A list, or a mapping from each to its share of the training rows.
    return isinstance(values, list | dict) and all(isinstance(value, str) for value in values)


def _sizes(shape: Any) -> bool:
    """Whether rows have three sizes, some perhaps open, and no more values than a large picture."""
    if not isinstance(shape, list) or len(shape) != 3:
        return False
    known = [size for size in shape if size is not None]
    whole = all(type(size) is int and size > 0 for size in known)
    return whole and math.prod(known) <= MOST_VALUES

"""Objects of JSON, in which a key may only stand once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class KeyTwice(ValueError):
    """A key that an object has twice: by itself `json` takes the last one, and says nothing."""


def each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object, for `json.loads(..., object_pairs_hook=each_once)`.

    Raises:
        KeyTwice: a key that it has twice.

    Example:
        >>> each_once([("a", 1), ("b", 2)])
        {'a': 1, 'b': 2}
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise KeyTwice(f"'{next(key for key in keys if keys.count(key) > 1)}' twice"[:80])
    return found

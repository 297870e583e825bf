"""The base of every section of a pipeline file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A section whose keys are all known, whose values never change, and whose types are exact."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


class MisplacedKey(ValueError):
    """Two sections do not fit each other; `keys` leads to the one to change."""

    def __init__(self, message: str, *keys: str | int) -> None:
        super().__init__(message)
        self.keys = keys


class MisplacedKeys(ValueError):
    """Several sections do not fit each other."""

    def __init__(self, problems: Sequence[MisplacedKey]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def spelled_out(value: Any, names: dict[str, str]) -> Any:
    """Turn the short forms of a setting into the long one.

    `standard` becomes `{"kind": "standard"}` and `{"constant": {"divide": 100}}` becomes
    `{"kind": "constant", "divide": 100}`.

    Args:
        value: what the file says.
        names: for each kind whose short form `{kind: VALUE}` holds a value that is not a mapping,
            the key under which the long form keeps that value.
    """
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, dict) and len(value) == 1 and "kind" not in value:
        ((kind, content),) = value.items()
        if isinstance(content, dict) and kind not in names:
            return {"kind": kind, **content}
        return {"kind": kind, names.get(str(kind), str(kind)): content}
    return value

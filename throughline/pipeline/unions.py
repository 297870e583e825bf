"""What is wrong where a key may hold one of several types: not one problem for each type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Location = tuple[str | int, ...]

# What Pydantic calls a type in a path, besides names with brackets and of sections.
PLAIN_TYPES = ("str", "int", "float", "bool", "dict", "none")
CONSTRAINED = "constrained-"


@dataclass(frozen=True)
class Problem:
    """One mistake in a file.

    Attributes:
        keys: that lead to it, in Pydantic's view: short forms are spelled out.
        errors: of Pydantic; several where the place may hold several types and none fits.
    """

    keys: Location
    errors: tuple[Mapping[str, Any], ...]


def problems(errors: Sequence[Mapping[str, Any]], document: Any) -> list[Problem]:
    """The mistakes of a file, in order.

    Args:
        errors: of Pydantic; one for each type that a value may have and does not.
        document: what was checked.
    """
    groups: dict[Location, list[Mapping[str, Any]]] = {}
    for error in errors:
        groups.setdefault(_place(error["loc"], document), []).append(error)
    return [
        problem for place, group in groups.items() for problem in _problems(place, group, document)
    ]


def _place(location: Location, document: Any) -> Location:
    """The location up to where types were tried, or all of it."""
    members = [i for i, _ in _members(location, document)]
    return location[: members[0]] if members else location


def _members(location: Location, document: Any) -> Iterator[tuple[int, str | int]]:
    """The parts of a location that are tried types and no keys of the file."""
    held = document
    sections = {section.__name__ for section in _subclasses(BaseModel)}
    for i, key in enumerate(location):
        if isinstance(held, list):
            held = dict(enumerate(held))
        if isinstance(held, Mapping) and key in held:
            held = held[key]
        elif isinstance(key, str) and (
            "[" in key or key in PLAIN_TYPES or key.startswith(CONSTRAINED) or key in sections
        ):
            yield i, key


def _subclasses(parent: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for child in parent.__subclasses__():
        yield child
        yield from _subclasses(child)


def _problems(
    place: Location, group: Sequence[Mapping[str, Any]], document: Any
) -> Iterator[Problem]:
    def keys(error: Mapping[str, Any]) -> Location:
        members = dict(_members(error["loc"], document))
        return tuple(key for i, key in enumerate(error["loc"]) if i not in members)

    # A type that the value has, with mistakes inside, says more than all that it has not.
    inside = [error for error in group if len(keys(error)) > len(place)]
    if inside:
        unknown = [error for error in inside if error["type"] == "extra_forbidden"]
        tried = (unknown or inside)[0]["loc"][len(place)]
        for error in inside:
            if error["loc"][len(place)] == tried:
                yield Problem(keys(error), (error,))
    else:
        yield Problem(keys(group[0]), tuple(group))

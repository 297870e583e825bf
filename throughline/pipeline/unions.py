"""What is wrong where a key may hold one of several types: one problem, not one for each type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Location = tuple[str | int, ...]

# What Pydantic calls a type in a path, besides names with brackets and of sections.
PLAIN_TYPES = ("str", "int", "float", "bool", "dict", "none")
CONSTRAINED = "constrained-"
# What was expected, by the beginning of the kind of error.
EXPECTED = {
    "bool": ("true", "false"),
    "int": ("a whole number",),
    "float": ("a number",),
    "string": ("text",),
    "list": ("a list",),
    "dict": ("a mapping",),
    "model": ("a mapping",),
    "none": ("null",),
}


@dataclass(frozen=True)
class Problem:
    """One mistake in a file.

    Attributes:
        keys: that lead to it.
        error: of Pydantic, the one that says most.
        expected: all that the place may hold, where no type fits; else "".
    """

    keys: Location
    error: Mapping[str, Any]
    expected: str = ""


def problems(errors: Sequence[Mapping[str, Any]], document: Any) -> list[Problem]:
    """The mistakes of a file, in order.

    Args:
        errors: of Pydantic; one for each type that a value may have and does not.
        document: what was checked.
    """
    groups: dict[Location, list[Mapping[str, Any]]] = {}
    for error in errors:
        groups.setdefault(_place(error["loc"], document), []).append(error)
    return [_problem(place, group, document) for place, group in groups.items()]


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


def _problem(place: Location, group: Sequence[Mapping[str, Any]], document: Any) -> Problem:
    def keys(error: Mapping[str, Any]) -> Location:
        members = dict(_members(error["loc"], document))
        return tuple(key for i, key in enumerate(error["loc"]) if i not in members)

    if len(group) == 1:
        return Problem(keys(group[0]), group[0])
    # A type that the value has, with a mistake inside, says more than all that it has not.
    inside = [error for error in group if len(keys(error)) > len(place)]
    if inside:
        unknown = [error for error in inside if error["type"] == "extra_forbidden"]
        chosen = (unknown or inside)[0]
        return Problem(keys(chosen), chosen)
    return Problem(keys(group[0]), group[0], _expected(group))


def _expected(group: Sequence[Mapping[str, Any]]) -> str:
    """All that is allowed, as `'auto', true or false`."""
    found: dict[str, None] = {}
    for error in group:
        kind = error["type"].partition("_")[0]
        text = error["msg"].removeprefix("Input should be ")
        if error["type"] == "literal_error":
            values = error["ctx"]["expected"].replace(" or ", ", ").split(", ")
            found |= dict.fromkeys(values)
        elif error["type"].endswith(("_type", "_parsing", "_from_float")):
            found |= dict.fromkeys(EXPECTED.get(kind, (text,)))
        else:
            found[text] = None
    if "a number" in found:
        found.pop("a whole number", None)
    *others, last = found
    return f"{', '.join(others)} or {last}" if others else last

"""A place in a pipeline file: its keys as they were written, and what the schema knows there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from throughline.pipeline.unions import Location


def as_written(keys: Location, document: Any) -> tuple[Location, Any]:
    """The keys of a place as the file has them, and what it holds.

    `encode: {ordinal: [1]}` is checked as `{kind: ordinal, categories: [1]}`, and `scale: x` as
    `{kind: x}`; of such names that nobody wrote the path is free.
    """
    written: list[str | int] = []
    held = document
    for i, key in enumerate(keys):
        if _holds(held, key):
            written.append(key)
            held = held[key]
        elif i + 1 < len(keys) and _holds(held, keys[i + 1]):
            # The long form has a level more.
            continue
        elif isinstance(held, Mapping) and len(held) == 1:
            ((short, held),) = held.items()
            written.append(short)
            if _holds(held, key):
                written.append(key)
                held = held[key]
        else:
            break
    return tuple(written), held


def _holds(held: Any, key: str | int) -> bool:
    if isinstance(held, list):
        return isinstance(key, int) and key < len(held)
    return isinstance(held, Mapping) and key in held


def kinds_at(schema: type[BaseModel], keys: Location) -> Sequence[str]:
    """The kinds that a section with a short form `{KIND: ...}` knows."""
    section = _section(schema, keys)
    field = section.model_fields.get("kind") if section is not None else None
    return [str(value) for value in getattr(field.annotation, "__args__", ())] if field else []


def valid_keys(schema: type[BaseModel], keys: Location) -> list[str]:
    """The keys that the schema knows at a place."""
    section = _section(schema, keys)
    return list(section.model_fields) if section is not None else []


def _section(schema: type[BaseModel], keys: Location) -> type[BaseModel] | None:
    """The section's class at a place."""
    place: Any = schema
    for key in keys:
        model = _model_within(place)
        if model is not None and not _holds_several(place):
            field = model.model_fields.get(str(key))
            place = field.annotation if field else None
        elif model is not None:
            # The key is a name of the user's, or a position; what it holds is the section.
            place = model
    return None if _holds_several(place) else _model_within(place)


def _holds_several(annotation: Any) -> bool:
    """Whether a type such as `dict[str, Column]` holds sections under names or positions."""
    return getattr(annotation, "__origin__", None) in (dict, list)


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The section's class inside a type such as `dict[str, Column]` or `Scale | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_within(inner)
        if found is not None:
            return found
    return None

"""A name of Keras or of the user's own, alone or with arguments, as section `training` has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline
from throughline.figures.learned import SHORT_NAMES, folded
from throughline.names import is_reference
from throughline.training.catalogue import catalogue
from throughline.training.network import spec
from throughline.training.network.named import named_object

if TYPE_CHECKING:
    from throughline.pipeline.schema.training import Choice

# Of these the file may name some of the user's own.
OWN = ("losses", "metrics")


class BadTraining(BadPipeline):
    """The `training:` section names something that Keras does not have."""


def split_choice(choice: Choice) -> tuple[str, Mapping[str, Any]]:
    if isinstance(choice, str):
        return choice, {}
    ((name, arguments),) = choice.items()
    return str(name), arguments if isinstance(arguments, dict) else {}


def known_name(name: str, kind: str) -> str | None:
    wanted = folded(name)
    return next((known for known in catalogue.read()[kind] if folded(known) == wanted), None)


def name_problem(place: str, kind: str, choice: Choice | None) -> str | None:
    if choice is None:
        return None
    names = catalogue.read()[kind]
    name, arguments = split_choice(choice)
    known = known_name(name, kind)
    if kind in OWN and is_reference(name):
        return None
    if name.lower() in SHORT_NAMES:
        return _short_problem(place, kind, name, arguments)
    if known is None:
        return str(spec.unknown(f"{place} should be one of Keras' {kind}", name, list(names)))
    for argument in arguments:
        if argument not in names[known]:
            expected = f"{place}.{known}.{argument} should be an argument of {known}"
            return str(spec.unknown(expected, argument, names[known]))
        wrong = spec.misplaced(known, argument, arguments[argument], f"{place}.{known}.{argument}")
        if wrong:
            return str(wrong)
    return None


def _short_problem(place: str, kind: str, name: str, arguments: Mapping[str, Any]) -> str | None:
    """What stands beside a name that Keras resolves by the shapes, and so makes without it."""
    valid = ["name"] if kind == "metrics" else []
    found = next((argument for argument in arguments if argument not in valid), None)
    if found is None:
        return None
    expected = f"{place}.{name} should have no arguments" + (" but `name`" if valid else "")
    return str(BadTraining(expected, found, "Name the class itself, as BinaryAccuracy"))


def instance_of(kind: str, choice: Choice, place: str) -> Any:
    name, arguments = split_choice(choice)
    known = known_name(name, kind)
    if known is None:
        raise spec.unknown(
            f"{place} should be one of Keras' {kind}", name, list(catalogue.read()[kind])
        )
    return named_object(kind, {known: dict(arguments)}, place)

"""Values that Keras refuses only when it makes the object, and some that it never looks at.

`check` tells them before the data are fetched, without importing Keras.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from throughline.cli import ranges, required
from throughline.errors import sentence, shorten
from throughline.figures.learned import folded
from throughline.names import is_reference
from throughline.training.catalogue import catalogue
from throughline.training.network import spec
from throughline.training.objects.optimizers import PLATEAU

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline

Arguments = Mapping[str, Any]
PLATEAU_KIND = "plateau"


def problems(pipeline: Pipeline) -> Iterator[str]:
    """A sentence for each value of sections `training`, `targets` and `network` that cannot be."""
    for place, kind, choice in _choices(pipeline):
        name, arguments = next(iter(choice.items())) if isinstance(choice, dict) else (choice, {})
        yield from _of_object(f"{place}.{name}", kind, str(name), arguments or {})
    if not isinstance(pipeline.network, str):
        for entry in spec.entries(pipeline.network):
            yield from _of_layer(entry)


def _choices(pipeline: Pipeline) -> Iterator[tuple[str, str, Any]]:
    """Each object of Keras that section `training` or a target names: its place and its kind."""
    training = pipeline.training
    yield "training.optimizer", "optimizers", training.optimizer
    if training.warm_up is not None and training.warm_up.optimizer is not None:
        yield "training.warm_up.optimizer", "optimizers", training.warm_up.optimizer
    if training.schedule is not None:
        yield "training.schedule", "schedules", training.schedule
    sections: list[tuple[str, Any]] = [("training", training)]
    sections += [(f"targets.{name}", section) for name, section in pipeline.targets.items()]
    for place, section in sections:
        if section.loss is not None:
            yield f"{place}.loss", "losses", section.loss
        for number, metric in enumerate(section.metrics or ()):
            yield f"{place}.metrics[{number}]", "metrics", metric


def _of_layer(entry: spec.Entry) -> Iterator[str]:
    if entry.kind == spec.OUTPUT:
        # What it needs follows from the task.
        yield from _of_arguments(entry.position, "layers", "Dense", entry.arguments)
        return
    yield from _of_object(entry.position, "layers", entry.kind, entry.arguments)
    for name in spec.NESTED:
        value = entry.arguments.get(name)
        if isinstance(value, str | dict):
            inner = spec.nested(value, f"{entry.position}.{name}")
            if entry.kind == "Bidirectional" and not _recurrent(inner.kind):
                yield _said(
                    f"{inner.position} should be a recurrent layer, which has a direction",
                    inner.kind,
                    f"Use one of {', '.join(ranges.RECURRENT[3:])}",
                )
            yield from _of_layer(inner)


def _recurrent(kind: str) -> bool:
    return is_reference(kind) or kind in ranges.RECURRENT


def _of_object(place: str, kind: str, name: str, arguments: Arguments) -> Iterator[str]:
    """What is wrong with the arguments of one object; of unknown names others tell."""
    if kind == "schedules" and folded(name) == folded(PLATEAU):
        yield from _of_arguments(place, PLATEAU_KIND, PLATEAU, arguments)
        return
    found = next((each for each in catalogue.read()[kind] if folded(each) == folded(name)), None)
    if found is None:
        return
    # Word vectors bring the sizes of their Embedding.
    missed = () if "weights" in arguments else required.read().get(kind, {}).get(found, ())
    for needed in missed:
        if needed not in arguments:
            yield sentence(f"{place} should have the argument '{needed}': {found} has no default")
    yield from _of_arguments(place, kind, found, arguments)
    if kind == "optimizers":
        yield from _without_effect(place, found, arguments)
    if kind == "losses" and found == "BinaryFocalCrossentropy" and "alpha" in arguments:
        yield from _needs(place, arguments, "alpha", "apply_class_balancing")


def _of_arguments(place: str, kind: str, name: str, arguments: Arguments) -> Iterator[str]:
    for argument, value in arguments.items():
        where = f"{place}.{argument}"
        if value is None:
            continue
        nested = next((o for end, o in spec.OBJECTS.items() if argument.endswith(end)), None)
        if nested is not None:
            if isinstance(value, dict) and len(value) == 1:
                ((inner, given),) = value.items()
                if isinstance(given, dict):
                    yield from _of_object(f"{where}.{inner}", nested, str(inner), given)
        elif name in catalogue.read()["truths"].get(argument, ()):
            words = ("auto",) if argument in catalogue.OPEN_TRUTHS else ()
            if not isinstance(value, bool) and value not in words:
                yield _said(f"{where} should be true or false", value)
        elif argument == "dtype":
            yield from _word(where, value, ranges.DTYPES)
        elif argument in ranges.WORDS.get(kind, {}) and isinstance(value, str):
            further = ("causal",) if argument == "padding" and name in ranges.CAUSAL else ()
            yield from _word(where, value, (*ranges.WORDS[kind][argument], *further))
        elif argument in ranges.RANGES.get(kind, {}):
            yield from _outside(where, value, ranges.RANGES[kind][argument])
        elif argument == "seed" and not isinstance(value, int):
            yield _said(f"{where} should be a whole number", value)


def _word(place: str, value: Any, valid: Sequence[str]) -> Iterator[str]:
    if str(value) not in valid:
        near = difflib.get_close_matches(str(value), valid, n=1)
        guess = f"Did you mean '{near[0]}'?" if near else ""
        yield _said(f"{place} should be one of {', '.join(valid)}", value, guess)


def _outside(place: str, value: Any, held: ranges.Range) -> Iterator[str]:
    members = value if isinstance(value, list) else [value]
    for each in members:
        number = isinstance(each, int | float) and not isinstance(each, bool)
        if number and not held.holds(each):
            yield _said(f"{place} should be {held}", value)
            return
    if place.endswith(".learning_rate") and type(value) is int and value >= 0:
        yield _said(
            f"{place} should be a number with a point, as Keras wants it", value,
            f"Write {value}.0",
        )  # fmt: skip
    if isinstance(value, dict) and place.endswith(".learning_rate"):
        yield _said(
            f"{place} should be a number", value,
            "A rate that changes stands in 'training.schedule'",
        )  # fmt: skip


def _without_effect(place: str, name: str, arguments: Arguments) -> Iterator[str]:
    """Settings of an optimizer that do nothing, or exclude each other."""
    for argument in ("ema_momentum", "ema_overwrite_frequency"):
        if argument in arguments:
            yield from _needs(place, arguments, argument, "use_ema")
    if name == "SGD" and arguments.get("nesterov"):
        yield from _needs(place, arguments, "nesterov", "momentum")
    clips = [each for each in ("clipnorm", "clipvalue", "global_clipnorm") if arguments.get(each)]
    if len(clips) > 1:
        yield _said(f"{place} should clip in one way", ", ".join(clips), "Keep one of them")


def _needs(place: str, arguments: Arguments, argument: str, other: str) -> Iterator[str]:
    if not arguments.get(other):
        yield sentence(
            f"{place}.{argument} has no effect without '{other}'; add it, or remove this"
        )


def _said(expected: str, received: Any, remedy: str = "") -> str:
    parts = [expected, f"Received: {shorten(received)}", *([remedy] if remedy else [])]
    return " ".join(sentence(part) for part in parts)

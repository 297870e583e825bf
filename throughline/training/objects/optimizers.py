"""The optimizer, and what lowers its learning rate: a schedule, or a plateau of what is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from throughline.training.catalogue import catalogue
from throughline.training.network import spec
from throughline.training.network.named import named_object
from throughline.training.objects.choices import (
    BadTraining,
    instance_of,
    known_name,
    name_problem,
    split_choice,
)

if TYPE_CHECKING:
    import keras

    from throughline.pipeline.schema.training import Choice, Training

PLATEAU = "ReduceLROnPlateau"
PLATEAU_DEFAULTS: dict[str, Any] = {
    "monitor": "val_loss",
    "mode": "auto",
    "factor": 0.1,
    "patience": 10,
    "min_delta": 0.0001,
    "cooldown": 0,
    "min_lr": 0.0,
}
WRAPPING = ("inner_optimizer", "optimizer_map")


def problems(training: Training) -> list[str]:
    """What is wrong with the optimizer and its schedule, found without importing Keras."""
    schedule = None if _is_plateau(training.schedule) else training.schedule
    found = (
        name_problem("training.optimizer", "optimizers", training.optimizer),
        name_problem("training.schedule", "schedules", schedule),
        _rate_problem(training),
        _plateau_problem(training.schedule),
        _optimizer_problem(training),
    )
    return [problem for problem in found if problem]


def _rate_problem(training: Training) -> str | None:
    name, arguments = split_choice(training.optimizer)
    rate = arguments.get("learning_rate")
    if not isinstance(rate, int | float) or rate >= 0:
        return None
    place = f"training.optimizer.{name}.learning_rate"
    return str(BadTraining(f"{place} should not be below 0", str(rate), "0.001 is usual"))


def _is_plateau(schedule: Choice | None) -> bool:
    return schedule is not None and spec.folded(split_choice(schedule)[0]) == spec.folded(PLATEAU)


def _plateau_problem(schedule: Choice | None) -> str | None:
    if schedule is None or not _is_plateau(schedule):
        return None
    for argument in split_choice(schedule)[1]:
        if argument not in PLATEAU_DEFAULTS:
            expected = f"training.schedule.{PLATEAU}.{argument} should be an argument of {PLATEAU}"
            return str(spec.unknown(expected, argument, list(PLATEAU_DEFAULTS)))
    return None


def _optimizer_problem(training: Training) -> str | None:
    name, arguments = split_choice(training.optimizer)
    known = known_name(name, "optimizers")
    wrapped = [a for a in catalogue.read()["optimizers"].get(known or "", []) if a in WRAPPING]
    if wrapped:
        expected = "training.optimizer should be one that needs no other"
        return str(BadTraining(expected, name, f"{name} wraps them in {wrapped[0]}"))
    if arguments.get("use_ema") and not isinstance(training.epochs, int):
        return str(
            BadTraining(
                f"training.optimizer.{name}.use_ema should have a number of epochs, since rules "
                "watch the weights of each epoch and not their average",
                training.epochs.model_dump(exclude_defaults=True),
                "Give training.epochs a number, or remove use_ema",
            )
        )
    return None


def plateau(training: Training) -> dict[str, Any] | None:
    """Arguments of ReduceLROnPlateau with Keras' defaults filled in, if it is asked for."""
    if not _is_plateau(training.schedule):
        return None
    assert training.schedule is not None
    return {**PLATEAU_DEFAULTS, **split_choice(training.schedule)[1]}


def optimizer(training: Training) -> keras.optimizers.Optimizer:
    """A new Keras optimizer, with the learning-rate schedule if there is one.

    Raises:
        BadTraining: where a name is unknown or a schedule and a rate are both given.
    """
    for problem in problems(training):
        raise BadTraining(problem)
    name, arguments = split_choice(training.optimizer)
    known = known_name(name, "optimizers")
    assert known is not None
    arguments = dict(arguments)
    if training.schedule is not None and not _is_plateau(training.schedule):
        if "learning_rate" in arguments:
            raise BadTraining(
                "training should take the learning rate from one place",
                training.optimizer,
                "Remove learning_rate from the optimizer, or remove the schedule",
            )
        place = "training.schedule"
        arguments["learning_rate"] = instance_of("schedules", training.schedule, place)
    found: keras.optimizers.Optimizer = named_object(
        "optimizers", {known: arguments}, "training.optimizer"
    )
    return found

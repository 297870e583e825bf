"""Keras objects that the `training:` section names: optimizer, schedule, loss, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline
from throughline.figures.learned import SHORT_NAMES, folded
from throughline.training.network import catalogue, spec
from throughline.training.network.build import named_object

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
# Arguments whose effect the compiled program does not have: TensorFlow's optimizers keep these
# in variables that a pure function cannot assign to, and Keras swaps averages in after training.
UNSUPPORTED = {
    "gradient_accumulation_steps": "Use a larger batch_size, which gives the same gradients",
    "use_ema": "Use training.epochs.patience, which keeps the best epoch's weights",
}


class BadTraining(BadPipeline):
    """The `training:` section names something that Keras does not have."""


def check(training: Training) -> list[str]:
    """Problems with the names in a `training:` section, found without importing Keras.

    Args:
        training: the section.

    Returns:
        One sentence a problem; empty when every name is known.
    """
    named: list[tuple[str, str, Choice | None]] = [
        ("training.optimizer", "optimizers", training.optimizer),
        ("training.loss", "losses", training.loss),
    ]
    if not _is_plateau(training.schedule):
        named.append(("training.schedule", "schedules", training.schedule))
    named += [
        (f"training.metrics[{i}]", "metrics", metric)
        for i, metric in enumerate(training.metrics or [])
    ]
    found = [_problem(place, kind, choice) for place, kind, choice in named]
    found.append(_plateau_problem(training.schedule))
    found.append(_unsupported_problem(training.optimizer))
    return [problem for problem in found if problem]


def _problem(place: str, kind: str, choice: Choice | None) -> str | None:
    if choice is None:
        return None
    names = catalogue.read()[kind]
    name, arguments = _split(choice)
    known = _known(name, kind)
    if known is None:
        if isinstance(choice, str) and name.lower() in SHORT_NAMES:
            return None
        return str(spec.unknown(f"{place} should be one of Keras' {kind}", name, list(names)))
    for argument in arguments:
        if argument not in names[known]:
            expected = f"{place}.{known}.{argument} should be an argument of {known}"
            return str(spec.unknown(expected, argument, names[known]))
    return None


def _plateau_problem(schedule: Choice | None) -> str | None:
    if schedule is None or not _is_plateau(schedule):
        return None
    for argument in _split(schedule)[1]:
        if argument not in PLATEAU_DEFAULTS:
            expected = f"training.schedule.{PLATEAU}.{argument} should be an argument of {PLATEAU}"
            return str(spec.unknown(expected, argument, list(PLATEAU_DEFAULTS)))
    return None


def _unsupported_problem(optimizer: Choice) -> str | None:
    name, arguments = _split(optimizer)
    for argument, remedy in UNSUPPORTED.items():
        if arguments.get(argument):
            expected = f"training.optimizer.{name}.{argument} is not supported"
            return str(BadTraining(expected, arguments[argument], remedy))
    return None


def _split(choice: Choice) -> tuple[str, Mapping[str, Any]]:
    if isinstance(choice, str):
        return choice, {}
    ((name, arguments),) = choice.items()
    return str(name), arguments if isinstance(arguments, dict) else {}


def _known(name: str, kind: str) -> str | None:
    wanted = folded(name)
    return next((known for known in catalogue.read()[kind] if folded(known) == wanted), None)


def _is_plateau(schedule: Choice | None) -> bool:
    return schedule is not None and spec.folded(_split(schedule)[0]) == spec.folded(PLATEAU)


def plateau(training: Training) -> dict[str, Any] | None:
    """Arguments of ReduceLROnPlateau with Keras' defaults filled in, if it is asked for."""
    if not _is_plateau(training.schedule):
        return None
    assert training.schedule is not None
    return {**PLATEAU_DEFAULTS, **_split(training.schedule)[1]}


def optimizer(training: Training) -> keras.optimizers.Optimizer:
    """A new Keras optimizer, with the learning-rate schedule if there is one.

    Raises:
        BadTraining: where a name is unknown or a schedule and a rate are both given.
    """
    for problem in check(training):
        raise BadTraining(problem)
    name, arguments = _split(training.optimizer)
    known = _known(name, "optimizers")
    assert known is not None
    arguments = dict(arguments)
    if training.schedule is not None and not _is_plateau(training.schedule):
        if "learning_rate" in arguments:
            raise BadTraining(
                "training should take the learning rate from one place",
                training.optimizer,
                "Remove learning_rate from the optimizer, or remove the schedule",
            )
        arguments["learning_rate"] = _named("schedules", training.schedule, "training.schedule")
    made: keras.optimizers.Optimizer = named_object(
        "optimizers", {known: arguments}, "training.optimizer"
    )
    return made


def loss(choice: Choice, target: Any, prediction: Any) -> keras.losses.Loss:
    """A Keras loss; `crossentropy` becomes the one that fits the shapes.

    Args:
        choice: its name, or a mapping of the name to arguments.
        target: a batch of targets.
        prediction: the network's output for it.

    Returns:
        The loss object.
    """
    from keras.src.trainers import compile_utils

    known = _known(_split(choice)[0], "losses")
    if known is None:
        return compile_utils.get_loss(str(choice).lower(), target, prediction)
    return _named("losses", choice, "training.loss")


def metrics(choices: Sequence[Choice], target: Any, prediction: Any) -> list[keras.metrics.Metric]:
    """Keras metrics, named as they are written; `accuracy` becomes the one that fits the shapes.

    Args:
        choices: names, or mappings of one name to its arguments.
        target: a batch of targets.
        prediction: the network's output for it.

    Returns:
        One metric object for each choice, with its variables made.
    """
    from keras.src.trainers import compile_utils

    made = []
    for i, choice in enumerate(choices):
        name, arguments = _split(choice)
        if name.lower() in SHORT_NAMES:
            metric = compile_utils.get_metric(name.lower(), target, prediction)
        else:
            metric = _named("metrics", choice, f"training.metrics[{i}]")
            metric.name = arguments.get("name", name)
        metric.update_state(target, prediction)
        metric.reset_state()
        made.append(metric)
    return made


def _named(kind: str, choice: Choice, place: str) -> Any:
    name, arguments = _split(choice)
    known = _known(name, kind)
    if known is None:
        raise spec.unknown(
            f"{place} should be one of Keras' {kind}", name, list(catalogue.read()[kind])
        )
    return named_object(kind, {known: dict(arguments)}, place)

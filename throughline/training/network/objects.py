"""Keras objects that the `training:` section names: optimizer, schedule, loss, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline
from throughline.figures.learned import ACCURACY, SHORT_NAMES, folded
from throughline.names import is_reference
from throughline.training.network import catalogue, own, spec
from throughline.training.network.named import named_object
from throughline.training.network.spec import BadNetwork
from throughline.training.network.targets import as_taken

if TYPE_CHECKING:
    import keras

    from throughline.pipeline.schema.targets import NamedTarget
    from throughline.pipeline.schema.training import Choice, Training
    from throughline.training.network.heads import Head

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
# Of these the file may name some of the user's own.
OWN = ("losses", "metrics")
WRAPPING = ("inner_optimizer", "optimizer_map")


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
    found = _problems(named)
    found.append(_reduction_problem(training.loss))
    found.append(_plateau_problem(training.schedule))
    found.append(_optimizer_problem(training))
    return [problem for problem in found if problem]


def check_target(name: str, target: NamedTarget) -> list[str]:
    """Problems with the names of one of several targets, found without importing Keras.

    Args:
        name: of the target.
        target: its section.

    Returns:
        One sentence a problem; empty when every name is known.
    """
    place = f"targets.{name}"
    named: list[tuple[str, str, Choice | None]] = [(f"{place}.loss", "losses", target.loss)]
    named += [(f"{place}.metrics[{i}]", "metrics", m) for i, m in enumerate(target.metrics or [])]
    found = [problem for problem in _problems(named) if problem]
    for key in ("reduction", "ignore_class"):
        if key in _split(target.loss or "")[1]:
            found.append(
                str(
                    BadTraining(
                        f"{place}.loss should be the mean of a value for each row, which is "
                        "weighed and added to the others",
                        key,
                        f"Remove `{key}`",
                    )
                )
            )
    return found


def _problems(named: Sequence[tuple[str, str, Choice | None]]) -> list[str | None]:
    return [_problem(place, kind, choice) for place, kind, choice in named]


def _problem(place: str, kind: str, choice: Choice | None) -> str | None:
    if choice is None:
        return None
    names = catalogue.read()[kind]
    name, arguments = _split(choice)
    known = _known(name, kind)
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
        if isinstance(arguments[argument], bool) and not spec.takes_truth(known, argument):
            return str(spec.no_truth(f"{place}.{known}.{argument}", arguments[argument]))
    return None


def _reduction_problem(loss: Choice | None) -> str | None:
    name, arguments = _split(loss or "")
    if "reduction" not in arguments or arguments["reduction"] not in (None, "none"):
        return None
    return str(
        BadTraining(
            f"training.loss.{name}.reduction should make one number of a batch",
            str(arguments["reduction"]),
            "Use sum_over_batch_size, sum or mean_with_sample_weight",
        )
    )


def _short_problem(place: str, kind: str, name: str, arguments: Mapping[str, Any]) -> str | None:
    """What stands beside a name that Keras resolves by the shapes, and so makes without it."""
    valid = ["name"] if kind == "metrics" else []
    found = next((argument for argument in arguments if argument not in valid), None)
    if found is None:
        return None
    expected = f"{place}.{name} should have no arguments" + (" but `name`" if valid else "")
    return str(BadTraining(expected, found, "Name the class itself, as BinaryAccuracy"))


def _plateau_problem(schedule: Choice | None) -> str | None:
    if schedule is None or not _is_plateau(schedule):
        return None
    for argument in _split(schedule)[1]:
        if argument not in PLATEAU_DEFAULTS:
            expected = f"training.schedule.{PLATEAU}.{argument} should be an argument of {PLATEAU}"
            return str(spec.unknown(expected, argument, list(PLATEAU_DEFAULTS)))
    return None


def _optimizer_problem(training: Training) -> str | None:
    name, arguments = _split(training.optimizer)
    known = _known(name, "optimizers")
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


def own_code(training: Training | Head) -> bool:
    """Whether a loss or metric is code of the user's own, which no name stands for."""
    named = [choice for choice in (training.loss, *(training.metrics or ())) if choice]
    return any(is_reference(_split(choice)[0]) for choice in named)


def track(optimizer: Any) -> None:
    """Have an optimizer count all its variables; Nadam forgets the product of its momenta.

    What it does not count stays as it was at the beginning, in a step that is a pure function.
    """
    import keras

    counted = {id(variable) for variable in optimizer.variables}
    for value in list(vars(optimizer).values()):
        if isinstance(value, keras.Variable) and id(value) not in counted:
            optimizer._track_variable(value)


def loss(
    choice: Choice, target: Any, prediction: Any, place: str = "training.loss"
) -> keras.losses.Loss:
    """A Keras loss; `crossentropy` becomes the one that fits the shapes.

    Args:
        choice: its name, or a mapping of the name to arguments.
        target: a batch of targets.
        prediction: the network's output for it.
        place: its key, for messages. Default: `training.loss`.

    Returns:
        The loss object.
    """
    from keras.src.losses.losses import LossFunctionWrapper
    from keras.src.trainers import compile_utils

    name, arguments = _split(choice)
    if is_reference(name):
        return own.judge(name, arguments, place, LossFunctionWrapper)
    if _known(name, "losses") is None:
        return compile_utils.get_loss(name.lower(), target, prediction)
    return _named("losses", choice, place)


def rows_apart(loss: keras.losses.Loss, target: Any, prediction: Any) -> bool:
    """Whether a loss has a value for each row that no other row has a part in.

    Args:
        loss: a Keras loss.
        target: of two rows or more.
        prediction: the network's output for them.
    """
    from keras import ops

    rows = target.shape[0]
    target = as_taken(loss, target, prediction)
    values = loss.call(target, prediction)
    if not len(values.shape) or values.shape[0] != rows:
        return False
    alone = ops.convert_to_numpy(loss.call(target[:1], prediction[:1]))
    together = ops.convert_to_numpy(values)[:1]
    return alone.shape == together.shape and bool(np.allclose(alone, together, equal_nan=True))


def metrics(
    choices: Sequence[Choice], target: Any, prediction: Any, key: str = "training.metrics"
) -> list[keras.metrics.Metric]:
    """Keras metrics, named as they are written; `accuracy` becomes the one that fits the shapes.

    Args:
        choices: names, or mappings of one name to its arguments.
        target: a batch of targets.
        prediction: the network's output for it.
        key: where they stand, for messages. Default: `training.metrics`.

    Returns:
        One metric object for each choice, with its variables made.
    """
    import keras

    made = []
    for i, choice in enumerate(choices):
        name, arguments = _split(choice)
        place = f"{key}[{i}]"
        if name.lower() in SHORT_NAMES:
            metric = _by_shape(name.lower(), target, prediction)
            metric.name = arguments.get("name", name.lower())
        elif is_reference(name):
            metric = own.judge(name, arguments, place, keras.metrics.MeanMetricWrapper)
        else:
            metric = _named("metrics", choice, place)
            metric.name = arguments.get("name", name)
        _tried(metric, target, prediction, f"{place}: {name}")
        made.append(metric)
    return made


def _tried(metric: keras.metrics.Metric, target: Any, prediction: Any, place: str) -> None:
    """Make a metric's variables, with weights as the engine gives them: rows that fill up are 0.

    Raises:
        BadNetwork: it cannot weigh rows, as a function of one value for a whole batch.
    """
    from keras import ops

    taken = as_taken(metric, target, prediction)
    try:
        metric.update_state(taken, prediction, sample_weight=ops.ones(prediction.shape[:1]))
    except Exception as error:
        raise BadNetwork(
            f"{place} should give a value for each row, which Keras weighs and averages",
            remedy=f"As a function return one value a row, such as ops.mean(..., axis=-1): "
            f"{own.reason_of(error)}",
        ) from error
    metric.reset_state()


def _by_shape(name: str, target: Any, prediction: Any) -> Any:
    import keras
    from keras.src.trainers import compile_utils

    if name in ACCURACY:
        return compile_utils.get_metric(name, target, prediction)
    return keras.metrics.MeanMetricWrapper(compile_utils.get_loss(name, target, prediction).fn)


def _named(kind: str, choice: Choice, place: str) -> Any:
    name, arguments = _split(choice)
    known = _known(name, kind)
    if known is None:
        raise spec.unknown(
            f"{place} should be one of Keras' {kind}", name, list(catalogue.read()[kind])
        )
    return named_object(kind, {known: dict(arguments)}, place)

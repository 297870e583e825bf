"""The loss and the metrics of one target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.figures.learned import ACCURACY, SHORT_NAMES
from throughline.names import is_reference
from throughline.training.network import own
from throughline.training.network.spec import BadNetwork
from throughline.training.objects.choices import BadTraining, instance_of, known_name, split_choice
from throughline.training.objects.target_shapes import as_taken
from throughline.training.private_keras import loss_by_shape, loss_of_function, metric_by_shape

if TYPE_CHECKING:
    import keras

    from throughline.pipeline.schema.training import Choice, Training
    from throughline.training.network.heads import Head


def reduction_problem(loss: Choice | None, place: str) -> str | None:
    """Why a loss whose reduction is none is refused: it has to make one number of a batch."""
    name, arguments = split_choice(loss or "")
    if "reduction" not in arguments or arguments["reduction"] not in (None, "none"):
        return None
    return str(
        BadTraining(
            f"{place}.{name}.reduction should make one number of a batch",
            str(arguments["reduction"]),
            "Use sum_over_batch_size, sum or mean_with_sample_weight",
        )
    )


def own_code(training: Training | Head) -> bool:
    """Whether a loss or metric is code of the user's own, which no name stands for."""
    named = [choice for choice in (training.loss, *(training.metrics or ())) if choice]
    return any(is_reference(split_choice(choice)[0]) for choice in named)


def loss_of(
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
    name, arguments = split_choice(choice)
    if is_reference(name):
        return own.judge(name, arguments, place, loss_of_function())
    if known_name(name, "losses") is None:
        return loss_by_shape(name.lower(), target, prediction)
    return instance_of("losses", choice, place)


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


def metrics_of(
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

    found = []
    for i, choice in enumerate(choices):
        name, arguments = split_choice(choice)
        place = f"{key}[{i}]"
        if name.lower() in SHORT_NAMES:
            metric = _by_shape(name.lower(), target, prediction)
            metric.name = arguments.get("name", name.lower())
        elif is_reference(name):
            metric = own.judge(name, arguments, place, keras.metrics.MeanMetricWrapper)
        else:
            metric = instance_of("metrics", choice, place)
            metric.name = arguments.get("name", name)
        _tried(metric, target, prediction, f"{place}: {name}")
        found.append(metric)
    return found


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

    if name in ACCURACY:
        return metric_by_shape(name, target, prediction)
    return keras.metrics.MeanMetricWrapper(loss_by_shape(name, target, prediction).fn)

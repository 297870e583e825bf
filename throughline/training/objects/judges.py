"""The loss and the metrics of several heads, as `Model.fit` has them of a dict of losses.

Imports Keras; what is quick imports it where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from throughline.pipeline.problem import PROBLEMS
from throughline.pipeline.schema.training import Choice
from throughline.training.network.heads import Head, Place, places
from throughline.training.objects.choices import BadTraining
from throughline.training.objects.losses import loss_of, metrics_of
from throughline.training.objects.target_shapes import as_taken
from throughline.training.private_keras import mask_of

Tensor = Any


class SumOfLosses(keras.losses.Loss):  # type: ignore[misc]
    """The weighted sum of the heads' losses, a value for each row.

    Keras reduces each loss and adds them up; a mean of sums is the sum of means.

    Args:
        losses: a Keras loss for each place.
    """

    def __init__(self, losses: Sequence[tuple[Place, keras.losses.Loss]]) -> None:
        super().__init__(name="loss")
        self.losses = losses

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The weighted sum for rows of targets and outputs, (rows,)."""
        return sum(
            place.head.weight * rows_of(loss, *place.pair(y_true, y_pred))
            for place, loss in self.losses
        )


class MeanLoss:
    """The loss of one head as a metric, called `NAME.loss`; Keras calls it `NAME_loss`."""

    def __init__(self, place: Place, loss: keras.losses.Loss) -> None:
        self.name = f"{place.head.name}.loss"
        self.place = place
        self.loss = loss
        self.mean = keras.metrics.Mean()
        self.variables = self.mean.variables
        self.result = self.mean.result

    def stateless_update_state(
        self, state: Any, target: Tensor, output: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """The state with one more batch."""
        values = rows_of(self.loss, *self.place.pair(target, output))
        return self.mean.stateless_update_state(state, values, sample_weight=sample_weight)


class OfHead:
    """A metric of one head, called `NAME.METRIC`."""

    def __init__(self, place: Place, metric: keras.metrics.Metric) -> None:
        self.name = f"{place.head.name}.{metric.name}"
        self.place = place
        self.metric = metric
        self.variables = metric.variables
        self.result = metric.result

    def stateless_update_state(
        self, state: Any, target: Tensor, answer: Tensor, sample_weight: Tensor | None = None
    ) -> Any:
        """The state with one more batch."""
        own, answer = self.place.pair(target, answer)
        taken = as_taken(self.metric, own, answer)
        return self.metric.stateless_update_state(state, taken, answer, sample_weight=sample_weight)


def rows_of(loss: keras.losses.Loss, target: Tensor, output: Tensor) -> Tensor:
    """What each row adds to a loss."""
    kind = loss.dtype
    target = as_taken(loss, target, output)
    whole = "int" in str(target.dtype)
    return loss.call(target if whole else ops.cast(target, kind), ops.cast(output, kind))


def _of_answers(loss: Choice) -> Choice:
    """The loss of answers, where the file's is one of logits: metrics are given answers."""
    if isinstance(loss, str):
        return loss
    ((name, arguments),) = loss.items()
    kept = {key: value for key, value in (arguments or {}).items() if key != "from_logits"}
    return {name: kept}


def judges(heads: Sequence[Head], target: Tensor, output: Tensor) -> tuple[SumOfLosses, list[Any]]:
    """The loss of several heads, and their metrics, each behind its head's own loss.

    Args:
        heads: in the order of the network's outputs.
        target: a batch of targets, side by side.
        output: the network's output for it.

    Raises:
        BadTraining: a loss that is not the mean of what each row adds.
    """
    losses, metrics = [], []
    for place in places(heads):
        head = place.head
        pair = place.pair(target, output)
        chosen_loss = head.loss or PROBLEMS[head.task].loss
        loss = loss_of(chosen_loss, *pair, f"targets.{head.name}.loss")
        values = rows_of(loss, *pair)
        masked = mask_of(values) is not None
        if loss.reduction != "sum_over_batch_size" or masked or len(values.shape) != 1:
            raise BadTraining(
                f"targets.{head.name}.loss should be the mean of a value for each row",
                loss.name,
                "Remove its `reduction` or `ignore_class`",
            )
        losses.append((place, loss))
        chosen = PROBLEMS[head.task].metrics if head.metrics is None else head.metrics
        found = metrics_of(chosen, *pair, f"targets.{head.name}.metrics")
        of_answers = loss_of(_of_answers(chosen_loss), *pair)
        metrics += [MeanLoss(place, of_answers), *(OfHead(place, metric) for metric in found)]
    return SumOfLosses(losses), metrics

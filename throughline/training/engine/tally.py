"""The loss of a batch and the sums that make an epoch's loss and metrics, as Keras defines them."""

from __future__ import annotations

from typing import Any

from throughline.training.objects.target_shapes import as_taken
from throughline.training.private_keras import mask_of, reduced

Tensor = Any
Tensors = list[Tensor]
Sums = Any


def batch_loss(
    loss: Any,
    target: Tensor,
    prediction: Tensor,
    weight: Tensor | None,
    valid: Tensor | None,
    extra: Tensors,
) -> Tensor:
    """Keras' loss of a batch: the mean over its rows plus the layers' own losses.

    Args:
        loss: a Keras loss.
        target: the rows' targets.
        prediction: the network's output.
        weight: a weight for each row. Default: none.
        valid: 1 for a row, 0 for one that fills the batch up. Default: all are rows.
        extra: losses of regularisers.

    Returns:
        A scalar.
    """
    from keras import ops

    target = as_taken(loss, target, prediction)
    if valid is None:
        value = loss(target, prediction, sample_weight=weight)
    else:
        value = _padded(loss, target, prediction, weight, valid)
    for term in extra:
        value = value + ops.cast(ops.sum(term), value.dtype)
    return value


def _padded(
    loss: Any, target: Tensor, prediction: Tensor, weight: Tensor | None, valid: Tensor
) -> Tensor:
    """Like `loss`, but the rows that fill the batch up are neither summed nor counted."""
    from keras import ops

    dtype = loss.dtype
    values = loss.call(ops.cast(target, dtype), ops.cast(prediction, dtype))
    counted = ops.broadcast_to(_as_rank(valid, values), ops.shape(values))
    # Of the steps that a layer masks, and of the classes that the loss ignores.
    for mask in (mask_of(prediction), mask_of(values)):
        if mask is not None:
            counted = counted * ops.cast(mask, dtype)
    if loss.reduction in ("sum", "mean_with_sample_weight"):
        if weight is not None:
            counted = counted * _as_rank(weight, values)
        return reduced(values, counted, loss.reduction, dtype)
    total = values * counted if weight is None else values * counted * _as_rank(weight, values)
    return ops.sum(total) / ops.maximum(ops.sum(counted), 1.0)


def _as_rank(weight: Tensor, values: Tensor) -> Tensor:
    """Weights of rows, shaped so that they multiply values of rows and steps."""
    from keras import ops

    return ops.reshape(weight, (-1,) + (1,) * (len(values.shape) - 1))


class Tally:
    """Sums over an epoch: losses weighted by rows, and the state of every metric.

    Args:
        metrics: Keras metrics.
    """

    def __init__(self, metrics: list[Any]) -> None:
        self.metrics = metrics

    def start(self) -> Sums:
        """Sum of losses, rows, and every metric's variables, all zero."""
        from keras import ops

        zero = ops.zeros((), "float32")
        states = [[ops.zeros(v.shape, v.dtype) for v in m.variables] for m in self.metrics]
        return zero, zero, states

    def added(
        self, sums: Sums, value: Tensor, target: Tensor, prediction: Tensor, valid: Tensor | None
    ) -> Sums:
        """The sums with one more batch."""
        from keras import ops

        total, rows, states = sums
        count = float(prediction.shape[0]) if valid is None else ops.sum(valid)
        states = [
            metric.stateless_update_state(
                state, as_taken(metric, target, prediction), prediction, sample_weight=valid
            )
            for metric, state in zip(self.metrics, states, strict=True)
        ]
        return total + ops.cast(value, "float32") * count, rows + count, states

    def results(self, sums: Sums) -> Tensors:
        """Loss and metrics."""
        from keras import ops

        total, rows, states = sums
        values = [_result(m, s) for m, s in zip(self.metrics, states, strict=True)]
        return [total / ops.maximum(rows, 1.0), *map(ops.mean, values)]


def _result(metric: Any, state: Tensors) -> Tensor:
    """Like `stateless_result`, also of a metric that returns a variable itself."""
    import keras
    from keras import ops

    pairs = list(zip(metric.variables, state, strict=True))
    with keras.StatelessScope(state_mapping=pairs):
        return ops.cast(metric.result(), "float32")

"""Targets as a loss or a metric of Keras takes them."""

from __future__ import annotations

from typing import Any

from throughline.training.private_keras import function_of

Tensor = Any


def as_taken(judge: Any, target: Tensor, prediction: Tensor) -> Tensor:
    """The target of a loss or metric: of class numbers the one-hot rows where it compares rows.

    A classification's target is a number a row. Only what Keras calls sparse takes that; the other
    classes of `keras.losses` and `keras.metrics` would compare the number with every probability.

    Args:
        judge: a Keras loss or metric; what is not Keras' own takes numbers.
        target: shape (rows,) or (rows, 1), or the prediction's.
        prediction: the network's output.
    """
    from keras import ops

    if len(prediction.shape) != 2 or prediction.shape[1] < 2:
        return target
    if target.shape[1:] not in ((), (1,)) or "int" not in str(target.dtype):
        return target
    if not _compares_rows(judge):
        return target
    return ops.one_hot(ops.reshape(target, (-1,)), prediction.shape[1], dtype="float32")


def _compares_rows(judge: Any) -> bool:
    function = function_of(judge)
    # Keras wraps functions, its own and those of a user.
    maker = function if type(judge).__name__.endswith("Wrapper") and function else type(judge)
    if not maker.__module__.startswith("keras."):
        return False
    sparse = getattr(judge, "sparse_y_true", "sparse" in maker.__name__.lower())
    return not sparse

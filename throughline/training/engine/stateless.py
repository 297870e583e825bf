"""TensorFlow's Keras optimizers as pure functions of weights, gradients and their own variables.

They assign to `tf.Variable`s through a distribution strategy, and inside branches of a condition,
and so refuse `stateless_apply`; JAX' work out both branches and choose. Relies on private parts of
`keras/src/optimizers/base_optimizer.py` and `keras/src/backend/tensorflow/optimizer.py`;
tests/training/engine/test_optimizers.py says what broke.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Tensor = Any

# What TensorFlow's class overrides for `tf.distribute`.
STATELESS_METHODS = (
    "stateless_apply",
    "assign_sub",
    "_apply_weight_decay",
    "_backend_update_step",
)


def stateless(optimizer: Any) -> Any:
    """The same optimizer, which may be applied to tensors in the place of its variables."""
    from keras.src.backend.tensorflow.optimizer import TFOptimizer
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    methods: dict[str, Any] = {name: getattr(BaseOptimizer, name) for name in STATELESS_METHODS}
    methods |= {"_var_key": _identity, "assign": _assign, "assign_add": _assign_add}
    methods["_backend_apply_gradients"] = _apply_gradients
    # Behind the optimizer's own methods, which may call these as those of their parent.
    made = type("Stateless", (TFOptimizer,), methods)
    cls = type(optimizer)
    optimizer.__class__ = type(cls.__name__, (cls, made), {})
    return optimizer


def averages(optimizer: Any, values: Sequence[Tensor]) -> list[Tensor] | None:
    """The moving averages of the trained weights, which take their place after the training.

    Args:
        optimizer: a built optimizer.
        values: of its variables.

    Returns:
        One value a trained weight; None for an optimizer that keeps no averages (`use_ema`).
    """
    if not getattr(optimizer, "use_ema", False):
        return None
    known = {id(v): value for v, value in zip(optimizer.variables, values, strict=True)}
    return [known[id(v)] for v in optimizer._model_variables_moving_average]


def _apply_gradients(optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any]) -> None:
    """One step, or one gradient more for the step that so many of them make together."""
    steps = optimizer.gradient_accumulation_steps
    if steps:
        _accumulate(optimizer, gradients, variables, steps)
    else:
        _step(optimizer, gradients, variables)
    if not optimizer.use_ema:
        return
    trained = optimizer._trainable_variables
    optimizer._update_model_variables_moving_average(trained)
    if frequency := optimizer.ema_overwrite_frequency:
        due = (optimizer.iterations + 1) % frequency == 0
        kept = optimizer._model_variables_moving_average
        _choose(due, zip(trained, [average.value for average in kept], strict=True))


def _accumulate(
    optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any], steps: int
) -> None:
    from keras import ops

    # `iterations` counts the steps that are made, `_iterations` the batches.
    due = (optimizer._iterations + 1) % steps == 0
    held = [optimizer._accumulated_gradients[optimizer._get_variable_index(v)] for v in variables]
    # An Embedding's gradient is a list of rows; a sum over several steps has all of them.
    sums = [
        ops.add(ops.convert_to_tensor(gradient), each.value)
        for gradient, each in zip(gradients, held, strict=True)
    ]
    changed = [*variables, *optimizer.variables]
    before = [variable.value for variable in changed]
    _step(optimizer, [total / steps for total in sums], variables)
    _choose(ops.logical_not(due), zip(changed, before, strict=True))
    for each, total in zip(held, sums, strict=True):
        each.assign(ops.where(due, ops.zeros_like(total), total))


def _step(optimizer: Any, gradients: Sequence[Tensor], variables: Sequence[Any]) -> None:
    clipped = optimizer._clip_gradients(gradients)
    optimizer._apply_weight_decay(variables)
    optimizer._backend_update_step(clipped, variables, optimizer.learning_rate)


def _choose(condition: Tensor, pairs: Any) -> None:
    """Assign to each variable the value beside it where the condition holds."""
    from keras import ops

    for variable, value in pairs:
        variable.assign(ops.where(condition, value, variable.value))


def _identity(optimizer: Any, variable: Any) -> int:
    return id(variable)


def _assign(optimizer: Any, variable: Any, value: Any) -> None:
    """Assign; slices replace their rows only, as `scatter_update` does in Keras."""
    import tensorflow as tf

    if isinstance(value, tf.IndexedSlices):
        rows = tf.expand_dims(value.indices, 1)
        value = tf.tensor_scatter_nd_update(variable.value, rows, value.values)
    variable.assign(value)


def _assign_add(optimizer: Any, variable: Any, value: Any) -> None:
    """Add; slices of one row add up."""
    import tensorflow as tf

    variable.assign(variable.value + tf.convert_to_tensor(value))

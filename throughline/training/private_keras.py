"""All that is used here of Keras and that Keras does not promise.

Nothing else in the library relies on a name of Keras that begins with an underscore or lies in
`keras.src`. tests/training/test_private_keras.py holds that, and says what broke after an update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Tensor = Any

# What TensorFlow's class overrides for `tf.distribute`.
STATELESS_METHODS = (
    "stateless_apply",
    "assign_sub",
    "_apply_weight_decay",
    "_backend_update_step",
)
COUNTS = "object_name_uids"
# The names under which Keras' modules are imported.
PACKAGES = ("keras", "keras.src", "keras._tf_keras.keras")
# Where a saved network says that an operation of its graph comes from.
OPERATIONS = ("keras.src.ops", "keras.ops")
# What Keras puts around the error of a layer: a line, colours, and what the call was given.
FRAME = re.compile(
    r"\AException encountered when calling .*\n|\x1b\[\d+m|\n\s*Arguments received by (?s:.*)"
)


# --- networks ---


def every_layer(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a network, those inside others, too, and the network itself."""
    layers: list[keras.layers.Layer] = model._flatten_layers()
    return layers


def without_frame(error: Exception) -> str:
    """What an error of a layer says itself."""
    return FRAME.sub("", str(error)).strip()


def holds_layers(layer: keras.layers.Layer) -> bool:
    """Whether a layer has others inside, whose weights it counts among its own."""
    return bool(layer._layers)


def maker(tensor: Tensor) -> Any:
    """The layer or operation that a tensor of a functional network comes from."""
    return tensor._keras_history.operation


def inputs_of(tensor: Tensor) -> list[Tensor]:
    """The tensors that went into the call that a tensor comes from."""
    history = tensor._keras_history
    node = history.operation._inbound_nodes[history.node_index]
    return list(node.input_tensors)


def calls(operation: Any) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """The inputs and the outputs of each call of a layer or operation in a functional network."""
    for node in operation._inbound_nodes:
        yield list(node.input_tensors), list(node.output_tensors)


def mask_of(tensor: Tensor) -> Tensor | None:
    """The mask that a layer or a loss left on a tensor, if any."""
    return getattr(tensor, "_keras_mask", None)


def is_functional(model: Any) -> bool:
    """Whether Keras knows the graph of a network; a Sequential one is asked for apart."""
    import keras
    from keras.src.models.functional import Functional

    return isinstance(model, Functional) and not isinstance(model, keras.Sequential)


def named_outputs(model: keras.Model) -> Mapping[str, Tensor]:
    """The outputs of a network by name: a dict names them, in a list each has its layer's name."""
    held = model._outputs_struct
    return held if isinstance(held, dict) else dict(zip(model.output_names, model.outputs))  # noqa: B905


# --- seeds and names ---


def draw_seeds_from(source: Any) -> None:
    """Have Keras draw the seeds of layers that have none from `source.randint`."""
    from keras.src.random import seed_generator

    seed_generator.python_random = source


def counted_names() -> dict[str, int]:
    """How often each name was given by Keras in this thread."""
    from keras.src.backend.common import global_state

    return global_state.get_global_attribute(COUNTS) or {}


def count_names_in(counts: dict[str, int]) -> None:
    """Have Keras count the names that it gives, by thread, in another dict."""
    from keras.src.backend.common import global_state

    global_state.set_global_attribute(COUNTS, counts)


# --- losses and metrics ---


def loss_by_shape(name: str, target: Tensor, prediction: Tensor) -> Any:
    """The loss that `crossentropy` or `accuracy` is for arrays of these shapes."""
    from keras.src.trainers import compile_utils

    return compile_utils.get_loss(name, target, prediction)


def metric_by_shape(name: str, target: Tensor, prediction: Tensor) -> Any:
    """The metric that `accuracy` is for arrays of these shapes."""
    from keras.src.trainers import compile_utils

    return compile_utils.get_metric(name, target, prediction)


def loss_of_function() -> type[keras.losses.Loss]:
    """The class of Keras that makes a loss of a function."""
    from keras.src.losses.losses import LossFunctionWrapper

    wrapper: type[keras.losses.Loss] = LossFunctionWrapper
    return wrapper


def reduced(values: Tensor, weight: Tensor, reduction: str, dtype: str) -> Tensor:
    """One number of a loss's values, as Keras weighs and reduces them."""
    from keras.src.losses.loss import reduce_weighted_values

    return reduce_weighted_values(values, sample_weight=weight, reduction=reduction, dtype=dtype)


def function_of(judge: Any) -> Any:
    """The function that Keras wrapped as a loss (`fn`) or as a metric (`_fn`), or None."""
    return getattr(judge, "fn", None) or getattr(judge, "_fn", None)


def direction(metric: keras.metrics.Metric) -> str | None:
    """`up` where a larger value of a metric is better, `down` where a smaller one is, or None."""
    found: str | None = getattr(metric, "_direction", None)
    return found


# --- optimizers ---


def rate_variable(optimizer: Any) -> Any:
    """The variable of an optimizer's learning rate, or the schedule that it follows."""
    return optimizer._learning_rate


def track(optimizer: Any) -> None:
    """Have an optimizer count all its variables; Nadam forgets the product of its momenta.

    What it does not count stays as it was at the beginning, in a step that is a pure function.
    """
    import keras

    counted = {id(variable) for variable in optimizer.variables}
    for value in list(vars(optimizer).values()):
        if isinstance(value, keras.Variable) and id(value) not in counted:
            optimizer._track_variable(value)


def stateless(optimizer: Any) -> Any:
    """The same optimizer, which may be applied to tensors in the place of its variables.

    TensorFlow's assign to `tf.Variable`s through a distribution strategy, and inside branches of a
    condition, and so refuse `stateless_apply`; JAX' work out both branches and choose.
    """
    from keras.src.backend.tensorflow.optimizer import TFOptimizer
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    methods: dict[str, Any] = {name: getattr(BaseOptimizer, name) for name in STATELESS_METHODS}
    methods |= {"_var_key": _identity, "assign": _assign, "assign_add": _assign_add}
    methods["_backend_apply_gradients"] = _apply_gradients
    # Behind the optimizer's own methods, which may call these as those of their parent.
    mixin = type("Stateless", (TFOptimizer,), methods)
    cls = type(optimizer)
    optimizer.__class__ = type(cls.__name__, (cls, mixin), {})
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

"""What the layers of a network allow: padded batches, and compilation by XLA."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from throughline.errors import ThroughlineError, listed
from throughline.training.network.spec import BadNetwork
from throughline.training.private_keras import every_layer

if TYPE_CHECKING:
    from typing import Any

    import keras

LONGEST_REASON = 300
# TensorFlow's messages have some.
COLOURS = re.compile(r"\x1b\[\d*m")
# Where the layers lie whose code is Keras' or ours, and so known.
KNOWN = ("keras.", "throughline.")
RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN")
WORTH_FOR_RECURRENT = 200
WORTH_COMPILING = 2000
# In three dimensions XLA has the gradient.
MAX_POOLING = ("MaxPooling1D", "MaxPooling2D", "MaxPool1D", "MaxPool2D", "AdaptiveMaxPool")
MIX_IN_TRAINING = ("BatchNormalization", "MixUp", "CutMix")


def rows_apart(model: keras.Model, training: bool = True) -> bool:
    """Whether every layer treats rows one by one, so that padding a batch changes nothing.

    Args:
        model: the network.
        training: or whether it only answers. Default: true.
    """
    for layer in every_layer(model):
        if layer is model:
            continue
        kind = type(layer)
        if not kind.__module__.startswith(KNOWN):
            return False
        if training and kind.__name__ in MIX_IN_TRAINING:
            return False
        if getattr(layer, "activity_regularizer", None) or getattr(layer, "stateful", False):
            return False
    return True


@contextlib.contextmanager
def called_on_rows() -> Iterator[None]:
    """Say in a line what the library below Keras cannot do with a network that Keras has built.

    Raises:
        BadNetwork: whatever was raised inside.
    """
    try:
        yield
    except (ThroughlineError, MemoryError):
        raise
    except Exception as error:
        said = " ".join(COLOURS.sub("", str(error)).split())
        raise BadNetwork(
            "network should answer the first rows",
            type(error).__name__,
            f"Keras built it and could not call it: {said[:LONGEST_REASON]}",
        ) from error


def refuse_assigned(model: keras.Model, x: Any) -> None:
    """Refuse layers that write weights which are trained, as SpectralNormalization does.

    A step of the compiled training is a pure function of the weights; `model.fit` goes on from what
    the layer has written and takes its gradient there.

    Args:
        model: the network.
        x: its inputs for some rows.

    Raises:
        BadNetwork: naming the weight.
    """
    import keras

    pairs = [(v, v.value) for v in (*model.trainable_variables, *model.non_trainable_variables)]
    with keras.StatelessScope(state_mapping=pairs) as scope:
        before = [scope.get_current_value(variable) for variable in model.trainable_variables]
        model.call(x, training=True)
        after = [scope.get_current_value(variable) for variable in model.trainable_variables]
    trained = zip(model.trainable_variables, before, after, strict=True)
    written = [variable.path for variable, old, new in trained if old is not new]
    if written:
        raise BadNetwork(
            "network should have layers that leave their trained weights to the optimizer, since "
            "the compiled training cannot follow them",
            listed(written),
            "Use a kernel_constraint such as UnitNorm or MaxNorm in place of a layer that writes "
            "its kernel",
        )


def forget(model: keras.Model) -> None:
    """Set the states of layers that carry them back to zero."""
    for layer in every_layer(model):
        if layer is not model and getattr(layer, "stateful", False):
            layer.reset_state()


def carried(model: keras.Model) -> list[Any]:
    """The variables that hold the states of `stateful` layers.

    Keras does not count them among a network's variables, and its `stateless_call` loses them.
    """
    layers = [layer for layer in every_layer(model) if layer is not model]
    held = [layer.states for layer in layers if getattr(layer, "stateful", False)]
    return [variable for states in held for variable in states or ()]


def draws_in_training(model: keras.Model) -> bool:
    """Whether a layer draws random numbers in every step, as dropout and augmentation do."""
    return any(map(_draws, every_layer(model)))


def _draws(layer: Any) -> bool:
    """Keras gives each recurrent layer a generator, which it uses for a dropout only."""
    if not getattr(layer, "seed_generator", None):
        return False
    found = [getattr(layer, name, None) for name in ("rate", "dropout", "recurrent_dropout")]
    rates = [rate for rate in found if isinstance(rate, int | float)]
    return any(rates) or not rates


def max_pooling(model: keras.Model) -> list[str]:
    """Names of the layers that take the largest value of a window in one or two dimensions."""
    layers = every_layer(model)
    return [layer.name for layer in layers if type(layer).__name__.startswith(MAX_POOLING)]


def quick_under_xla(
    model: keras.Model, backend: str, gpu: bool, steps: int, deterministic: bool = True
) -> bool:
    """Whether XLA trains a network sooner than TensorFlow's own kernels.

    On a CPU XLA has no fast convolution inside a loop: 28 x 28 images, 16 and 32 filters, batches
    of 16 took 2.6 s an epoch of 64 steps under XLA and 0.5 s without it. Compiling costs 2 to 4 s
    more; a step of a dense network is 0.4 ms shorter for it, one of an LSTM 7 ms. Nor has it fast
    random numbers: a dropout of 128 x 64 took 1.8 ms a step under XLA and 0.1 ms without it
    (`python -m benchmarks.dropout`); a recurrent network gains more than its masks cost, which it
    draws once a batch (100 steps of LSTM 64 on 32 rows: 30 ms a batch under XLA, 95 without it).
    TensorFlow has no gradient of max pooling under XLA that gives the same bits every time, and
    stops where operations are deterministic.

    Args:
        model: the network.
        backend: of Keras; JAX always compiles by XLA.
        gpu: whether there is a GPU.
        steps: of one training.
        deterministic: whether operations must give the same bits every time. Default: true.

    Returns:
        The rule's answer. It hangs on one training alone and on no clock, so the bits repeat and
        a run gives the same alone and among others.
    """
    if backend != "tensorflow":
        return True
    if deterministic and max_pooling(model):
        return False
    if gpu:
        return True
    names = [type(layer).__name__ for layer in every_layer(model)]
    if any("Conv" in name for name in names):
        return False
    if any(name.startswith(RECURRENT) for name in names):
        return steps >= WORTH_FOR_RECURRENT
    return steps >= WORTH_COMPILING and not draws_in_training(model)

"""How much work trainings are, estimated from their networks and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.memory import free_bytes
from throughline.preprocessing.sparse import Sparse
from throughline.samples.windows.gathered import Windowed
from throughline.training.private_keras import calls, every_layer, holds_layers

if TYPE_CHECKING:
    import keras

    from throughline.training.engine.runs import Run
    from throughline.training.learner import Learner

# One thread of a common core: products a second in a training, and the cost of a step besides.
PRODUCTS = 4e9
STEP = 2e-4
# Every process imports TensorFlow and compiles again, together 15 to 20 s of a processor, and takes
# a core that another stage may be using. So many seconds in turn, by the coarse estimate above,
# are worth that.
LONG = 3600.0
# Of a process: TensorFlow, Keras and what it compiled.
PROCESS_BYTES = 10**9


def is_long(groups: Sequence[tuple[Learner, Sequence[Run]]], times: int = 1) -> bool:
    """Whether so many times these trainings take so long in turn that processes gain."""
    by_shape: dict[str, float] = {}
    seconds = 0.0
    for learner, runs in groups:
        key = str(learner.shapes)
        if key not in by_shape:
            by_shape[key] = products(learner.build(learner.seed))
        seconds += _seconds(learner, runs, by_shape[key])
    return seconds * times >= LONG


def _seconds(learner: Learner, runs: Sequence[Run], products: float) -> float:
    training = learner.training
    rows = training.max_epochs * sum(len(run.train_rows) for run in runs)
    batch = max(len(run.train_rows) for run in runs)
    if training.batch_size != "all":
        batch = min(batch, training.batch_size)
    # Forwards, and backwards for weights and for inputs.
    return STEP * rows / max(batch, 1) + 3 * rows * products / PRODUCTS


def products(model: keras.Model) -> float:
    """Products of numbers for one row: each weight times the places where it is used."""
    total = 0.0
    for layer in every_layer(model):
        own = layer.weights if _is_leaf(layer) else []
        kernels = [v for v in own if len(v.shape) > 1 and "bias" not in v.name]
        if not kernels or type(layer).__name__ == "Embedding":
            continue
        call = next(calls(layer), None)
        if call is None:
            continue
        inputs, outputs = call[0][0].shape, call[1][0].shape
        # A recurrent layer uses its weights in every step, also when only its last one answers.
        shape = inputs[1:-1] if hasattr(layer, "cell") else outputs[1:-1]
        places = float(np.prod([size or 1 for size in shape])) if len(shape) else 1.0
        total += places * sum(float(np.prod(v.shape)) for v in kernels)
    return total


def _is_leaf(layer: Any) -> bool:
    """Whether a layer's weights are its own, not those of layers in it that come by themselves."""
    return hasattr(layer, "cell") or not holds_layers(layer)


def fits_memory(groups: Sequence[tuple[Learner, Sequence[Run]]], count: int) -> bool:
    """Whether so many processes, each with the data on its device, fit what memory is free."""
    arrays = {id(a): a for _, runs in groups for run in runs for a in run.inputs.values()}
    data = sum(
        part.nbytes
        for array in arrays.values()
        for part in (array.parts if isinstance(array, Windowed | Sparse) else (array,))
    )
    free = free_bytes()
    return free is None or count * (PROCESS_BYTES + data) <= free

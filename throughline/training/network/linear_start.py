"""A network that begins as a linear function of what it sees, found by least squares.

Where a linear forecast is hard to beat, a network that begins there learns what is left, and is
no worse before its first step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline
from throughline.training.least_squares import ridge
from throughline.training.private_keras import inputs_of, maker

if TYPE_CHECKING:
    import keras

    from throughline.training.engine.runs import Run

# Rows in one block of features.
ROWS = 4096
# Weights of an answer that is no number by itself have no least squares.
REMEDY = (
    "End with features that no weight has touched, such as `Flatten: {}`, alone or in a "
    "`Concatenate` beside other layers"
)


def begin_linear(model: keras.Model, run: Run) -> None:
    """Set the last layer so that the network answers as the ridge regression of its training rows.

    Inputs of the last layer that no weight has touched get the weights of least squares, the
    others 0.

    Args:
        model: ends in a Dense layer, whose input is, or has beside other parts, features that
            come from the network's inputs through layers without weights.
        run: what is trained.

    Raises:
        BadPipeline: a network that has no such part.
    """
    import keras

    output = maker(model.outputs[0])
    dense = isinstance(output, keras.layers.Dense) and len(model.outputs[0].shape) == 2
    if not dense or output.bias is None or output.activation is not keras.activations.linear:
        raise BadPipeline(
            "training.start: linear needs a last layer: Dense, with a bias and no activation",
            type(output).__name__,
        )
    parts = _parts(output.input)
    plain = [not _has_weights(part) for part in parts]
    if not any(plain):
        raise BadPipeline("training.start: linear needs a linear part", remedy=REMEDY)
    seen = keras.Model(model.inputs, [part for part, own in zip(parts, plain, strict=True) if own])
    found = ridge(_blocks(seen, run))
    own = np.repeat(plain, [part.shape[-1] for part in parts])
    kernel = np.zeros(output.kernel.shape, dtype=np.float32)
    kernel[own] = found.weights
    output.kernel.assign(kernel)
    output.bias.assign(found.bias.astype(np.float32))


def _parts(tensor: Any) -> list[Any]:
    """What lies side by side in a layer's input."""
    import keras

    if isinstance(maker(tensor), keras.layers.Concatenate):
        return [part for each in inputs_of(tensor) for part in _parts(each)]
    return [tensor]


def _has_weights(tensor: Any) -> bool:
    """Whether a layer with weights made a tensor, or one that it is made of."""
    if getattr(maker(tensor), "weights", None):
        return True
    return any(map(_has_weights, inputs_of(tensor)))


def _blocks(seen: keras.Model, run: Run) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    names = [tensor.name.split(":")[0] for tensor in seen.inputs]
    for first in range(0, len(run.train_rows), ROWS):
        rows = run.train_rows[first : first + ROWS]
        inputs = {name: np.asarray(run.inputs[name][rows]) for name in names}
        parts = seen(inputs, training=False)
        features = np.concatenate(
            [np.asarray(part) for part in (parts if isinstance(parts, list) else [parts])], axis=1
        )
        yield features, np.asarray(run.target[rows]).reshape(len(rows), -1)

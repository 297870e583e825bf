"""Networks of textbooks are checked, trained as by `model.fit` and exported within parity."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textbook_networks import NETWORKS, WORDS, section

from throughline.pipeline.schema.training import Training
from throughline.training.engine.engine import fit
from throughline.training.engine.runs import Run
from throughline.training.network.build import BadNetwork, Output, build, check
from throughline.training.objects import optimizers

sys.path.append(str(Path(__file__).parents[2] / "export"))
ROWS = 8
# What nobody here wrote a converter for, so that tf2onnx writes it.
BY_OTHERS = ("conv-lstm",)
GENERATOR = np.random.default_rng(4)
TRAINING = Training(
    optimizer={"SGD": {"learning_rate": 0.01}}, batch_size=4, shuffle=False, epochs=1, xla=False
)


@contextlib.contextmanager
def eagerly() -> Iterator[None]:
    """Without a graph, which would take longer to make than both steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def rows(name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name in ("words", "user", "item") and shape in ((6,), (1,)):
        return GENERATOR.integers(0, WORDS, (ROWS, *shape)).astype(np.int32)
    return GENERATOR.normal(size=(ROWS, *shape)).astype(np.float32)


def made(name: str) -> tuple[Any, dict[str, np.ndarray]]:
    """What builds a network of a seed, and rows for it."""
    _, shapes, (units, activation) = NETWORKS[name]
    given = {key: rows(key, shape) for key, shape in shapes.items()}
    types = {key: str(array.dtype) for key, array in given.items()}
    output = Output(units, activation)
    return lambda seed: build(section(name), shapes, output, types, seed), given


@pytest.mark.parametrize("name", NETWORKS)
def test_of_textbooks(name: str) -> None:
    from keras_parity import assert_same, exported

    from throughline.export.fallback import converted
    from throughline.export.graph.reach import lower

    assert check(section(name)) == []
    make, given = made(name)
    units, activation = NETWORKS[name][2]
    target = GENERATOR.random((ROWS, units)).astype(np.float32)
    loss = "mse" if activation == "linear" else "binary_crossentropy"
    run = Run(given, target, np.arange(ROWS), None, 5)
    with eagerly():
        (ours,) = fit(make, TRAINING, [run], loss=loss, predictions=False)
    model = make(5)
    model.compile(optimizers.optimizer(TRAINING), loss=loss, run_eagerly=True)
    model.fit(given, target, batch_size=4, shuffle=False, verbose=0)
    for one, other in zip(ours.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    graph = lower(converted(model)) if name in BY_OTHERS else exported(model)
    assert_same(model, graph, *given.values())


def test_what_keras_builds_and_cannot_call_is_one_line() -> None:
    """The mask of words reaches the layer of sentences, in Keras 3.15."""
    layers = [
        {"Reshape": {"target_shape": [2, 3]}},
        {"Embedding": {"input_dim": WORDS, "output_dim": 3, "mask_zero": True}},
        {"TimeDistributed": {"layer": {"LSTM": {"units": 3}}}},
        {"GRU": {"units": 2}},
    ]
    x = rows("words", (6,))
    make = lambda seed: build(  # noqa: E731
        layers, {"words": (6,)}, Output(1, "linear"), {"words": "int32"}, seed
    )
    run = Run({"words": x}, np.zeros((ROWS, 1), np.float32), np.arange(ROWS), None, 5)
    with pytest.raises(BadNetwork, match=r"could not call it: .*GRU") as error:
        fit(make, TRAINING, [run], loss="mse")
    assert str(error.value).isprintable()

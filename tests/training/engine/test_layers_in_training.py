"""Layers that draw, mask or write in training do so as in `model.fit`, or are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from throughline.pipeline.schema.training import Training
from throughline.training.engine.engine import fit
from throughline.training.engine.runs import Run
from throughline.training.network.build import BadNetwork, Output, build
from throughline.training.objects import optimizers

ROWS, BATCH, EPOCHS = 20, 8, 2
GENERATOR = np.random.default_rng(3)
SERIES = GENERATOR.normal(size=(ROWS, 5, 3)).astype(np.float32)
TOKENS = GENERATOR.integers(0, 9, (ROWS, 5)).astype(np.int32)
Y = GENERATOR.normal(size=(ROWS, 1)).astype(np.float32)
MASKED = {"Embedding": {"input_dim": 9, "output_dim": 4, "mask_zero": True}}
RECURRENT = {"units": 3, "dropout": 0.3, "recurrent_dropout": 0.4}
SECTION = Training(
    optimizer={"SGD": {"learning_rate": 0.05}}, batch_size=BATCH, shuffle=False, epochs=EPOCHS,
    xla=False,
)  # fmt: skip
NETWORKS: dict[str, tuple[list[Any], np.ndarray]] = {
    "recurrent dropout": ([{"SimpleRNN": RECURRENT}], SERIES),
    "dropout of both directions": ([{"Bidirectional": {"layer": {"GRU": RECURRENT}}}], SERIES),
    "a mask through TimeDistributed": (
        [MASKED, {"TimeDistributed": {"layer": {"Dense": {"units": 3}}}}, {"GRU": {"units": 3}}],
        TOKENS,
    ),
    "a mask of words and sentences": (
        [
            {"Reshape": {"target_shape": [2, 3]}},
            MASKED,
            {"TimeDistributed": {"layer": {"LSTM": {"units": 3}}}},
            {"GRU": {"units": 3}},
        ],
        GENERATOR.integers(0, 9, (ROWS, 6)).astype(np.int32),
    ),
    "a mask of a mean": ([MASKED, "GlobalAveragePooling1D"], TOKENS),
}


def make(layers: list[Any], x: np.ndarray) -> Any:
    types = {"features": str(x.dtype)}
    shapes = {"features": x.shape[1:]}
    return lambda seed: build(layers, shapes, Output(1, "linear"), types, seed)


def trained(layers: list[Any], x: np.ndarray, *seeds: int) -> list[list[np.ndarray]]:
    runs = [Run({"features": x}, Y, np.arange(ROWS), None, seed) for seed in seeds]
    return [f.weights for f in fit(make(layers, x), SECTION, runs, loss="mse")]


@pytest.mark.parametrize("name", NETWORKS)
def test_end_with_the_weights_of_keras(name: str) -> None:
    """A mask of a dropout was drawn before the training began."""
    layers, x = NETWORKS[name]
    model = make(layers, x)(5)
    model.compile(optimizers.optimizer(SECTION), loss="mse", jit_compile=False)
    model.fit(x, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    (ours,) = trained(layers, x, 5)
    for one, other in zip(ours, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_run_gives_the_same_alone_and_among_others() -> None:
    layers, x = NETWORKS["recurrent dropout"]
    (alone,) = trained(layers, x, 5)
    _, among = trained(layers, x, 4, 5)
    for one, other in zip(alone, among, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_layer_that_writes_its_kernel_is_refused() -> None:
    layers = [{"SpectralNormalization": {"layer": {"Dense": {"units": 3}}}}, "Flatten"]
    with pytest.raises(BadNetwork, match=r"leave their trained weights to the optimizer.*kernel"):
        trained(layers, SERIES, 5)

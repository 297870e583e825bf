"""In order with the state carried, the engine ends with the weights of `model.fit`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from throughline.pipeline.schema.training import Training
from throughline.training.engine.engine import fit
from throughline.training.engine.runs import Run
from throughline.training.network.build import Output, build
from throughline.training.network.layers import carried
from throughline.training.objects import optimizers

ROWS, EPOCHS = 400, 2


def training() -> Training:
    return Training.model_validate(
        {
            "optimizer": {"Adam": {"learning_rate": 0.005}},
            "batch_size": 1,
            "shuffle": False,
            "epochs": EPOCHS,
        }
    )


def network(kind: str, stateful: bool = True) -> Any:
    layer = {"units": 6, "kernel_initializer": "ones", "stateful": stateful}
    return lambda seed: build(
        [{kind: layer}], {"features": (1, 1)}, Output(1, "linear"), {"features": "float32"}, seed
    )


def series() -> tuple[np.ndarray, np.ndarray]:
    """A wave whose next value needs more than the last one, and that value."""
    steps = np.arange(ROWS + 1)
    noise = np.random.default_rng(3).normal(0, 0.05, ROWS + 1)
    values = (np.sin(steps / 4) + noise).astype(np.float32)
    return values[:-1, None, None], values[1:]


def trained(kind: str, stateful: bool = True) -> Any:
    x, y = series()
    run = Run({"features": x}, y, np.arange(ROWS), None, 7)
    (result,) = fit(network(kind, stateful), training(), [run], loss="mse", metrics=["mae"])
    return result


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
class TestTrainingInOrder:
    def test_ends_with_the_weights_of_keras(self, kind: str) -> None:
        ours = trained(kind)
        x, y = series()
        model = network(kind)(7)
        model.compile(optimizers.optimizer(training()), loss="mse", metrics=["mae"])
        theirs = model.fit(x, y, batch_size=1, epochs=EPOCHS, shuffle=False, verbose=0)
        for mine, other in zip(ours.weights, model.get_weights(), strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-4)
        np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-3)

    def test_is_another_training_than_without_the_state(self, kind: str) -> None:
        with_state, without = trained(kind), trained(kind, stateful=False)
        apart = [
            float(np.abs(a - b).max())
            for a, b in zip(with_state.weights, without.weights, strict=True)
        ]
        assert max(apart) > 0.01
        assert with_state.history["loss"][-1] < without.history["loss"][-1]

    def test_begins_again_from_zero_in_the_next_training(self, kind: str) -> None:
        first, again = trained(kind), trained(kind)
        for a, b in zip(first.weights, again.weights, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_network_without_states_carries_none() -> None:
    assert carried(network("LSTM", stateful=False)(7)) == []
    assert len(carried(network("LSTM")(7))) == 2

"""`training: {start: linear}`: a network begins as the linear function of least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from throughline.errors import BadPipeline
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.schema.training import Training
from throughline.training.engine.runs import Run
from throughline.training.learner import Learner
from throughline.training.least_squares import ridge

SKIP = {
    "layers": [
        {"Flatten": {}, "name": "past"},
        {"Dense": {"units": 3, "activation": "relu"}, "name": "bends"},
        {"Concatenate": {}, "from": ["past", "bends"]},
    ]
}


def rows() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x = generator.normal(5, 2, (60, 4, 2)).astype(np.float32)
    noise = generator.normal(0, 0.1, (60, 2))
    return x, (x.reshape(60, 8)[:, [0, 5]] * [2, -1] + noise).astype(np.float32)


def begun(network: Any, **settings: Any) -> tuple[Any, np.ndarray]:
    """The network after one epoch of no steps worth the name, and its answers."""
    x, y = rows()
    training = Training.model_validate(
        {"optimizer": {"SGD": {"learning_rate": 1e-12}}, "epochs": 1, "start": "linear", **settings}
    )
    learns = Learner(network, training, "regression", 2, {"x": (4, 2)}, {"x": "float32"}, 0)
    run = Run({"x": x}, y, np.arange(40), np.arange(40, 60), 0)
    (fitted,) = learns.fit([run])
    assert fitted.validation_predictions is not None
    return fitted, fitted.validation_predictions


class TestANetworkThatBeginsLinear:
    @pytest.mark.parametrize("network", [[{"Flatten": {}}], SKIP])
    def test_answers_as_least_squares_of_its_training_rows(self, network: Any) -> None:
        x, y = rows()
        flat = x.reshape(60, 8)
        _, answers = begun(network)
        expected = ridge([(flat[:40], y[:40])])(flat[40:])
        np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-4)

    def test_learns_on_from_there(self) -> None:
        _, y = rows()
        far = begun(SKIP, start=None, optimizer={"Adam": {"learning_rate": 0.01}}, epochs=5)[1]
        near = begun(SKIP, optimizer={"Adam": {"learning_rate": 0.01}}, epochs=5)[1]
        assert np.abs(near - y[40:]).mean() < 0.2 * np.abs(far - y[40:]).mean()

    def test_needs_inputs_that_reach_the_last_layer(self) -> None:
        with pytest.raises(BadPipeline, match="Flatten"):
            begun([{"Flatten": {}}, {"Dense": {"units": 2}}])


class TestATaskOfClasses:
    def test_has_no_linear_start(self) -> None:
        with pytest.raises(ValueError, match="'start: linear' is for tasks that answer with"):
            Pipeline.model_validate(
                {
                    "title": "Which?",
                    "task": "binary",
                    "source": {"rows": {"x": [0, 1], "y": [0, 1]}},
                    "target": "y",
                    "columns": {"x": {}},
                    "training": {"start": "linear"},
                }
            )

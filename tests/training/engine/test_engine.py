"""What the engine promises beyond Keras' arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from throughline.errors import BadPipeline
from throughline.pipeline.schema.training import Training
from throughline.training.divergence import Diverged, causes
from throughline.training.engine import programs
from throughline.training.engine.engine import fit
from throughline.training.engine.runs import Fitted, Run
from throughline.training.network.build import Output, build

ROWS = 60
RNG = np.random.default_rng(5)
X = RNG.normal(size=(ROWS, 4)).astype(np.float32)
Y = (X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * RNG.normal(size=ROWS)).astype(np.float32)
INPUTS = {"features": X}


def make(seed: int) -> Any:
    return build([{"Dense": {"units": 8}}], {"features": (4,)}, Output(1, "linear"), seed=seed)


def run(seed: int = 0, train: slice = slice(0, 45), held: slice | None = slice(45, 60)) -> Run:
    rows = np.arange(ROWS)
    return Run(INPUTS, Y, rows[train], None if held is None else rows[held], seed)


def trained(*runs: Run, make: Callable[[int], Any] = make, **settings: Any) -> list[Fitted]:
    settings = {"optimizer": "adam", "batch_size": 8, "epochs": 6, **settings}
    return fit(make, Training(**settings), runs, loss="mse", metrics=["mae"])


def same(one: Fitted, other: Fitted) -> bool:
    return one.history == other.history and all(map(np.array_equal, one.weights, other.weights))


class TestRunsTogether:
    def test_each_run_is_what_it_would_be_alone(self) -> None:
        runs = [run(1), run(2, slice(10, 52), slice(0, 9)), run(1)]
        together = trained(*runs)
        alone = [trained(one)[0] for one in runs]
        assert all(map(same, together, alone))
        assert same(together[0], together[2]) and not same(together[0], together[1])

    def test_a_run_without_validation(self) -> None:
        (fitted,) = trained(run(held=None))
        assert set(fitted.history) == {"loss", "mae"}
        assert fitted.validation_predictions is None
        assert (fitted.best_epoch, fitted.epochs_run) == (6, 6)

    def test_predictions_are_those_of_the_weights(self) -> None:
        (fitted,) = trained(run())
        kernel, bias, last, offset = fitted.weights
        expected = (X[45:] @ kernel + bias) @ last + offset
        np.testing.assert_allclose(fitted.validation_predictions, expected, atol=1e-5)
        error = np.abs(expected.ravel() - Y[45:]).mean()
        assert fitted.history["val_mae"][-1] == pytest.approx(error, rel=1e-5)

    def test_full_batch(self) -> None:
        alone = trained(run(), batch_size="all", shuffle=False)[0]
        shuffled = trained(run(), batch_size="all", shuffle=True)[0]
        np.testing.assert_allclose(alone.history["loss"], shuffled.history["loss"], rtol=1e-5)

    def test_a_sweep_over_the_rate_compiles_once(self) -> None:
        before = dict(programs._kept)
        for rate in (0.1, 0.2):
            trained(run(), optimizer={"SGD": {"learning_rate": rate}}, batch_size=9)
        new = [p for k, p in programs._kept.items() if before.get(k) is not p]
        assert len(new) == 1


class TestEarlyStopping:
    def test_keeps_the_best_epoch(self) -> None:
        rule = {"max": 40, "patience": 3}
        (fitted,) = trained(
            run(train=slice(0, 12)), epochs=rule, optimizer={"SGD": {"learning_rate": 0.2}}
        )
        curve = fitted.history["val_loss"]
        assert fitted.epochs_run == len(curve) < 40
        assert fitted.best_epoch == int(np.argmin(curve)) + 1 == fitted.epochs_run - 3
        error = (fitted.validation_predictions.ravel() - Y[45:]) ** 2
        assert error.mean() == pytest.approx(min(curve), rel=1e-4)

    def test_watching_what_is_not_measured(self) -> None:
        with pytest.raises(BadPipeline, match=r"training\.validation"):
            trained(run(held=None), epochs={"max": 4, "patience": 1})


class TestRates:
    @pytest.mark.slow
    def test_plateau_follows_keras(self) -> None:
        import keras

        rule = {"factor": 0.5, "patience": 1, "cooldown": 1, "min_delta": 0.05}
        settings = {"optimizer": {"SGD": {"learning_rate": 0.05}}, "shuffle": False, "epochs": 15}
        (fitted,) = trained(run(), schedule={"ReduceLROnPlateau": rule}, **settings)
        model = make(0)
        model.compile(keras.optimizers.SGD(0.05), loss="mse")
        callback = keras.callbacks.ReduceLROnPlateau(**rule)
        theirs = model.fit(
            X[:45], Y[:45], batch_size=8, epochs=15, shuffle=False, verbose=0,
            validation_data=(X[45:], Y[45:]), callbacks=[callback],
        ).history  # fmt: skip
        assert len(set(theirs["learning_rate"])) > 2
        np.testing.assert_allclose(fitted.history["val_loss"], theirs["val_loss"], rtol=1e-4)

    def test_two_sources_of_the_rate(self) -> None:
        rate = {"SGD": {"learning_rate": 0.1}}
        schedule = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 3}}
        with pytest.raises(BadPipeline, match="one place"):
            trained(run(), optimizer=rate, schedule=schedule)


class TestDivergence:
    def test_names_the_epoch_the_step_and_the_rows(self) -> None:
        inputs = {"features": X.copy()}
        inputs["features"][17] = np.nan
        broken = Run(inputs, Y, np.arange(45), None, 0)
        with pytest.raises(Diverged, match="'features' has NaN") as caught:
            trained(broken, shuffle=False)
        assert (caught.value.epoch, caught.value.step) == (1, 3)
        assert caught.value.rows.tolist() == list(range(16, 24))

    def test_of_words_of_which_a_mask_leaves_none(self) -> None:
        """Keras takes the mean of no step, which is no number."""
        words = np.array([[0, 0, 0], [3, 0, 0], [1, 2, 0]], np.int32)
        given = Run({"words": words}, np.zeros((3, 1), np.float32), np.arange(3), None, 0)
        assert causes(given, np.array([1, 2]))[0].startswith("the learning rate")
        (first, *_) = causes(given, np.array([2, 0]))
        assert "'words' is all zeros in rows 0, of which mask_zero leaves nothing" in first

    def test_a_rate_that_is_too_high(self) -> None:
        with pytest.raises(Diverged, match="learning rate") as caught:
            trained(run(), optimizer={"SGD": {"learning_rate": 1e4}}, epochs=50)
        assert caught.value.epoch > 1 or caught.value.step > 1


class TestShuffling:
    def test_the_seed_alone_decides(self) -> None:
        first, again, other = (trained(run(seed))[0] for seed in (3, 3, 4))
        assert same(first, again) and not same(first, other)

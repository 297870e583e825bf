"""The rows that say when to stop are not those that a fold is scored on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.repositories import rows_in_memory
from throughline.errors import BadPipeline
from throughline.figures.learned import figure
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.schema.training import Epochs
from throughline.training.engine.engine import fit
from throughline.training.engine.runs import Run
from throughline.training.folds.folded import Folded, epochs_by_others
from throughline.training.folds.validation import Planned, all_folded
from throughline.training.network.build import Output, build
from throughline.training.search.side_by_side import SideBySide

GENERATOR = np.random.default_rng(0)
# As pure as noise is: no row says anything about its class.
NOISE = pd.DataFrame(GENERATOR.normal(size=(120, 4)), columns=list("abcd")).assign(
    y=GENERATOR.permutation(np.tile([0, 1], 60)), who=np.arange(120) // 4
)
STOPPING = {"max": 12, "patience": 3, "monitor": "val_accuracy"}
CHOOSING = {"max": 12, "choose": "cross_validation", "monitor": "val_accuracy"}


def pipeline(epochs: Any, runs: str = "in-turn", **more: Any) -> Pipeline:
    document = {
        "title": "Noise",
        "task": "binary",
        "source": {"rows": {"a": [1.0]}},
        "target": "y",
        "columns": {name: {} for name in "abcd"},
        "network": [{"Dense": {"units": 8, "activation": "relu"}}],
        "training": {
            "optimizer": {"Adam": {"learning_rate": 0.05}}, "epochs": epochs, "validation": 0.25,
            "xla": False,
        },
        "cross_validation": {"folds": 3, "repeats": 2, "runs": runs},
    }  # fmt: skip
    return Pipeline.model_validate(document | more)


def planned(view: Pipeline, rows: pd.DataFrame = NOISE) -> Planned:
    assert view.cross_validation is not None
    samples = rows_in_memory(rows, view)
    return Planned(view, samples, view.cross_validation, 0)


def folds_of(plan: Planned) -> list[Any]:
    return list(plan.samples.folds(plan.view, plan.protocol))


def folded(view: Pipeline, rows: pd.DataFrame = NOISE) -> Folded:
    with SideBySide() as trainings:
        (found,) = all_folded([planned(view, rows)], trainings)
    return found


def same_folds(view: Pipeline) -> list[Any]:
    """The folds without regard to the classes, so that other classes are folded alike."""
    return folds_of(planned(view))


def test_a_fold_stops_alike_whatever_its_own_validation_rows_say() -> None:
    """It stopped where they were best: noise had an accuracy of .56."""
    protocol = {"folds": 3, "runs": "in-turn", "stratify": False}
    view = pipeline(STOPPING, cross_validation=protocol)
    before = folded(view)
    fold = same_folds(view)[1]
    changed = NOISE.copy()
    changed.loc[fold.validation, "y"] = 1 - NOISE["y"][fold.validation]
    after = folded(view, changed)
    assert before.best_epochs[1] == after.best_epochs[1]
    assert before.values("accuracy")[1] == pytest.approx(1 - after.values("accuracy")[1])


@pytest.mark.parametrize("split", [{}, {"stratify": "y"}, {"kind": "grouped", "column": "who"}])
def test_a_fold_is_parted_as_train_parts_all_rows(split: dict[str, Any]) -> None:
    plan = planned(pipeline(STOPPING, split=split))
    folds = folds_of(plan)
    runs = [run for group in next(plan.parts()) for run in group.runs]
    for fold, run in zip(folds, runs, strict=True):
        assert run.watched_rows is not None and run.validation_rows is not None
        assert sorted([*run.train_rows, *run.watched_rows]) == sorted(fold.training)
        assert np.array_equal(run.validation_rows, fold.validation)
        watched, kept = NOISE.iloc[run.watched_rows], NOISE.iloc[run.train_rows]
        if "stratify" in split:
            assert abs(int(watched["y"].sum()) - len(watched) / 2) <= 1
        if "column" in split:
            assert set(watched["who"]).isdisjoint(kept["who"])


def test_trainings_together_stop_as_in_turn() -> None:
    one, other = folded(pipeline(STOPPING)), folded(pipeline(STOPPING, "together"))
    assert one.best_epochs == other.best_epochs
    np.testing.assert_allclose(one.values("loss"), other.values("loss"), rtol=1e-4)


def test_each_fold_is_scored_at_the_epoch_that_the_others_choose() -> None:
    found = folded(pipeline(CHOOSING))
    folds = [(repeat, number) for repeat in range(2) for number in range(3)]
    names = {"accuracy": figure("accuracy")}
    assert found.best_epochs == epochs_by_others(found.histories, folds, "val_accuracy", names)
    assert found.chosen is not None
    pairs = zip(found.histories, found.best_epochs, strict=True)
    assert found.values("accuracy").tolist() == [h["val_accuracy"][e - 1] for h, e in pairs]


RISING = ["accuracy", "AUC", {"AUC": {"curve": "PR", "name": "prc"}}]
# What a says of the class, the others do not.
LEARNABLE = NOISE.assign(y=(NOISE["a"] + NOISE["b"] > 0).astype(int))


@pytest.mark.parametrize("name", ["accuracy", "AUC", "prc"])
def test_the_watched_curve_is_best_where_it_is_highest(name: str) -> None:
    """Of `val_AUC` the lowest epoch was chosen, and of `val_prc` the weights kept."""
    epochs = {"max": 6, "choose": "cross_validation", "monitor": f"val_{name}"}
    slow = {"optimizer": {"SGD": {"learning_rate": 0.02}}, "metrics": RISING, "xla": False}
    protocol = {"folds": 2, "runs": "in-turn"}
    view = pipeline(None, training={**slow, "epochs": epochs}, cross_validation=protocol)
    found = folded(view, LEARNABLE)
    curve = found.curves[f"val_{name}"]
    assert curve[0] < max(curve)
    assert found.chosen == int(np.argmax(curve)) + 1

    training = view.training.model_copy(
        update={"epochs": Epochs(max=6, patience=5, monitor=f"val_{name}")}
    )
    inputs = {"features": LEARNABLE[list("abcd")].to_numpy(np.float32)}
    rows = np.arange(80), np.arange(80, 120)
    (kept,) = fit(
        lambda seed: build(view.network, {"features": (4,)}, OUTPUT, seed=seed), training,
        [Run(inputs, LEARNABLE["y"].to_numpy(np.int32), *rows, 0)],
        loss="binary_crossentropy", metrics=["accuracy"],
    )  # fmt: skip
    assert kept.best_epoch == int(np.argmax(kept.history[f"val_{name}"])) + 1


def test_scores_of_a_scaled_target_are_of_the_target() -> None:
    """R2 was 27.9, and the loss 4026 beside an error of 51.4 that is the same quantity."""
    target = {"column": "y", "scale": "standard"}
    training = {"loss": "mae", "metrics": ["mae", "R2Score"], "epochs": 3, "xla": False}
    protocol = {"folds": 2, "runs": "in-turn"}
    rows = NOISE.assign(y=100 + 78.3 * NOISE["a"])
    view = pipeline(
        None, task="regression", target=target, training=training, cross_validation=protocol
    )
    found = folded(view, rows)
    np.testing.assert_allclose(found.values("loss"), found.values("mae"), rtol=1e-5)
    assert 20 < found.values("mae").mean() < 200
    assert (found.values("R2Score") <= 1).all()
    high = found.as_json()["metrics"]["R2Score"]["high"]
    assert high <= 1


def test_without_rows_to_watch_it_is_said() -> None:
    view = pipeline(STOPPING)
    training = view.training.model_copy(update={"validation": 0.0})
    with pytest.raises(BadPipeline, match=r"training\.validation should be a share"):
        next(planned(view.model_copy(update={"training": training})).parts())


def test_the_other_folds_of_a_shuffle_choose_the_epoch() -> None:
    curves = [[0.1, 0.2, 0.9], [0.5, 0.1, 0.1], [0.1, 0.6, 0.1], [0.9, 0.0, 0.0], [0.0, 0.0, 0.8]]
    histories = [{"val_accuracy": curve} for curve in curves]
    folds = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    chosen = epochs_by_others(histories, folds, "val_accuracy", {"accuracy": figure("accuracy")})
    assert chosen == [2, 3, 3, 3, 1]


def test_rows_that_score_are_measured_and_not_watched() -> None:
    """The engine stops by the rows that are watched; curves are those of the rows that score."""
    inputs = {"features": NOISE[list("abcd")].to_numpy(np.float32)}
    target = NOISE["y"].to_numpy(np.int32)
    trained, watched, scored = np.arange(60), np.arange(60, 90), np.arange(90, 120)
    view = pipeline(STOPPING)

    def fitted(held: np.ndarray, apart: np.ndarray | None, epochs: int | None = None) -> Any:
        training = view.training
        if epochs is not None:
            training = training.model_copy(update={"epochs": epochs})
        run = Run(inputs, target, trained, held, 0, watched_rows=apart)
        (found,) = fit(
            lambda seed: build([{"Dense": {"units": 8}}], {"features": (4,)}, OUTPUT, seed=seed),
            training, [run], loss="binary_crossentropy", metrics=["accuracy"],
        )  # fmt: skip
        return found

    apart, alone = fitted(scored, watched), fitted(watched, None)
    assert (apart.best_epoch, apart.epochs_run) == (alone.best_epoch, alone.epochs_run)
    for one, other in zip(apart.weights, alone.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    plain = fitted(scored, None, apart.epochs_run)
    assert apart.history == plain.history
    assert set(apart.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}


OUTPUT = Output(1, "sigmoid")

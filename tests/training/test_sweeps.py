"""Sweeps: every point is scored by the same folds, and one that diverges spoils no other."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from tests.repositories import rows_in_memory
from throughline.errors import BadPipeline
from throughline.evaluation.show.sweeps import prepared
from throughline.figures.learned import figure, loss
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.schema.protocol import Sweep
from throughline.report.page import piece
from throughline.stages.cross_validate import _write_sweep
from throughline.stages.given import StageInput
from throughline.training.engine import engine
from throughline.training.search.side_by_side import SideBySide
from throughline.training.search.sweeps import _best, run_sweep, with_settings


def section(sweeps: dict[str, Any]) -> str:
    return piece("evaluation/show/making.html", "sweeps", prepared(sweeps))


X = np.random.default_rng(0).normal(size=40)
ROWS = pd.DataFrame({"x": X, "y": 2 * X + 1})
DOCUMENT: dict[str, Any] = {
    "title": "A line",
    "task": "regression",
    "source": {"rows": {"x": [1.0], "y": [1.0]}},
    "target": "y",
    "columns": {"x": {"scale": "standard"}},
    "split": {"test": 0.25},
    "network": [],
    "training": {"optimizer": {"SGD": {"learning_rate": 0.1}}, "epochs": 4, "batch_size": 4},
    "cross_validation": {"folds": 2},
}


def swept(runs: str = "auto", **sweep: Any) -> dict[str, Any]:
    document = {**DOCUMENT, "cross_validation": {"folds": 2, "runs": runs}}
    pipeline = Pipeline.model_validate(document)
    data = rows_in_memory(ROWS, pipeline)
    given = StageInput("line", {"main": pipeline}, {"main": "main"}, {}, document)
    with SideBySide() as trainings:
        return run_sweep(given, "rate", Sweep(**sweep), data, 0, trainings)


class TestSweep:
    def test_a_point_that_diverges_is_said_to(self, tmp_path: Path) -> None:
        path = "training.optimizer.SGD.learning_rate"
        found = swept(over={path: [0.0, 1e30, 0.1]}, repeats=2)
        points = found["points"]
        # Two folds, each trained with two seeds.
        assert len(points[0]["metrics"]["loss"]["values"]) == 4
        assert len(set(points[0]["metrics"]["loss"]["values"])) == 4
        assert "NaN or inf" in points[1]["diverged"] and "metrics" not in points[1]
        assert (found["best"], found["by"]) == (2, "loss")

        _write_sweep(tmp_path / "sweep.csv", points)
        with (tmp_path / "sweep.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        assert [line[path] for line in lines] == ["0.0", "1e+30", "0.1"]
        assert [line["loss"] == "diverged" for line in lines] == [False, True, False]
        assert "diverged" in section({"rate": found})

    def test_a_refit_is_the_same_training_on_all_rows(self) -> None:
        path = "training.optimizer.SGD.learning_rate"
        plain = swept(over={path: [0.0, 0.1]})
        found = swept(over={path: [0.0, 0.1]}, refit=True)
        refitted = [each.pop("refitted") for each in found["points"]]
        assert found == plain
        # At rate 0 nothing is learned, so the loss is that of zero-mean weights on every row.
        assert refitted[1]["loss"] < refitted[0]["loss"]
        assert set(refitted[0]) == set(plain["points"][0]["metrics"])
        assert "of all rows trained on" in section(
            {
                "rate": found
                | {
                    "points": [
                        each | {"refitted": r}
                        for each, r in zip(found["points"], refitted, strict=True)
                    ]
                }
            }
        )


def point(loss: float, accuracy: float) -> dict[str, Any]:
    return {"metrics": {"loss": {"mean": loss}, "accuracy": {"mean": accuracy}}}


FIGURES = {"loss": loss("mse"), "accuracy": figure("accuracy")}


class TestTargets:
    DOCUMENT: ClassVar[dict[str, Any]] = {"targets": {"y": {"task": "regression"}}}

    def test_their_weights_and_losses_may_change(self) -> None:
        settings = {"targets.y.weight": 0.5, "targets.y.loss": "mae"}
        assert with_settings(self.DOCUMENT, settings)["targets"]["y"] == {
            "task": "regression", "weight": 0.5, "loss": "mae",
        }  # fmt: skip

    @pytest.mark.parametrize("path", ["targets.y.scale", "targets.y", "targets"])
    def test_what_changes_the_rows_may_not(self, path: str) -> None:
        with pytest.raises(BadPipeline, match="or a target's loss and weight"):
            with_settings(self.DOCUMENT, {path: "standard"})

    def test_a_metric_chooses_among_weights(self) -> None:
        def scored(loss: float, mae: float) -> dict[str, Any]:
            values = {"y.loss": loss, "y.mae": mae, "loss": loss}
            return {"metrics": {name: {"mean": value} for name, value in values.items()}}

        figures = {name: loss("mse") for name in ("y.loss", "y.mae", "loss")}
        sweep = Sweep(over={"targets.y.weight": [1.0, 0.1]})
        found = _best(sweep, (scored(5.0, 2.0), scored(0.5, 3.0)), figures)
        assert found == {"best": 0, "by": "y.mae"}


class TestChoice:
    POINTS = (point(0.2, 0.8), {"diverged": "NaN"}, point(0.3, 0.9))

    @pytest.mark.parametrize(
        ("over", "best", "by"),
        [
            ({"training.batch_size": [8, 16, 32]}, 0, "loss"),
            ({"training.loss": ["mse", "mae", "mape"]}, 2, "accuracy"),
            ({"network": [[{"Dense": {"kernel_regularizer": {"L2": 0.1}}}]]}, 2, "accuracy"),
        ],
    )
    def test_losses_choose_only_where_they_compare(
        self, over: dict[str, list[Any]], best: int, by: str
    ) -> None:
        assert _best(Sweep(over=over), self.POINTS, FIGURES) == {"best": best, "by": by}

    def test_all_diverged(self, tmp_path: Path) -> None:
        points = [{"settings": {"a": 1}, "diverged": "NaN"}]
        assert _best(Sweep(over={"a": [1]}), points, FIGURES)["best"] is None
        _write_sweep(tmp_path / "sweep.csv", points)
        assert (tmp_path / "sweep.csv").read_text() == "a\n1\n"
        assert "diverged" in section({"a": {"title": "", "points": points, "best": None}})


class TestOneListOfTrainings:
    """The trainings of all points go to the engine together, and change nothing of each other."""

    RATES = "training.optimizer.SGD.learning_rate"
    SEEDS: ClassVar[dict[str, list[Any]]] = {RATES: [0.05, 1e30, 0.1], "training.seed": [1, 2]}
    LAYERS: ClassVar[dict[str, list[Any]]] = {
        "network": [[], [{"Dense": {"units": 3}}]],
        "training.batch_size": [4, 5],
    }

    def test_points_of_one_architecture_are_one_program(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = []
        together = engine.fitted_together

        def counted(trainer: Any, runs: Any, *more: Any) -> Any:
            calls.append(len(runs))
            return together(trainer, runs, *more)

        expected = swept("in-turn", over=self.SEEDS, refit=True)
        monkeypatch.setattr(engine, "fitted_together", counted)
        assert swept("together", over=self.SEEDS, refit=True) == expected
        # Of each of six points two folds; the training on all rows has other batches.
        assert calls == [6 * 2, 6]
        assert ["diverged" in point for point in expected["points"]] == [0, 0, 1, 1, 0, 0]
        found = [
            point["metrics"]["loss"]["mean"] for point in expected["points"] if "metrics" in point
        ]
        assert len(set(found)) == 4

    def test_points_of_other_architectures_are_not(self) -> None:
        assert swept("together", over=self.LAYERS) == swept("in-turn", over=self.LAYERS)

    @pytest.mark.slow
    def test_in_processes(self) -> None:
        for over in (self.SEEDS, self.LAYERS):
            expected = swept("in-turn", over=over, refit=True)
            assert swept("processes", over=over, refit=True) == expected

    def test_arrays_of_a_point_are_made_when_its_turn_comes(self) -> None:
        """Otherwise a sweep over vocabularies would hold all of them."""
        told: list[str] = []

        def parts() -> Iterator[list[Any]]:
            for number in range(3):
                told.append(f"made {number}")
                yield []

        with SideBySide() as trainings:
            for number, outcome in enumerate(trainings.each(parts(), "in-turn", "", 3)):
                told.append(f"trained {number}")
                assert outcome == []
        assert told == [f"{what} {n}" for n in range(3) for what in ("made", "trained")]

    def test_a_rate_beside_no_rate_stays_apart(self) -> None:
        """The default rate is Keras' own; it must not become that of the neighbour."""
        over = {"training.optimizer": ["SGD", {"SGD": {"learning_rate": 0.1}}, "adam"]}
        assert swept("together", over=over) == swept("in-turn", over=over)

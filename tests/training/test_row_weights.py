"""Rows count in the loss what a column says, as by `Model.fit(sample_weight=...)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.repositories import write_pipeline
from throughline.cli import main
from throughline.errors import BadData, BadPipeline
from throughline.paths import Workspace
from throughline.pipeline.loading import load
from throughline.pipeline.pipeline import Pipeline
from throughline.samples.rows.weights import row_weights
from throughline.stages.run import run_stage

ROWS = 64
GENERATOR = np.random.default_rng(3)
X = GENERATOR.normal(size=ROWS).round(3)
TABLE: dict[str, list[Any]] = {
    "x": X.tolist(),
    "y": (X + GENERATOR.normal(size=ROWS) > 0).astype(int).tolist(),
    "w": (np.arange(ROWS) % 5 / 2).tolist(),
    "person": (np.arange(ROWS) % 16).tolist(),
}
PIPELINE: dict[str, Any] = {
    "title": "Does it sell?",
    "task": "binary",
    "source": {"rows": TABLE},
    "target": "y",
    "columns": {"x": {"scale": "standard"}},
    "split": {"kind": "grouped", "column": "person", "test": 0.25},
    "network": [{"Dense": {"units": 4, "activation": "tanh"}}],
    "training": {
        "optimizer": {"Adam": {"learning_rate": 0.05}}, "epochs": 4, "batch_size": 16,
        "validation": 0.25, "shuffle": False, "xla": False, "sample_weight": "w",
    },
    "cross_validation": {"folds": 3},
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("repository")
    workspace = write_pipeline(root, "shop", PIPELINE)
    for stage in ("ingest", "validate", "prepare"):
        run_stage(stage, "shop", root)
    return workspace


def stored(workspace: Workspace) -> pd.DataFrame:
    return pd.read_parquet(workspace.training_data / "main" / "rows.parquet")


class TestTraining:
    def test_is_that_of_keras(self, keras: None, prepared: Workspace) -> None:
        from throughline.samples.samples import read_samples
        from throughline.stages.train import _training

        view = load(prepared).main
        learns, run = _training(view, read_samples(prepared.training_data / "main"), 0)
        weights = stored(prepared)["w"].to_numpy()
        assert list(run.inputs) == ["features"] and run.inputs["features"].shape[1] == 1
        (fitted,) = learns.fit([run], title="")
        trained, held = run.train_rows, run.validation_rows
        assert held is not None and not set(trained) & set(held)
        x, y = np.asarray(run.inputs["features"]), np.asarray(run.target)
        for chosen, alike in ((weights, True), (np.ones(len(x)), False)):
            model = learns.build(learns.seed)
            model.compile("adam", loss="binary_crossentropy", jit_compile=False)
            model.optimizer.learning_rate = 0.05
            history = model.fit(
                x[trained], y[trained], sample_weight=chosen[trained], epochs=4, batch_size=16,
                shuffle=False, verbose=0, validation_data=(x[held], y[held]),
            ).history  # fmt: skip
            pairs = zip(fitted.weights, model.get_weights(), strict=True)
            assert all(np.allclose(*pair, atol=1e-5) for pair in pairs) is alike
            for name in ("loss", "val_loss"):
                same = np.allclose(fitted.history[name], history[name], atol=1e-5)
                assert same is alike

    def test_of_folds_has_each_row_s_own_weight(self, keras: None, prepared: Workspace) -> None:
        from throughline.samples.samples import read_samples
        from throughline.training.folds.validation import grouped

        view, samples = load(prepared).main, read_samples(prepared.training_data / "main")
        assert view.cross_validation is not None
        drawn = samples.folds(view, view.cross_validation)
        runs = [run for _, some, _ in grouped(view, samples, drawn, 0, 2) for run in some]
        assert len(runs) == 6
        for run in runs:
            assert run.sample_weight is not None
            assert run.sample_weight.tolist() == stored(prepared)["w"].tolist()
            assert len(run.sample_weight) == len(run.target)


class TestAColumn:
    @pytest.mark.parametrize(
        ("values", "says"),
        [
            ([1.0, np.nan, 2.0], "hold none.*nan first, in row 1 "),
            ([1.0, 2.0, -0.5], "1 hold none.*-0.5 first, in row 2 "),
            ([1.0, np.inf, 2.0], "inf first"),
            ([0.0, 0.0, 0.0], "above 0 in some row"),
            (["1", "2", "3"], "must hold numbers"),
        ],
    )
    def test_that_holds_no_weights_is_refused_in_one_line(
        self, values: list[Any], says: str
    ) -> None:
        with pytest.raises(BadData, match=f"training.sample_weight.*{says}") as caught:
            row_weights(pd.DataFrame({"w": values}), "w")
        assert "\n" not in str(caught.value)

    def test_that_is_absent_has_a_nearest(self) -> None:
        with pytest.raises(BadPipeline, match=r"no column 'weigth'.*Did you mean 'weight'"):
            row_weights(pd.DataFrame({"weight": [1.0]}), "weigth")

    def test_of_whole_numbers_or_marks(self) -> None:
        rows = pd.DataFrame({"n": [0, 3], "kept": [True, False]})
        assert row_weights(rows, "n").tolist() == [0, 3]  # type: ignore[union-attr]
        assert row_weights(rows, "kept").tolist() == [1, 0]  # type: ignore[union-attr]
        assert row_weights(rows, None) is None


def changed(**sections: Any) -> dict[str, Any]:
    training = {**PIPELINE["training"], **sections.pop("training", {})}
    return {**PIPELINE, **sections, "training": training}


class TestAPipelineFile:
    @pytest.mark.parametrize(
        ("pipeline", "says"),
        [
            (changed(training={"class_weight": "balanced"}), "exclude each other, as in Keras"),
            (changed(training={"sample_weight": "y"}), "the target 'y' cannot be the weight too"),
            (changed(columns={"w": {}}), "the sample weight 'w' cannot be a feature too"),
            (changed(columns={"*": {}}), "the sample weight 'w' cannot be a feature too"),
            (
                changed(columns={"d": {"derive": {"product": ["x", "w"]}}}),
                "the sample weight 'w' cannot be a feature too",
            ),
            (
                changed(time={"index": "person", "every": "1d", "lookback": 3, "horizon": 1}),
                "'sample_weight' weighs",
            ),
        ],
    )
    def test_that_contradicts_itself(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        pipeline: dict[str, Any],
        says: str,
    ) -> None:
        path = tmp_path / "pipelines" / "shop" / "pipeline.yaml"
        path.parent.mkdir(parents=True)
        import yaml

        path.write_text(yaml.safe_dump(pipeline))
        monkeypatch.chdir(tmp_path)
        assert main(["check", "shop"]) == 2
        assert says in capsys.readouterr().err

    def test_names_a_column_that_check_knows(self) -> None:
        from throughline.cli.named_columns import unknown_columns

        (line,) = unknown_columns(Pipeline(**PIPELINE), ["x", "y", "person", "weight"])
        assert line.startswith("training.sample_weight: the rows have no column 'w'")

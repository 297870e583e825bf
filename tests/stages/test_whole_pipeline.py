"""What a build promises: one file that answers raw rows, proved and repeatable."""

from __future__ import annotations

import hashlib
import shutil
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest

from tests.repositories import write_pipeline
from tests.stages.conftest import PIPELINE
from throughline.errors import ThroughlineError
from throughline.paths import Workspace, read_json
from throughline.serving.predictor import Predictor
from throughline.stages.run import run_stage


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class TestTheModel:
    def test_takes_raw_rows_and_says_a_class(self, built: Workspace) -> None:
        predictor = Predictor(built.model)
        assert {name: entry["type"] for name, entry in predictor.inputs.items()} == {
            "age": "number",
            "town": "string",
            "vip": "boolean",
        }
        answer = predictor.predict({"age": [30, None], "town": ["a", "z"], "vip": [True, False]})
        assert set(answer["label"]) <= {"yes", "no"}
        assert np.isfinite(answer["probability"]).all()

    def test_carries_its_contract(self, built: Workspace) -> None:
        metadata = Predictor(built.model).metadata
        assert metadata["pipeline"] == "shop"
        assert metadata["target"]["classes"] == ["no", "yes"]
        age = next(entry for entry in metadata["inputs"] if entry["name"] == "age")
        training = pd.read_parquet(built.training_data / "main" / "rows.parquet")
        assert age["max"] == training["age"].max()

    def test_carries_its_trainings_own_figures_and_nothing_measured(self, built: Workspace) -> None:
        metadata = Predictor(built.model).metadata
        assert set(metadata["metrics"]) == {"training"}
        assert set(metadata["metrics"]["training"]) == {"accuracy", "loss"}
        assert "parity" not in metadata

    def test_of_every_variant_stands_beside_it(self, built: Workspace) -> None:
        assert sorted(path.stem for path in built.variants.iterdir()) == ["bare", "logistic"]
        logistic = onnx.load(built.model_of("logistic"))
        assert sum(node.op_type in ("MatMul", "Gemm") for node in logistic.graph.node) == 1

    def test_equals_its_network(self, built: Workspace) -> None:
        for branch in read_json(built.parity).values():
            assert branch["exporter"] == "throughline"
            assert branch["largest_error"] <= 1e-5
            assert branch["rows"] > 64

    def test_records_no_error_that_follows_the_processor(self, built: Workspace) -> None:
        for branch in read_json(built.parity).values():
            for output in branch["outputs"]:
                exact = output["output"] == "label"
                for name in ("max_absolute_error", "max_relative_error"):
                    assert output[name] in ((0,) if exact else (1e-6, 1e-5))

    def test_has_scores_of_six_digits(self, built: Workspace) -> None:
        scores = read_json(built.cross_validation / "scores.json")["main"]
        values = [*scores["metrics"]["loss"]["values"], *scores["curves"]["loss"]]
        assert values == [float(f"{value:.6g}") for value in values]


class TestSmallerPrecisions:
    def test_answer_the_same_rows_in_a_smaller_type(self, built: Workspace) -> None:
        names = {path.stem for path in built.precisions.iterdir()}
        assert names == {"float16", "int8-dynamic", "int8-static"}
        for path in built.precisions.iterdir():
            predictor = Predictor(path)
            assert predictor.metadata["precision"] == path.stem
            answer = predictor.predict({"age": [30], "town": ["a"], "vip": [True]})
            assert answer["label"][0] in ("yes", "no")

    def test_are_judged_on_the_test_rows(self, built: Workspace) -> None:
        report = read_json(built.evaluation / "report.json")["branches"]["main"]
        rows = pd.read_parquet(built.test_data / "main" / "rows.parquet")
        columns = {c: rows[c].to_numpy() for c in ("age", "town", "vip")}
        full = Predictor(built.model).predict(columns)["label"] == rows["bought"].to_numpy()
        for entry in report["precisions"][1:]:
            path = built.precisions / f"{entry['precision']}.onnx"
            small = Predictor(path).predict(columns)["label"] == rows["bought"].to_numpy()
            lost = full.mean() - small.mean()
            assert entry["difference"]["value"] == pytest.approx(-lost, abs=1e-6)
            assert entry["released"] == (-entry["difference"]["low"] <= 0.1)
            assert entry["bytes"] == path.stat().st_size


class TestTheFreshProcess:
    def test_refuses_a_file_that_answers_otherwise(self, built: Workspace, tmp_path: Path) -> None:
        from throughline.export.proof.fresh_process import keep_requests, prove
        from throughline.export.proof.parity_contract import Held

        requests = {
            "age": np.array([[30.0]], np.float32),
            "town": np.array([["a"]], object),
            "vip": np.array([[True]]),
        }
        predictor = Predictor(built.model)
        answers = predictor.predict({"age": [30.0], "town": ["a"], "vip": [True]})
        keep_requests(tmp_path / "main.npz", built.model, Held({}, requests, answers))
        prove(tmp_path)
        wrong = answers | {"probability": answers["probability"] + 0.01}
        keep_requests(tmp_path / "main.npz", built.model, Held({}, requests, wrong))
        with pytest.raises(ThroughlineError, match="other answers in output 'probability'"):
            prove(tmp_path)

    def test_refuses_a_file_that_needs_what_no_runtime_has(self, tmp_path: Path) -> None:
        from throughline.export.proof.fresh_process import keep_requests, prove
        from throughline.export.proof.parity_contract import Held

        model = tmp_path / "model.onnx"
        model.write_bytes(b"no model")
        keep_requests(tmp_path / "main.npz", model, Held({}, {}, {}))
        with pytest.raises(ThroughlineError, match="fresh process"):
            prove(tmp_path)


class TestTheParityCommand:
    def test_holds_every_branch_against_its_network(self, built: Workspace) -> None:
        from throughline.cli.commands.parity import parity

        checks = parity("shop", built.root, 30)
        assert {check.branch for check in checks} == {"main", "logistic", "bare"}
        assert all(check.passed is not False for check in checks)
        assert [c.what for c in checks if c.branch == "main"][:2] == [
            "30 test rows",
            "8 test rows, one by one",
        ]
        second = next(check for check in checks if "reference" in check.what)
        assert second.passed and second.error is not None and second.error <= 1e-5

    def test_says_why_of_a_file_that_is_not_there(self, built: Workspace, tmp_path: Path) -> None:
        """What `export` refused is no file; what it refused is what one asks this command."""
        from throughline.cli.commands.parity import parity

        root = tmp_path / "copy"
        shutil.copytree(built.root, root)
        Workspace(root, "shop").model.unlink()
        checks = [check for check in parity("shop", root, 30) if check.branch == "main"]
        assert checks[0].what == "30 test rows"
        assert checks[0].passed

    def test_names_the_node_that_departs(self, built: Workspace, tmp_path: Path) -> None:
        from onnx import numpy_helper

        from throughline.cli.commands.parity import parity

        root = tmp_path / "copy"
        shutil.copytree(built.root, root)
        model = onnx.load(Workspace(root, "shop").model)
        dense = next(node for node in model.graph.node if node.name.startswith("dense"))
        weight = next(t for t in model.graph.initializer if t.name == dense.input[1])
        changed = numpy_helper.to_array(weight) + np.float32(0.5)
        weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
        onnx.save(model, Workspace(root, "shop").model)
        failed = [check for check in parity("shop", root, 30) if check.passed is False]
        assert failed and all(check.branch == "main" for check in failed)
        assert "first node that departs: 'dense" in failed[0].note


class TestTheFigures:
    def test_are_those_of_the_file_on_the_test_rows(self, built: Workspace) -> None:
        rows = pd.read_parquet(built.test_data / "main" / "rows.parquet")
        answer = Predictor(built.model).predict(
            {c: rows[c].to_numpy() for c in ("age", "town", "vip")}
        )
        accuracy = (answer["label"] == rows["bought"].to_numpy(dtype=object)).mean()
        assert read_json(built.metrics)["accuracy"] == pytest.approx(accuracy, abs=1e-6)

    def test_of_the_folds_have_intervals(self, built: Workspace) -> None:
        scores = read_json(built.cross_validation / "scores.json")
        accuracy = scores["main"]["metrics"]["accuracy"]
        assert len(accuracy["values"]) == 3
        assert accuracy["low"] <= accuracy["mean"] <= accuracy["high"]
        assert scores["logistic"]["difference_to_main"]["accuracy"]["verdict"] in (
            "better",
            "worse",
            "no difference",
        )

    def test_of_a_sweep_are_a_table(self, built: Workspace) -> None:
        points = read_json(built.cross_validation / "scores.json")["sweeps"]["rate"]["points"]
        rates = [point["settings"]["training.optimizer.Adam.learning_rate"] for point in points]
        assert rates == [0.01, 0.1]
        assert points[0]["metrics"]["loss"]["mean"] != points[1]["metrics"]["loss"]["mean"]
        assert len((built.cross_validation / "sweep-rate.csv").read_text().splitlines()) == 3

    def test_of_the_learning_curve_name_their_rows(self, built: Workspace) -> None:
        (point,) = read_json(built.cross_validation / "scores.json")["main"]["learning_curve"]
        assert point["rows"] == 30


class TestTheSameInputsGiveTheSameBytes:
    @pytest.mark.parametrize("stage", ["ingest", "validate", "prepare", "train", "export"])
    def test_of_a_stage_that_runs_again(self, built: Workspace, tmp_path: Path, stage: str) -> None:
        root = tmp_path / "copy"
        shutil.copytree(built.root, root)
        before = {folder: digests(root / folder) for folder in ("data", "models")}
        run_stage(stage, "shop", root)
        assert {folder: digests(root / folder) for folder in ("data", "models")} == before


class TestTrainingRowsOnly:
    def test_corrupted_test_rows_move_nothing_on_the_training_side(
        self, built: Workspace, tmp_path: Path
    ) -> None:
        """The rows of the test part are shifted, and get categories that no other row has."""
        root = tmp_path / "copy"
        shutil.copytree(built.root, root)
        workspace = Workspace(root, "shop")
        before = digests(workspace.training_data)
        clean = pd.read_parquet(workspace.clean / "rows.parquet")
        test = pd.read_parquet(workspace.test_data / "main" / "rows.parquet")
        keys = ["age", "town", "vip", "bought"]
        is_test = pd.MultiIndex.from_frame(clean[keys]).isin(pd.MultiIndex.from_frame(test[keys]))
        training = pd.read_parquet(workspace.training_data / "main" / "rows.parquet")
        is_training = pd.MultiIndex.from_frame(clean[keys]).isin(
            pd.MultiIndex.from_frame(training[keys])
        )
        clean.loc[is_test & ~is_training, "age"] += 1000.0
        clean.loc[is_test & ~is_training, "town"] = "nowhere"
        assert (is_test & ~is_training).any()
        clean.to_parquet(workspace.clean / "rows.parquet")
        run_stage("prepare", "shop", root)
        assert digests(workspace.training_data) == before


class TestAChangedSection:
    def test_of_training_leaves_the_other_stages_alone(self, tmp_path: Path) -> None:
        """Only the stages whose `params` name a section depend on it."""
        from throughline.stages.wire import stages

        document = deepcopy(PIPELINE)
        written = stages(document, "shop")["stages"]
        readers = [
            stage
            for stage, entry in written.items()
            for parameters in entry["params"]
            if "training" in parameters.get("pipelines/shop/pipeline.yaml", ())
        ]
        assert readers == ["cross_validate"]
        assert "reports/shop/cross_validation" in written["train"]["deps"]
        write_pipeline(tmp_path, "shop", document)

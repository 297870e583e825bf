"""The stage as a whole: what it writes, what it says, what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_pipeline import BINARY, Tiny, binary, classifier, labels, points, regressor

from throughline.errors import BadData, BadPipeline, MissingFile

FOLDS = {
    "main": {
        "metrics": {"accuracy": {"mean": 0.9, "sd": 0.1, "low": 0.8, "high": 1.0}},
        "epochs": {"chosen": 3, "monitor": "val_loss", "best": [3, 3]},
        "curves": {"loss": [0.9, 0.5, 0.4, 0.3], "val_loss": [0.9, 0.6, 0.5, 0.6]},
    },
    "sweeps": {
        "rates": {
            "title": "Rates < 1",
            "points": [{"settings": {"rate": 0.1}, "metrics": {"loss": {"mean": 0.4, "sd": 0.1}}}],
            "best": 0,
        }
    },
}


def rewritten(tiny: Tiny, test_rows: int = 200, **more: Any) -> Tiny:
    """The binary pipeline with more sections."""
    test = points(test_rows, 2)
    tiny.write({**BINARY, **more}, points(300, 1), test, [0, 1], FOLDS)
    return tiny


def written(tiny: Tiny) -> dict[str, bytes]:
    folder = tiny.workspace.evaluation
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return files | {"metrics.json": tiny.workspace.metrics.read_bytes()}


class TestAReport:
    def test_holds_the_figures_of_the_test_rows_with_intervals(self, sides: Tiny) -> None:
        main = sides.run()["branches"]["main"]
        accuracy = main["metrics"]["accuracy"]
        assert accuracy["low"] < accuracy["value"] < accuracy["high"]
        assert main["rows"] == {"training": 300, "test": 200}
        assert sum(map(sum, main["confusion"])) == 200

    def test_repeats_byte_for_byte(self, sides: Tiny) -> None:
        rewritten(sides, compare=["RandomForestClassifier"], slices=[{"column": "group"}]).run()
        first = written(sides)
        sides.run()
        assert written(sides) == first
        assert {"report.html", "report.json", "predictions.csv", "roc.csv"} <= set(first)

    def test_says_when_its_figures_are_of_training_rows(self, sides: Tiny) -> None:
        report = rewritten(sides, test_rows=0, split={"test": 0}).run()
        main = report["branches"]["main"]
        assert main["rows"] == {"training": 300, "test": 0}
        assert main["metrics"]["accuracy"] == main["metrics"]["train_accuracy"]
        assert "figures of training rows" in written(sides)["report.html"].decode()

    def test_compares_with_the_trivial_baseline_unasked(self, sides: Tiny) -> None:
        (baseline,) = sides.run()["branches"]["main"]["comparisons"]
        assert baseline["name"] == "majority"
        assert baseline["difference"]["verdict"] == "better"

    def test_holds_the_folds_and_the_epochs(self, sides: Tiny) -> None:
        report = rewritten(
            sides,
            claims=[
                {"text": "t", "at": "1", "metric": "cv_accuracy", "value": 0.95},
                {"text": "t", "at": "2", "metric": "epochs", "value": 3},
                {"text": "t", "at": "3", "metric": "accuracy:majority", "value": 0.5},
                {"text": "t", "at": "4", "metric": "recall:1", "value": 0.1},
            ],
        ).run()
        verdicts = [claim["verdict"] for claim in report["claims"]]
        assert verdicts == ["compatible", "shown equal", "compatible", "not reproduced"]
        assert report["claims"][-1]["side"] == "better"
        # Of one class, too, a figure is known to its rows only.
        ours = report["claims"][-1]["ours"]
        assert ours["method"] == "wilson"
        assert ours["low"] < ours["value"] < ours["high"]

    def test_slices_share_the_rows_out(self, sides: Tiny) -> None:
        slices = [{"column": "group"}, {"column": "x", "quantiles": 4}]
        found = rewritten(sides, slices=slices).run()["branches"]["main"]["slices"]
        assert [part["value"] for part in found[:2]] == ["b", "a"]
        assert sum(part["rows"] for part in found[:2]) == 200
        assert [part["rows"] for part in found[2:]] == [50, 50, 50, 50]

    def test_has_flat_metrics_with_variants_below(self, sides: Tiny) -> None:
        rewritten(sides, variants={"weak": {"network": []}})
        binary(sides.workspace.model_of("weak"), ["x", "y"], np.array([[3.0], [0.0]]), np.zeros(1))
        report = sides.run()
        flat = json.loads(sides.workspace.metrics.read_text())
        assert flat["weak"]["accuracy"] < flat["accuracy"]
        assert report["branches"]["weak"]["difference_to_main"]["verdict"] == "worse"

    def test_fits_the_comparison_models_once_for_all_variants(
        self, sides: Tiny, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.evaluation import row_parts

        fitted = []

        def counted(comparison: Any, prepared: Any) -> Any:
            fitted.append(comparison.model)
            return compared(comparison, prepared)

        compared = row_parts.compared
        monkeypatch.setattr(row_parts, "compared", counted)
        variants = {"a": {"network": []}, "b": {"columns": {"x": {"scale": "standard"}}}}
        rewritten(sides, compare=["GaussianNB"], variants=variants)
        for part in ("training_data", "test_data"):
            folder = getattr(sides.workspace, part)
            shutil.copytree(folder / "main", folder / "b", dirs_exist_ok=True)
        for name in variants:
            binary(sides.workspace.model_of(name), ["x", "y"], np.ones((2, 1)), np.zeros(1))
        report = sides.run()
        assert fitted == ["majority", "GaussianNB"]
        assert [len(b["comparisons"]) for b in report["branches"].values()] == [2, 2, 2]

    def test_of_several_labels(self, tiny: Tiny) -> None:
        file = {**BINARY, "task": "multilabel", "target": ["side", "other"]}
        frames = [points(count, seed) for count, seed in ((300, 1), (100, 2))]
        for frame in frames:
            frame["other"] = (frame["x"] > 0).astype(int)
        tiny.write({**file, "compare": ["LogisticRegression"]}, *frames, ["side", "other"])
        labels(tiny.workspace.model, ["x", "y"], np.array([[3.0, 5.0], [3.0, 0.0]]), np.zeros(2))
        main = tiny.run()["branches"]["main"]
        assert main["metrics"]["exact_match"]["value"] > 0.8
        assert [entry["class"] for entry in main["per_class"]] == ["side", "other"]
        assert main["comparisons"][1]["metrics"]["accuracy"]["value"] > 0.8


class TestANumber:
    def test_of_a_linear_model_has_its_coefficients(self, tiny: Tiny) -> None:
        claims = [
            {"text": "t", "at": "1", "metric": "coefficient:x", "value": 2.0},
            {"text": "t", "at": "2", "metric": "intercept", "value": 1.1},
        ]
        file = {**BINARY, "task": "regression", "target": "amount", "claims": claims}
        compare = ["LinearRegression", "shuffled-labels"]
        tiny.write({**file, "compare": compare}, points(300, 1), points(100, 2))
        regressor(tiny.workspace.model, ["x", "y"], np.array([[2.0], [-3.0]]), np.array([1.1]))
        report = tiny.run()
        main = report["branches"]["main"]
        assert main["coefficients"] == {"coefficient:x": 2, "coefficient:y": -3, "intercept": 1.1}
        assert [claim["verdict"] for claim in report["claims"]] == ["shown equal"] * 2
        assert main["residuals"]["amount"]["q50"] == pytest.approx(0, abs=0.3)
        assert [c["difference"]["verdict"] for c in main["comparisons"]][::2] == ["better"] * 2

    def test_of_any_other_model_has_none(self, sides: Tiny) -> None:
        claims = [{"text": "t", "at": "1", "metric": "coefficient:x", "value": 2.0}]
        file = {**BINARY, "task": "proportion", "target": "side", "claims": claims}
        sides.write(file, points(300, 1), points(100, 2))
        _with_output_named(sides, "prediction")
        with pytest.raises(BadPipeline, match="linear in its numeric inputs"):
            sides.run()


def _with_output_named(tiny: Tiny, name: str) -> None:
    import onnx

    model = onnx.load(tiny.workspace.model)
    for node in model.graph.node:
        node.output[:] = [name if old == "probability" else old for old in node.output]
        node.input[:] = [name if old == "probability" else old for old in node.input]
    model.graph.output[0].name = name
    onnx.save(model, tiny.workspace.model)


class TestThePage:
    def test_opens_offline(self, sides: Tiny) -> None:
        rewritten(sides).run()
        page = written(sides)["report.html"].decode()
        # Of other files only the pages beside it, which nothing loads by itself.
        assert not re.findall(r"""(?:src|data)=["'](?!data:)|href=["'](?!data:|#|\.\./)""", page)
        assert "<script" not in page
        assert "url(" not in page
        assert page.count("<svg") >= 4

    def test_shows_texts_as_texts(self, sides: Tiny) -> None:
        rewritten(sides, title="Is <b>a</b> & b?").run()
        page = written(sides)["report.html"].decode()
        assert "Is &lt;b&gt;a&lt;/b&gt; &amp; b?" in page
        assert "Rates &lt; 1" in page

    def test_draws_the_boundary_of_two_numbers(self, tiny: Tiny) -> None:
        file = {**BINARY, "task": "multiclass", "target": "third"}
        tiny.write(file, points(300, 1), points(200, 2), [0, 1, 2])
        weights, bias = np.array([[-4.0, 0, 4], [-4.0, 0, 4]]), np.array([-1.0, 1, -1])
        classifier(tiny.workspace.model, ["x", "y"], weights, bias)
        tiny.run()
        page = written(tiny)["report.html"].decode()
        assert "data:image/png;base64," in page
        assert "Decision boundary over x and y" in page


class TestAMistake:
    @pytest.mark.parametrize(
        ("sections", "message"),
        [
            ({"slices": [{"column": "groop"}]}, "Did you mean 'group'"),
            ({"slices": [{"column": "group", "quantiles": 3}]}, "Quantiles need a column of num"),
            ({"compare": ["LinearRegression"]}, "must fit the task 'binary'"),
            ({"compare": ["mean"]}, "baseline of task 'binary' is 'majority'"),
            ({"compare": [{"SVC": {"c": 1}}]}, "Did you mean 'C'"),
            ({"gates": {"acuracy": ">= 1"}}, "Did you mean 'accuracy'"),
            ({"variants": {"loss": {"network": []}}}, "must not have the name of a metric"),
        ],
    )
    def test_is_named_and_leaves_nothing_half_written(
        self, sides: Tiny, sections: dict[str, Any], message: str
    ) -> None:
        sides.run()
        before = written(sides)
        rewritten(sides, **sections)
        binary(sides.workspace.model_of("loss"), ["x", "y"], np.ones((2, 1)), np.zeros(1))
        with pytest.raises(BadPipeline, match=message):
            sides.run()
        assert written(sides)["metrics.json"] == before["metrics.json"]

    def test_without_a_model_names_the_stage(self, sides: Tiny) -> None:
        sides.workspace.model.unlink()
        with pytest.raises(MissingFile, match="made by stage 'export'"):
            sides.run()

    def test_of_a_class_that_training_has_not_seen(self, sides: Tiny) -> None:
        test = points(50, 2)
        test.loc[3, "side"] = 7
        sides.write(BINARY, points(300, 1), test, [0, 1])
        with pytest.raises(BadData, match="of 'side' must be one of 0, 1"):
            sides.run()


class TestTheCost:
    def test_no_heavy_library_is_loaded(self, sides: Tiny, tmp_path: Path) -> None:
        code = (
            "import sys; from pathlib import Path\n"
            "from throughline.stages.given import stage_input\n"
            "from throughline.stages.evaluate import STAGE, evaluate\n"
            "from throughline.paths import Workspace\n"
            "space = Workspace(Path(sys.argv[1]), 'tiny')\n"
            "evaluate(stage_input(space, STAGE), space)\n"
            "heavy = {'tensorflow', 'keras', 'onnx', 'pandas', 'sklearn', 'scipy',\n"
            "         'great_expectations', 'prefect'}\n"
            "print(sorted(heavy & set(sys.modules)))\n"
        )
        root = Path(__file__).parents[2]
        run = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=root, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert run.stdout.splitlines()[-1] == "[]"

"""The file of a forecaster equals its network on windows of the test period."""

from __future__ import annotations

from tests.series.conftest import LOOKBACK, load, times
from throughline.cli.commands.parity import parity
from throughline.paths import Workspace, read_json
from throughline.serving.predictor import Predictor


class TestParityOfWindows:
    def test_holds_every_branch_on_test_windows(self, forecaster: Workspace) -> None:
        checks = parity(forecaster.name, forecaster.root, 50)
        assert {check.branch for check in checks} == {"main", "short", "decoder"}
        assert all(check.passed is not False for check in checks)
        assert next(c.what for c in checks if c.branch == "main") == "50 test rows"


class TestSmallerForecasters:
    def test_answer_a_window_and_are_judged(self, forecaster: Workspace) -> None:
        report = read_json(forecaster.evaluation / "report.json")["branches"]["main"]
        assert [entry["precision"] for entry in report["precisions"]] == [
            "float32",
            "float16",
            "int8-static",
        ]
        length = LOOKBACK + 1
        window = {"when": times()[-length:], "load": load()[-length:].tolist()}
        full = Predictor(forecaster.model).predict(window)["prediction"]
        for entry in report["precisions"][1:]:
            path = forecaster.precisions / f"{entry['precision']}.onnx"
            small = Predictor(path).predict(window)["prediction"]
            assert abs(small - full).max() < 5
            assert isinstance(entry["released"], bool)

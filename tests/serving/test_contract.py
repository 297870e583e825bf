"""`throughline inspect --contract`: what a client must know of a model, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from throughline.cli import main
from throughline.serving.predictor import Predictor


def test_inputs_ranges_and_categories_are_said(model_path: Path, capsys: Any) -> None:
    assert main(["inspect", str(model_path), "--contract"]) == 0
    told = json.loads(capsys.readouterr().out)
    inputs = {entry["name"]: entry for entry in told["inputs"]}
    assert set(inputs) == {"age", "town", "grade", "member"}
    texts = [name for name, entry in inputs.items() if entry["type"] == "string"]
    assert {inputs[name].pop("form") for name in texts} == {"NFC"}
    assert inputs == Predictor(model_path).inputs
    assert (inputs["age"]["type"], inputs["age"]["may_be_missing"]) == ("number", False)
    assert inputs["grade"]["closed"] is True
    assert told["target"]["classes"] == ["no", "yes"]
    assert "probability" in told["outputs"]


def test_of_no_model_there_is_none(tmp_path: Path, capsys: Any) -> None:
    assert main(["inspect", str(tmp_path / "no.onnx"), "--contract"]) == 2
    assert "There is no model" in capsys.readouterr().err

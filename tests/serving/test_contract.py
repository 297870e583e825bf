"""`throughline inspect --contract`: what a client must know of a model, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

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


@pytest.mark.parametrize("named", ["shop", "models/shop", "models/shop/model.onnx"])
def test_a_model_is_named_by_its_pipeline_folder_or_file(
    named: str, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "models" / "shop").mkdir(parents=True)
    (tmp_path / "models" / "shop" / "model.onnx").write_bytes(model_path.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", named, "--contract"]) == 0
    assert json.loads(capsys.readouterr().out)["target"]["classes"] == ["no", "yes"]


def test_of_no_model_there_is_none(tmp_path: Path, capsys: Any) -> None:
    assert main(["inspect", str(tmp_path / "no.onnx"), "--contract"]) == 2
    assert "There is no model" in capsys.readouterr().err

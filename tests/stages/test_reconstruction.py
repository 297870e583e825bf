"""An autoencoder through every stage: `target: features`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from tests.repositories import write_pipeline
from throughline.canary.canary import canary
from throughline.cli import main
from throughline.paths import Workspace, read_json
from throughline.preprocessing.graph.runtime import session_of
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage

DRAW = np.random.default_rng(0)
HIDDEN = DRAW.normal(size=120)
ROWS = {
    "litres": [round(float(x), 3) for x in 5 + HIDDEN],
    "grams": [round(float(x), 1) for x in 4000 + 900 * HIDDEN + 50 * DRAW.normal(size=120)],
    "share": [round(float(x), 4) for x in 1 / (1 + np.exp(-HIDDEN))],
    "open": [bool(x > 0) for x in HIDDEN],
    "town": ["abc"[i % 3] for i in range(120)],
}
ROWS["grams"][7] = None  # type: ignore[call-overload]
PIPELINE = {
    "title": "What is unlike the rest?",
    "task": "regression",
    "source": {"rows": ROWS},
    "target": "features",
    "columns": {
        "litres": {"scale": "standard"},
        "grams": {"scale": "robust", "impute": "median", "clip": [0, 6000]},
        "share": {"scale": "minmax"},
        "open": {},
    },
    "split": {"test": 0.25, "seed": 1},
    "network": [{"Dense": {"units": 2, "activation": "tanh"}}],
    "training": {"optimizer": {"Adam": {"learning_rate": 0.02}}, "epochs": 30, "batch_size": 16},
    "cross_validation": {"folds": 3},
    "gates": {"beat": ["mean"]},
    "compare": ["mean"],
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("reconstruction")
    workspace = write_pipeline(root, "sensors", PIPELINE)
    for stage in [each.name for each in stages_of({})]:
        run_stage(stage, "sensors", root)
    return workspace


def answers(workspace: Workspace, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    session = session_of(onnx.load(workspace.model))
    kinds = {"open": bool}
    fed = {
        each.name: rows[[each.name]].to_numpy(kinds.get(each.name, np.float32))
        for each in session.get_inputs()
    }
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, fed), strict=True))


def test_is_trained_on_what_it_is_given(built: Workspace) -> None:
    folder = built.training_data / "main"
    given, target = (np.load(folder / f"{name}.npy") for name in ("features", "target"))
    assert given.shape == (90, 4)
    np.testing.assert_array_equal(given, target)


def test_answers_in_the_columns_own_units_with_the_error_of_the_row(built: Workspace) -> None:
    folder = built.training_data / "main"
    rows, given = pd.read_parquet(folder / "rows.parquet"), np.load(folder / "features.npy")
    scale = read_json(folder / "prepared.json")["target"]["scale"]
    found = answers(built, rows)
    from throughline.training.save import load

    back = load(built.networks / "main").predict(given, verbose=0)
    own = back * np.array(scale["divide"]) + np.array(scale["subtract"])
    np.testing.assert_allclose(found["prediction"], own, rtol=1e-5, atol=1e-5)
    # As with Keras: np.mean((x - model.predict(x)) ** 2, axis=1).
    error = ((given - back) ** 2).mean(axis=1)
    np.testing.assert_allclose(found["reconstruction_error"], error, rtol=1e-4, atol=1e-6)


def test_is_measured_as_the_network_sees_the_columns(built: Workspace) -> None:
    report = read_json(built.evaluation / "report.json")["branches"]["main"]
    rows = pd.read_parquet(built.test_data / "main" / "rows.parquet")
    found = answers(built, rows)
    mse = report["metrics"]["mse"]["value"]
    assert mse == pytest.approx(found["reconstruction_error"].mean(), rel=1e-3)
    fill = pd.read_parquet(built.training_data / "main" / "rows.parquet")["grams"].median()
    actual = rows[list(PIPELINE["columns"])].fillna({"grams": fill})  # type: ignore[call-overload]
    actual = actual.assign(grams=actual["grams"].clip(0, 6000)).to_numpy(float)
    r2 = r2_score(actual, found["prediction"])
    assert report["metrics"]["r2"]["value"] == pytest.approx(r2, abs=1e-3)
    (mean,) = report["comparisons"]
    assert mean["name"] == "mean" and mean["metrics"]["mse"]["value"] > 2 * mse
    assert [entry["column"] for entry in report["reconstruction"]["columns"]] == [
        "litres", "grams", "share", "open",
    ]  # fmt: skip
    bound = report["reconstruction"]["rows"][1]
    beyond = (found["reconstruction_error"] > bound["bound"]).mean()
    assert bound["beyond"] == pytest.approx(beyond, abs=0.04)
    page = (built.evaluation / "report.html").read_text()
    assert "gives back the 4 columns that it is given" in page
    assert "Rows that are unlike the others" in page


def test_a_row_unlike_the_others_stands_out(
    built: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new.jsonl"
    usual = {"litres": 5.0, "grams": 4000.0, "share": 0.5, "open": True}
    odd = usual | {"grams": 5800.0, "litres": 3.0}
    file.write_text("".join(json.dumps(row) + "\n" for row in (usual, odd)))
    assert main(["predict", str(built.model), str(file)]) == 0
    header, *lines = (line.split(",") for line in capsys.readouterr().out.splitlines())
    assert header[:5] == [
        "prediction[litres]", "prediction[grams]", "prediction[share]", "prediction[open]",
        "reconstruction_error",
    ]  # fmt: skip
    errors = [float(line[4]) for line in lines]
    assert errors[1] > 10 * errors[0]


def test_is_proved_and_leaks_nothing(
    built: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(built.root)
    assert main(["parity", "sensors"]) == 0
    assert "departs" not in capsys.readouterr().out
    proof = canary("sensors", built)
    assert not proof.moved and not proof.moved_folds

"""Several targets of one network through every stage: `targets`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest

from tests.repositories import write_pipeline
from throughline.canary.canary import canary
from throughline.cli import main
from throughline.paths import Workspace, read_json
from throughline.preprocessing.graph.runtime import session_of
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage

DRAW = np.random.default_rng(0)
COUNT = 160
AREA, ROOMS = DRAW.uniform(20, 150, COUNT), DRAW.integers(1, 6, COUNT)
PRICE = 2000 * AREA + 9000 * ROOMS + 12_000 * DRAW.normal(size=COUNT)
ROWS = {
    "area": [round(float(x), 1) for x in AREA],
    "rooms": [int(x) for x in ROOMS],
    "town": ["abc"[i % 3] for i in range(COUNT)],
    "price": [round(float(x)) for x in PRICE],
    "sold": ["yes" if x < 150_000 else "no" for x in PRICE],
    "size": [
        "small" if a < 60 else "usual" if a < 110 else "large"
        for a in AREA + 8 * DRAW.normal(size=COUNT)
    ],
    "lift": [int(r + DRAW.normal() > 3) for r in ROOMS],
    "garden": [int(a + 20 * DRAW.normal() > 100) for a in AREA],
}
PIPELINE = {
    "title": "What will a flat cost, and will it sell?",
    "source": {"rows": ROWS},
    "targets": {
        "price": {"task": "regression", "loss": "mae", "scale": "standard", "unit": "€",
                  "weight": 0.5, "metrics": ["mae"]},
        "sold": {"task": "binary"},
        "size_of": {"task": "multiclass", "column": "size"},
        "has": {"task": "multilabel", "columns": ["lift", "garden"]},
    },
    "columns": {
        "area": {"scale": "standard"},
        "rooms": {"scale": "standard"},
        "town": {"encode": "one-hot"},
    },
    "split": {"test": 0.25, "stratify": "size", "seed": 1},
    "network": {
        "layers": [
            {"Dense": {"units": 16, "activation": "relu"}, "name": "shared"},
            {"Output": {}, "name": "price"},
            {"Output": {}, "name": "size_of"},
            {"Output": {}, "name": "has"},
            {"Dense": {"units": 4, "activation": "tanh"}},
            {"Output": {}, "name": "sold"},
        ]
    },
    "training": {
        "optimizer": {"Adam": {"learning_rate": 0.02}},
        "epochs": {"max": 30, "patience": 10, "monitor": "val_sold.accuracy"},
        "validation": 0.2,
        "batch_size": 16,
    },
    "cross_validation": {"folds": 3},
    "compare": ["price.mean", {"price.LinearRegression": {}}, "sold.LogisticRegression"],
    "gates": {"beat": ["price.mean"], "price.mae": "<= 60000", "lower(sold.accuracy)": ">= 0.5"},
    "slices": [{"column": "town"}],
    "variants": {
        "bare": {
            "network": [],
            "columns": {"town": {"encode": "target", "scale": "standard"}},
            "targets": {"price": {"weight": 2.0}},
        }
    },
}  # fmt: skip
OUTPUTS = [
    "price", "sold_probability", "sold_label", "size_of_probabilities", "size_of_label",
    "has_probabilities", "has_labels",
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("several")
    workspace = write_pipeline(root, "flats", PIPELINE)
    for stage in [each.name for each in stages_of({})]:
        run_stage(stage, "flats", root)
    return workspace


def answers(workspace: Workspace, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    session = session_of(onnx.load(workspace.model))
    fed = {
        each.name: rows[[each.name]].to_numpy(object if each.name == "town" else np.float32)
        for each in session.get_inputs()
    }
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, fed), strict=True))


def test_targets_lie_side_by_side_each_scaled_by_itself(built: Workspace) -> None:
    folder = built.training_data / "main"
    rows, target = pd.read_parquet(folder / "rows.parquet"), np.load(folder / "target.npy")
    assert target.shape == (120, 5) and target.dtype == np.float32
    price = rows["price"].to_numpy(float)
    np.testing.assert_allclose(target[:, 0], (price - price.mean()) / price.std(), atol=1e-5)
    np.testing.assert_array_equal(target[:, 1], rows["sold"] == "yes")
    classes = sorted(set(rows["size"]))
    np.testing.assert_array_equal(target[:, 2], rows["size"].map(classes.index))
    np.testing.assert_array_equal(target[:, 3:], rows[["lift", "garden"]])


def test_the_model_answers_each_as_its_network_does(built: Workspace) -> None:
    """By Keras' own outputs, with the scaling and the labels undone by hand."""
    from throughline.training.save import load

    folder = built.training_data / "main"
    rows, given = pd.read_parquet(folder / "rows.parquet"), np.load(folder / "features.npy")
    found = answers(built, rows)
    assert list(found) == OUTPUTS
    price, sold, size, has = np.split(
        load(built.networks / "main").predict(given, verbose=0), [1, 2, 5], axis=1
    )
    known = rows["price"].to_numpy(float)
    own = price[:, 0] * known.std() + known.mean()
    np.testing.assert_allclose(found["price"], own, rtol=1e-4)
    np.testing.assert_allclose(found["sold_probability"], sold[:, 0], atol=1e-5)
    np.testing.assert_allclose(found["size_of_probabilities"], size, atol=1e-5)
    np.testing.assert_allclose(found["has_probabilities"], has, atol=1e-5)
    assert set(found["sold_label"]) == {"yes", "no"}
    np.testing.assert_array_equal(found["sold_label"] == "yes", found["sold_probability"] >= 0.5)
    classes = np.array(sorted(set(rows["size"])))
    np.testing.assert_array_equal(found["size_of_label"], classes[size.argmax(axis=1)])
    np.testing.assert_array_equal(found["has_labels"], has >= 0.5)


def test_each_output_is_proved(built: Workspace) -> None:
    proved = read_json(built.parity)["main"]["outputs"]
    assert [each["output"] for each in proved][2:] == OUTPUTS
    assert all(each["passed"] for each in proved)


def test_an_encoding_by_the_target_is_one_for_each(built: Workspace) -> None:
    (names,) = read_json(built.training_data / "bare" / "prepared.json")["features"].values()
    assert names == [
        "area", "rooms", "town:price.price", "town:sold.sold", "town:size_of.large",
        "town:size_of.small", "town:size_of.usual", "town:has.lift", "town:has.garden",
    ]  # fmt: skip


def test_the_contract_names_each_target(
    built: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(built.model), "--contract"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["outputs"] == OUTPUTS and told["task"] == "several"
    each = {entry["name"]: entry for entry in told["target"]["targets"]}
    assert list(each) == ["price", "sold", "size_of", "has"]
    assert each["price"]["unit"] == "€" and each["price"]["task"] == "regression"
    assert each["sold"]["classes"] == ["no", "yes"]
    assert each["size_of"]["columns"] == ["size"]
    assert each["sold"]["answers"] == {"probability": "sold_probability", "label": "sold_label"}


def test_figures_are_those_of_each_target_alone(built: Workspace) -> None:
    rows = pd.read_parquet(built.test_data / "main" / "rows.parquet")
    found, report = answers(built, rows), read_json(built.evaluation / "report.json")
    figures = report["branches"]["main"]["metrics"]
    mae = np.abs(found["price"] - rows["price"]).mean()
    assert figures["price.mae"]["value"] == pytest.approx(mae, rel=1e-3)
    assert figures["price.mae"]["low"] < mae < figures["price.mae"]["high"]
    right = (found["sold_label"] == rows["sold"]).mean()
    assert figures["sold.accuracy"]["value"] == pytest.approx(right, abs=1e-5)
    right = (found["size_of_label"] == rows["size"]).mean()
    assert figures["size_of.accuracy"]["value"] == pytest.approx(right, abs=1e-5)
    right = (found["has_labels"] == rows[["lift", "garden"]]).to_numpy().mean()
    assert figures["has.accuracy"]["value"] == pytest.approx(right, abs=1e-5)
    assert {"price.train_mae", "price.cv_mae", "sold.cv_accuracy"} <= set(figures)
    assert read_json(built.metrics)["price.mae"] == figures["price.mae"]["value"]
    names = [each["name"] for each in report["branches"]["main"]["comparisons"]]
    assert names == [
        "price.mean", "price.LinearRegression", "sold.majority", "sold.LogisticRegression",
        "size_of.majority", "has.majority",
    ]  # fmt: skip
    assert [gate["gate"] for gate in report["gates"]] == [
        "beat price.mean", "price.mae <= 60000", "lower(sold.accuracy) >= 0.5",
    ]  # fmt: skip
    assert all(gate["holds"] for gate in report["gates"])
    assert report["targets"]["sold"]["branches"]["main"]["confusion"]


def test_folds_score_each_target_in_its_own_unit(built: Workspace) -> None:
    scores = read_json(built.cross_validation / "scores.json")
    assert set(scores["main"]["metrics"]) == {
        "loss", "price.loss", "price.mae", "sold.loss", "sold.accuracy", "size_of.loss",
        "size_of.accuracy", "has.loss", "has.accuracy",
    }  # fmt: skip
    # Euros, not standard deviations.
    assert scores["main"]["metrics"]["price.mae"]["mean"] > 1000
    assert scores["main"]["metrics"]["price.loss"]["mean"] == pytest.approx(
        scores["main"]["metrics"]["price.mae"]["mean"], rel=1e-4
    )
    assert scores["main"]["metrics"]["loss"]["mean"] < 10
    assert "2 × mae of price" in scores["settings"]["bare"]["loss"]


def test_the_report_has_a_section_of_each(built: Workspace) -> None:
    page = (built.evaluation / "report.html").read_text()
    for name in ("price", "sold", "size_of", "has"):
        assert f'<h2 id="target-{name}">{name}</h2>' in page
    assert "estimates “price” in €" in page and "predicts “sold”" in page
    assert '<h3 id="sold-classes">' in page and page.count('id="figures"') == 0
    assert (built.evaluation / "price" / "residuals.csv").exists()
    assert (built.evaluation / "sold" / "confusion.csv").exists()


def test_predict_has_columns_of_each(
    built: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new.csv"
    file.write_text("area,rooms,town\n30,1,a\n140,5,b\n")
    assert main(["predict", str(built.model), str(file)]) == 0
    header, *lines = csv.reader(capsys.readouterr().out.splitlines())
    assert header == [
        "price", "sold_probability[yes]", "sold_label", "size_of_probabilities[large]",
        "size_of_probabilities[small]", "size_of_probabilities[usual]", "size_of_label",
        "has_probabilities[lift]", "has_probabilities[garden]", "has_labels[lift]",
        "has_labels[garden]", "outside_training",
    ]  # fmt: skip
    small, large = (dict(zip(header, line, strict=True)) for line in lines)
    assert float(small["price"]) < 120_000 < float(large["price"])
    assert small["sold_label"] == "yes" and large["sold_label"] == "no"
    assert small["size_of_label"] == "small" and large["size_of_label"] == "large"


def test_is_proved_and_leaks_nothing(
    built: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(built.root)
    assert main(["parity", "flats"]) == 0
    assert "departs" not in capsys.readouterr().out
    assert main(["check", "flats"]) == 0
    proof = canary("flats", built)
    assert not proof.moved and not proof.moved_folds

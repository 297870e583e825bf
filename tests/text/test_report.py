"""What the report says of texts, on a small pipeline that went through every stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.repositories import write_pipeline
from throughline.evaluation.compare.ngram import NGram
from throughline.evaluation.measure.confusions import confused
from throughline.evaluation.outcome import Outcome
from throughline.paths import Workspace, read_json
from throughline.serving.predictor import Predictor
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage

GOOD, BAD = ("wonderful", "gripping", "warm"), ("dull", "empty", "clumsy")
FILLING = ("film", "story", "actor", "scene", "end")


def sentences() -> dict[str, list]:
    """Sentences with one telling word each; every tenth has the wrong label."""
    generator = np.random.default_rng(0)
    rows: dict[str, list] = {"text": [], "label": []}
    for number in range(300):
        label = number % 2
        words = [*generator.choice(FILLING, 4), generator.choice(GOOD if label else BAD)]
        rows["text"].append(" ".join(generator.permutation(words)))
        rows["label"].append(["no", "yes"][label if number % 10 else 1 - label])
    return rows


PIPELINE = {
    "title": "Is it good?",
    "task": "binary",
    "source": {"rows": sentences()},
    "target": {"column": "label", "classes": ["no", "yes"]},
    "columns": {"text": {"text": {"encode": "counts"}}},
    "split": {"test": 0.3, "seed": 0},
    "training": {"optimizer": {"Adam": {"learning_rate": 0.05}}, "epochs": 30},
    "compare": ["majority", "LogisticRegression"],
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = write_pipeline(tmp_path_factory.mktemp("repository"), "films", PIPELINE)
    for stage in [each.name for each in stages_of({})]:
        run_stage(stage, "films", workspace.root)
    return workspace


@pytest.fixture(scope="module")
def texts(built: Workspace) -> dict:
    return read_json(built.evaluation / "report.json")["branches"]["main"]["texts"]


class TestMostWrongTexts:
    def test_are_wrong_and_the_surest_first(self, texts: dict) -> None:
        wrong = texts["wrong"]
        assert wrong
        assert all(entry["actual"] != entry["predicted"] for entry in wrong)
        sure = [entry["probability"] for entry in wrong]
        assert sure == sorted(sure, reverse=True)

    def test_name_the_word_that_misled(self, texts: dict) -> None:
        for entry in texts["wrong"]:
            telling = GOOD if entry["predicted"] == "yes" else BAD
            assert entry["words"][0]["word"] in telling
            assert entry["words"][0]["weight"] > 0

    def test_stand_in_the_page(self, built: Workspace) -> None:
        page = (built.evaluation / "report.html").read_text()
        assert "Most wrong texts" in page
        assert "What single words say" in page


class TestWordWeights:
    def test_are_those_of_the_linear_model(self, built: Workspace, texts: dict) -> None:
        from throughline.export.graph.weights import read_weights

        folder = built.networks / "main"
        weights = read_weights(folder / "network.weights.h5", read_json(folder / "network.json"))
        kernel = next(
            array
            for layer in weights.values()
            for array in (layer.values() if isinstance(layer, dict) else layer)
            if np.asarray(array).ndim == 2
        )
        prepared = read_json(built.training_data / "main" / "prepared.json")
        names = [name.removeprefix("text=") for name in prepared["features"]["features"]]
        by_word = dict(zip(names, np.asarray(kernel)[:, 0].tolist(), strict=True))
        positive = texts["weights"][1]["words"]
        assert {entry["word"] for entry in positive[:3]} == set(GOOD)
        for entry in positive:
            # A report says two decimals: more would follow the processor.
            assert entry["weight"] == round(entry["weight"], 2)
            assert entry["weight"] == pytest.approx(by_word[entry["word"]], abs=5e-3 + 1e-3)


class TestTrainingAndServing:
    def test_see_the_same_numbers(self, built: Workspace) -> None:
        folder = built.training_data / "main"
        rows = pd.read_parquet(folder / "rows.parquet")
        fresh = Predictor(folder / "preprocess.onnx").predict({"text": rows["text"].tolist()})
        np.testing.assert_array_equal(fresh["features"], np.load(folder / "features.npy"))


class TestConfusedPairs:
    def test_are_counted_without_the_right_ones(self) -> None:
        actual = np.array([0, 0, 0, 1, 1, 2])
        predicted = np.array([1, 1, 0, 1, 2, 2])
        outcome = Outcome("multiclass", actual, predicted, None, ("a", "b", "c"))
        assert confused(outcome) == [
            {"actual": "a", "predicted": "b", "rows": 2, "share": 2 / 3},
            {"actual": "b", "predicted": "c", "rows": 1, "share": 0.5},
        ]


class TestTheTrigramBaseline:
    def test_predicts_what_came_next_most_often(self) -> None:
        contexts = np.array([[1, 2], [1, 2], [1, 2], [2, 1]])
        model = NGram(3).fit(contexts, np.array([5, 5, 7, 5]))
        assert model.predict(np.array([[1, 2], [2, 1]])).tolist() == [5, 5]
        shares = model.predict_proba(np.array([[1, 2], [9, 9]]))
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert shares[0, 0] > 0.6

    def test_falls_back_to_shorter_contexts(self) -> None:
        contexts = np.array([[1, 2], [1, 2], [3, 4]])
        model = NGram(3).fit(contexts, np.array([0, 0, 1]))
        # 9 4 was never seen, 4 alone was.
        assert model.predict(np.array([[9, 4]])).tolist() == [1]

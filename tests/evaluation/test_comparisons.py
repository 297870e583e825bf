"""Comparison models, calibration and the picture: the parts on their own."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn import linear_model, metrics

from throughline.errors import BadPipeline
from throughline.evaluation.compare.comparisons import (
    MODULES,
    Prepared,
    compared,
    refused_values,
    titles,
)
from throughline.evaluation.measure.calibration import calibration, roc
from throughline.evaluation.outcome import Outcome, Target
from throughline.pipeline.schema.judgement import CLASSICAL, Comparison
from throughline.report.chart import ticks
from throughline.report.picture import data_address


def prepared(task: str, seed: int = 0) -> Prepared:
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(260, 3)).astype(np.float32)
    number = features @ np.array([1.0, -2.0, 0.5]) + 0.3 * generator.normal(size=260)
    answers = {
        "binary": (number > 0.8).astype(np.int64),
        "multiclass": np.digitize(number, [-1, 1]),
        "multilabel": np.column_stack([number > 0, features[:, 0] > 0.5]).astype(np.int64),
        "regression": number[:, None],
    }[task]
    classes = {"binary": (0, 1), "multiclass": ("a", "b", "c")}.get(task)
    target = Target(task, ("t", "u")[: 1 + (task == "multilabel")], classes, 0.0, 1.0, "")
    return Prepared(features[:200], answers[:200], features[200:], answers[200:], target)


class TestAComparison:
    @pytest.mark.parametrize(
        ("model", "arguments", "said"),
        [
            ("LogisticRegression", {"C": -1}, "The 'C' parameter of LogisticRegression must be"),
            ("RandomForestClassifier", {"criterion": "mse"}, "Got 'mse' instead"),
            ("KNeighborsClassifier", {"n_neighbors": 500}, "Expected n_neighbors <= n_samples_fit"),
            ("LogisticRegression", {"penalty": "l1", "solver": "lbfgs"}, "Change penalty, solver"),
        ],
    )
    def test_of_wrong_values_is_refused_in_a_line(
        self, model: str, arguments: dict[str, Any], said: str
    ) -> None:
        comparison = Comparison(model=model, arguments=arguments)
        with pytest.raises(BadPipeline, match=re.escape(said)) as caught:
            compared(comparison, prepared("binary"))
        assert "\n" not in str(caught.value)

    def test_of_wrong_values_is_known_before_there_are_rows(self) -> None:
        assert refused_values("SVC", {"kernel": "rbff"}).startswith("The 'kernel' parameter of SVC")
        assert refused_values("NGram", {"n": 2}) == refused_values("SVC", {"C": 2}) == ""

    def test_with_every_name_of_the_schema_is_possible(self) -> None:
        assert set(MODULES) == set(CLASSICAL)

    @pytest.mark.parametrize("name", CLASSICAL)
    def test_learns(self, name: str) -> None:
        number = name.endswith("Regressor") or name in ("SVR", "LinearRegression")
        rows = prepared("regression" if number else "multiclass")
        few = {"max_iter": 10} if name.startswith("Hist") else {}
        outcome = compared(Comparison(model=name, arguments=few), rows)
        trivial = compared(Comparison(model="mean" if number else "majority"), rows)
        if number:
            error = np.abs(outcome.predicted - outcome.actual).mean()
            assert error < 0.6 * np.abs(trivial.predicted - trivial.actual).mean()
        else:
            right = (outcome.predicted == outcome.actual).mean()
            assert right > (trivial.predicted == trivial.actual).mean() + 0.2

    @pytest.mark.parametrize("name", ["LogisticRegression", "KNeighborsClassifier", "SVC"])
    def test_answers_several_labels(self, name: str) -> None:
        outcome = compared(Comparison(model=name), prepared("multilabel"))
        assert outcome.predicted.shape == (60, 2)
        assert (outcome.predicted == outcome.actual).mean() > 0.8

    def test_takes_its_arguments(self) -> None:
        rows = prepared("binary")
        ours = compared(Comparison(model="LogisticRegression", arguments={"C": 0.01}), rows)
        theirs = linear_model.LogisticRegression(C=0.01).fit(rows.features, rows.answers)
        expected = theirs.predict_proba(rows.test_features)
        np.testing.assert_allclose(ours.probabilities, expected)

    def test_of_shuffled_labels_sees_training_answers_alone(self) -> None:
        rows = prepared("binary")
        other = Prepared(
            rows.features, rows.answers, rows.test_features, 1 - rows.actual, rows.target
        )
        shuffled = Comparison(model="shuffled-labels")
        first, second = (compared(shuffled, each).predicted for each in (rows, other))
        np.testing.assert_array_equal(first, second)
        assert first.mean() == pytest.approx(rows.answers.mean(), abs=0.15)

    def test_of_the_majority_has_the_shares_as_probabilities(self) -> None:
        rows = prepared("binary")
        outcome = compared(Comparison(model="majority"), rows)
        assert not outcome.predicted.any()
        np.testing.assert_allclose(outcome.probabilities[:, 1], rows.answers.mean())

    def test_twice_gets_two_names(self) -> None:
        models = [Comparison(model="SVC"), Comparison(model="SVC", arguments={"C": 2})]
        assert titles(models) == ["SVC", "SVC 2"]


def sure(happened: np.ndarray, probability: np.ndarray) -> Outcome:
    both = np.column_stack([1 - probability, probability])
    return Outcome("binary", happened, (probability > 0.5).astype(int), both, ("no", "yes"))


class TestCalibration:
    def test_of_honest_probabilities_has_no_error(self) -> None:
        generator = np.random.default_rng(0)
        probability = generator.random(200_000)
        happened = (generator.random(200_000) < probability).astype(np.int64)
        found = calibration(sure(happened, probability))
        assert found["expected_error"] < 0.005
        assert sum(entry["rows"] for entry in found["bins"]) == 200_000

    def test_of_a_model_that_is_always_sure_has_its_share_of_mistakes(self) -> None:
        happened = (np.arange(100) < 30).astype(np.int64)
        assert calibration(sure(happened, np.ones(100)))["expected_error"] == pytest.approx(0.7)


class TestARocCurve:
    def test_has_the_area_that_the_figures_say(self) -> None:
        generator = np.random.default_rng(3)
        happened = generator.integers(2, size=150)
        probability = np.round(0.3 * happened + 0.7 * generator.random(150), 2)
        curve = roc(sure(happened, probability))
        area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(curve))
        assert area == pytest.approx(metrics.roc_auc_score(happened, probability))

    def test_needs_both_classes(self) -> None:
        assert roc(sure(np.ones(9, dtype=np.int64), np.linspace(0, 1, 9))) == []


class TestAPicture:
    def test_is_a_png_of_these_pixels(self) -> None:
        colours = np.random.default_rng(0).integers(256, size=(190, 120, 3), dtype=np.uint8)
        png = base64.b64decode(data_address(colours).partition(",")[2])
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", png[16:24]) == (120, 190)
        length = struct.unpack(">I", png[33:37])[0]
        lines = np.frombuffer(zlib.decompress(png[41 : 41 + length]), np.uint8).reshape(190, 361)
        np.testing.assert_array_equal(lines[:, 1:].reshape(190, 120, 3), colours)


class TestTicks:
    @pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 8.1), (1e-5, 3e-5), (0, 14999)])
    def test_are_few_round_and_inside(self, low: float, high: float) -> None:
        found = ticks(low, high)
        assert 3 <= len(found) <= 7
        assert low - 1e-12 <= found[0] <= found[-1] <= high + 1e-9

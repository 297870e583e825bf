"""Figures agree with scikit-learn's, and their intervals with what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from throughline.evaluation.intervals.resamples import RESAMPLES, Resamples, interval, wilson
from throughline.evaluation.measure.classification import (
    confusion,
    per_class,
    roc_auc,
    roc_auc_draws,
)
from throughline.evaluation.measure.difference import Choice, difference
from throughline.evaluation.measure.measure import measured
from throughline.evaluation.outcome import Outcome


def classified(seed: int, rows: int, classes: int, steps: int = 1000) -> Outcome:
    """Answers that are right more often than not; few `steps` make equal scores frequent."""
    generator = np.random.default_rng(seed)
    actual = generator.integers(classes, size=rows)
    scores = generator.random((rows, classes)) + 0.7 * (np.arange(classes) == actual[:, None])
    probabilities = np.round(scores / scores.sum(axis=1, keepdims=True) * steps) / steps
    probabilities[:, 0] += 1 - probabilities.sum(axis=1)
    predicted = probabilities.argmax(axis=1)
    names = tuple(f"c{i}" for i in range(classes))
    task = "binary" if classes == 2 else "multiclass"
    return Outcome(task, actual, predicted, probabilities, names)


def numbers(seed: int, rows: int, targets: int = 1) -> Outcome:
    generator = np.random.default_rng(seed)
    actual = generator.normal(50, 10, size=(rows, targets))
    predicted = actual + generator.normal(1, 4, size=(rows, targets))
    return Outcome("regression", actual, predicted, None, tuple("abc"[:targets]))


def values(outcome: Outcome) -> dict[str, float]:
    figures = measured(outcome, Resamples(len(outcome)))
    return {name: figure["value"] for name, figure in figures.items()}


class TestFiguresOfTwoClasses:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 10_000), st.integers(12, 90), st.sampled_from([5, 1000]))
    def test_are_scikit_learns(self, seed: int, rows: int, steps: int) -> None:
        outcome = classified(seed, rows, 2, steps)
        ours, actual, predicted = values(outcome), outcome.actual, outcome.predicted
        probability = np.clip(outcome.probabilities[:, 1], 1e-7, 1 - 1e-7)
        assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(actual, predicted))
        assert ours["roc_auc"] == pytest.approx(metrics.roc_auc_score(actual, probability))
        if ((probability > 1e-6) & (probability < 1 - 1e-6)).all():
            assert ours["loss"] == pytest.approx(metrics.log_loss(actual, probability))
        if predicted.any():
            assert ours["precision"] == pytest.approx(metrics.precision_score(actual, predicted))
        assert ours["recall"] == pytest.approx(metrics.recall_score(actual, predicted))
        assert ours["f1"] == pytest.approx(metrics.f1_score(actual, predicted))

    def test_that_are_undefined_are_left_out(self) -> None:
        never = np.zeros(20, dtype=np.int64)
        outcome = Outcome("binary", never, never, np.tile([0.9, 0.1], (20, 1)), ("no", "yes"))
        assert set(values(outcome)) == {"accuracy", "loss"}


class TestFiguresOfSeveralClasses:
    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 10_000), st.integers(20, 80), st.integers(3, 6))
    def test_are_scikit_learns(self, seed: int, rows: int, classes: int) -> None:
        outcome = classified(seed, rows, classes)
        ours, pair = values(outcome), (outcome.actual, outcome.predicted)
        macro = {"average": "macro", "zero_division": 0}
        assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(*pair))
        assert ours["macro_f1"] == pytest.approx(metrics.f1_score(*pair, **macro))
        assert ours["macro_precision"] == pytest.approx(metrics.precision_score(*pair, **macro))
        assert ours["macro_recall"] == pytest.approx(metrics.recall_score(*pair, **macro))
        assert confusion(outcome).tolist() == (
            metrics.confusion_matrix(*pair, labels=range(classes)).tolist()
        )

    def test_of_each_class_are_scikit_learns(self) -> None:
        outcome = classified(3, 200, 4)
        expected = metrics.precision_recall_fscore_support(outcome.actual, outcome.predicted)
        found = [
            [entry[key] for entry in per_class(outcome)]
            for key in ("precision", "recall", "f1", "support")
        ]
        np.testing.assert_allclose(found, expected)


class TestFiguresOfLabels:
    def test_are_scikit_learns(self) -> None:
        generator = np.random.default_rng(5)
        actual = generator.integers(2, size=(80, 3))
        probabilities = np.clip(0.5 * actual + 0.5 * generator.random((80, 3)), 0.01, 0.99)
        predicted = (probabilities > 0.5).astype(np.int64)
        ours = values(Outcome("multilabel", actual, predicted, probabilities, ("a", "b", "c")))
        assert ours["accuracy"] == pytest.approx((actual == predicted).mean())
        assert ours["exact_match"] == pytest.approx(metrics.accuracy_score(actual, predicted))
        for average in ("micro", "macro"):
            expected = metrics.f1_score(actual, predicted, average=average)
            assert ours[f"{average}_f1"] == pytest.approx(expected)


class TestFiguresOfNumbers:
    @pytest.mark.parametrize("targets", [1, 3])
    def test_are_scikit_learns(self, targets: int) -> None:
        outcome = numbers(1, 60, targets)
        ours, pair = values(outcome), (outcome.actual, outcome.predicted)
        assert ours["mae"] == pytest.approx(metrics.mean_absolute_error(*pair))
        assert ours["mse"] == pytest.approx(metrics.mean_squared_error(*pair))
        assert ours["rmse"] == pytest.approx(metrics.mean_squared_error(*pair) ** 0.5)
        assert ours["r2"] == pytest.approx(metrics.r2_score(*pair))

    def test_have_no_r2_for_a_constant_target(self) -> None:
        outcome = Outcome("regression", np.ones((9, 1)), np.zeros((9, 1)), None, ("a",))
        assert set(values(outcome)) == {"mae", "mse", "rmse"}


class TestIntervals:
    def test_of_a_share_are_those_of_the_binomial(self) -> None:
        right = np.arange(400) < 300
        draws = Resamples(400).sums(right[:, None])[:, 0] / 400
        low, high = interval(draws)
        spread = 1.96 * (0.75 * 0.25 / 400) ** 0.5
        assert low == pytest.approx(0.75 - spread, abs=0.006)
        assert high == pytest.approx(0.75 + spread, abs=0.006)

    def test_are_the_same_for_many_rows_drawn_one_by_one(self) -> None:
        for rows in (1999, 2001):
            figure = measured(numbers(7, rows), Resamples(rows))["mae"]
            errors = np.abs(numbers(7, rows).predicted - numbers(7, rows).actual)
            half = 1.96 * errors.std() / rows**0.5
            assert figure["high"] - figure["low"] == pytest.approx(2 * half, rel=0.06)

    @pytest.mark.parametrize("steps", [20, 1000])
    def test_of_the_roc_area_are_linear_in_many_rows(self, steps: int) -> None:
        outcome, draws = classified(11, 2400, 2, steps), Resamples(2400)
        quick = roc_auc_draws(outcome, draws)
        exact = np.concatenate([roc_auc(outcome, weights) for weights in draws.weights()])
        assert np.corrcoef(quick, exact)[0, 1] > 0.99
        width = np.subtract(*interval(exact)[::-1])
        np.testing.assert_allclose(interval(quick), interval(exact), atol=0.03 * width)

    def test_repeat_and_are_shared_by_all_models_of_the_same_rows(self) -> None:
        first, second = (np.concatenate(list(Resamples(50).weights())) for _ in range(2))
        assert first.shape == (RESAMPLES, 50)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first.sum(axis=1), 50)

    def test_are_the_same_whether_draws_are_kept_or_drawn_again(self) -> None:
        draws = Resamples(2500)
        np.testing.assert_array_equal(*(np.concatenate(list(draws.weights())) for _ in range(2)))

    def test_do_not_call_thirty_right_of_thirty_certain(self) -> None:
        right = classified(0, 30, 3)
        perfect = Outcome(
            "multiclass", right.actual, right.actual, right.probabilities, right.names
        )
        figure = measured(perfect, Resamples(30))["accuracy"]
        assert (figure["value"], figure["method"]) == (1.0, "wilson")
        assert figure["low"] == pytest.approx(0.8865, abs=1e-4)

    def test_of_a_perfect_recall_count_the_positive_rows_alone(self) -> None:
        actual = (np.arange(100) < 20).astype(np.int64)
        sure = np.column_stack([1 - actual, actual]).astype(float)
        figures = measured(Outcome("binary", actual, actual, sure, ("no", "yes")), Resamples(100))
        assert figures["recall"]["low"] == pytest.approx(1 - 0.1611, abs=5e-5)
        assert figures["accuracy"]["low"] > figures["recall"]["low"]

    def test_of_wilson_are_the_published_ones(self) -> None:
        # Newcombe 1998, table I, method 3.
        np.testing.assert_allclose(wilson(81, 263), (0.2553, 0.3662), atol=5e-5)
        np.testing.assert_allclose(wilson(0, 20), (0, 0.1611), atol=5e-5)


MAE = Choice("mae")


class TestADifference:
    def test_to_itself_is_none(self) -> None:
        outcome = classified(1, 100, 3)
        assert (
            difference(outcome, outcome, Resamples(100), Choice("loss"))["verdict"] == "not shown"
        )

    def test_has_the_good_side_of_its_metric(self) -> None:
        outcome = numbers(1, 200)
        worse = Outcome("regression", outcome.actual, outcome.predicted + 8, None, outcome.names)
        ours = difference(outcome, worse, Resamples(200), MAE)
        assert ours["value"] < 0
        assert ours["verdict"] == "better"
        assert difference(worse, outcome, Resamples(200), MAE)["verdict"] == "worse"

    def test_is_paired(self) -> None:
        # Two models that are wrong on the same rows but one differ surely, whatever their scores.
        outcome = numbers(2, 300)
        nudged = outcome.predicted + 0.05 * np.sign(outcome.predicted - outcome.actual)
        theirs = Outcome("regression", outcome.actual, nudged, None, outcome.names)
        own = measured(outcome, Resamples(300))["mae"]
        ours = difference(outcome, theirs, Resamples(300), MAE)
        assert ours["verdict"] == "better"
        assert ours["high"] - ours["low"] < 0.02 * (own["high"] - own["low"])

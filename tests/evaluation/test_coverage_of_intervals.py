"""Intervals hold what they say: never certain, wider where rows are fewer or of a kind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.honesty import coverage as simulated
from benchmarks.honesty import draws as answers
from benchmarks.honesty import verdicts as compared
from benchmarks.honesty.__main__ import measure
from throughline.evaluation.intervals.blocks import (
    BlockResamples,
    block_length,
    remembered,
    understated,
)
from throughline.evaluation.intervals.clusters import ClusterResamples
from throughline.evaluation.intervals.resamples import Resamples, wilson
from throughline.evaluation.intervals.tails import beyond_the_largest
from throughline.evaluation.measure.calibration import calibration
from throughline.evaluation.measure.difference import Choice, difference, mid_p, paired_shares
from throughline.evaluation.measure.measure import measured
from throughline.evaluation.outcome import Outcome

NAMES = ("no", "yes")


def told(actual: np.ndarray, probability: np.ndarray) -> Outcome:
    table = np.column_stack([1 - probability, probability])
    return Outcome("binary", actual, (probability > 0.5).astype(np.int64), table, NAMES)


def errors(values: np.ndarray) -> Outcome:
    actual = np.linspace(0, 10, len(values))[:, None]
    return Outcome("regression", actual, actual + values[:, None], None, ("y",))


class TestNothingIsCertain:
    @pytest.mark.parametrize("rows", [8, 30, 200])
    def test_of_a_model_that_is_always_right(self, rows: int) -> None:
        actual = np.arange(rows) % 2
        figures = measured(told(actual, np.where(actual, 0.9, 0.1)), Resamples(rows))
        for name in ("accuracy", "roc_auc", "precision", "recall", "f1"):
            assert figures[name]["value"] == figures[name]["high"] == 1.0
            assert 0.4 < figures[name]["low"] < 0.999

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 10_000), st.integers(5, 60), st.integers(2, 5))
    def test_an_interval_holds_its_figure(self, seed: int, rows: int, classes: int) -> None:
        outcome = answers.of_many(np.random.default_rng(seed), rows, classes, 0.8)
        for figure in measured(outcome, Resamples(rows)).values():
            if figure["low"] is not None:
                assert figure["low"] <= figure["value"] <= figure["high"]

    def test_a_class_that_no_test_row_has_is_one_that_new_rows_have(self) -> None:
        actual = np.repeat([0, 1, 2], 20)
        for classes, predicted in ((3, actual), (4, np.where(np.arange(60) < 2, 3, actual))):
            names = tuple(f"c{number}" for number in range(classes))
            outcome = Outcome("multiclass", actual, predicted, np.eye(classes)[predicted], names)
            figure = measured(outcome, Resamples(60))["macro_f1"]
            # Answered for twice and never there, its F1 is 0 so far and may well be above .5.
            assert figure["high"] >= (1.0 if classes == 3 else figure["value"] + 0.12)

    def test_errors_that_are_all_the_same_have_none(self) -> None:
        figure = measured(errors(np.ones(30)), Resamples(30))["mae"]
        assert (figure["low"], figure["high"]) == (None, None)

    def test_few_rows_that_decide_are_said(self) -> None:
        values = np.full(60, 0.1)
        values[7] = 40.0
        figures = measured(errors(values), Resamples(60))
        assert figures["mse"]["decided_by"] == 1
        # A resample without that row would put the upper end anywhere.
        assert (figures["mse"]["low"], figures["mse"]["high"]) == (None, None)
        # Three that make half of it leave a resample enough to go by.
        third = np.linspace(-0.3, 0.3, 60)
        third[[7, 20, 40]] = 1.0
        some = measured(errors(third), Resamples(60))["mse"]
        assert some["decided_by"] in (2, 3)
        assert some["low"] is not None and some["high"] is not None
        assert 0 < some["low"] < some["value"] < some["high"] < 10 * some["value"]
        even = measured(errors(np.random.default_rng(0).normal(size=60)), Resamples(60))
        assert "decided_by" not in even["mae"]

    def test_errors_beyond_the_largest_add_what_a_pareto_tail_does(self) -> None:
        """The mean of what lies beyond the largest of as many rows, for a known tail."""
        generator = np.random.default_rng(0)
        index, rows = 0.4, 400
        found = [beyond_the_largest(generator.random(rows) ** -index) for _ in range(300)]
        largest = [float((generator.random(rows) ** -index).max()) for _ in range(3000)]
        expected = np.mean(largest) * index / (1 - index) / (rows + 1)
        assert np.mean(found) == pytest.approx(expected, rel=0.15)

    @given(
        # An error so small that a unit makes it 0 is another error there.
        st.lists(st.one_of(st.just(0.0), st.floats(1e-300, 1e6)), min_size=1, max_size=40),
        st.floats(1e-3, 1e3),
    )
    def test_errors_beyond_the_largest_have_its_unit(
        self, values: list[float], unit: float
    ) -> None:
        errors = np.array(values)
        added = beyond_the_largest(errors)
        most = 9 * errors.max() / (len(errors) + 1)
        assert 0 <= added <= most * (1 + 1e-15 * len(errors)) + 1e-9
        again = beyond_the_largest(errors * unit)
        assert again == pytest.approx(added * unit, rel=1e-9, abs=1e-9)

    @pytest.mark.parametrize(("tail", "true"), [("t", 5 / 3), ("lognormal", np.exp(2))])
    def test_heavy_tails_are_covered(self, tail: str, true: float) -> None:
        """Without what lies beyond the largest of 50 rows, 89 and 82 %."""
        generator, draws = np.random.default_rng(1), Resamples(50)
        held = []
        for _ in range(200):
            drawn = (
                generator.standard_t(5, 50) if tail == "t" else np.exp(generator.normal(size=50))
            )
            held.append(answers.covers("mse", true, errors(drawn), draws))
        told = [each for each in held if each is not None]
        assert len(told) > 100
        assert np.mean(told) >= 0.92


class TestGroups:
    def test_are_drawn_whole(self) -> None:
        groups = np.repeat(np.arange(6), 5)
        counts = np.concatenate(list(ClusterResamples(groups).weights()))
        assert (counts.reshape(-1, 6, 5) == counts.reshape(-1, 6, 5)[:, :, :1]).all()

    def test_make_an_interval_wider_where_they_are_alike(self) -> None:
        right = np.repeat(np.arange(20) % 4 > 0, 10)
        actual = np.arange(200) % 2
        outcome = told(actual, np.where(actual == right, 0.9, 0.1))
        widths = [
            figure["high"] - figure["low"]
            for draws in (Resamples(200), ClusterResamples(np.repeat(np.arange(20), 10)))
            for figure in [measured(outcome, draws)["accuracy"]]
        ]
        assert widths[1] > 2.5 * widths[0]

    def test_that_are_all_right_count_as_one_row_each(self) -> None:
        actual = np.arange(200) % 2
        outcome = told(actual, np.where(actual, 0.9, 0.1))
        figure = measured(outcome, ClusterResamples(np.repeat(np.arange(20), 10)))["accuracy"]
        assert figure["low"] == pytest.approx(wilson(20, 20)[0])


class TestBlocks:
    def test_are_two_horizons_or_as_long_as_losses_remember(self) -> None:
        noise = np.random.default_rng(0).normal(size=600)
        walk = noise.copy()
        for step in range(1, 600):
            walk[step] += 0.95 * walk[step - 1]
        assert remembered(noise) <= 6
        assert remembered(walk) > 20
        assert block_length(12, None, noise) == 24
        assert block_length(1, 24, noise) == 24
        assert block_length(1, None, walk) == remembered(walk)

    @pytest.mark.parametrize("values", [np.ones(50), np.arange(4.0), np.arange(300.0)])
    def test_have_a_length_whatever_the_losses(self, values: np.ndarray) -> None:
        assert 1 <= remembered(values) <= len(values)

    def test_that_are_too_short_say_by_how_much(self) -> None:
        noise = np.random.default_rng(0).normal(size=600)
        walk = noise.copy()
        for step in range(1, 600):
            walk[step] += 0.98 * walk[step - 1]
        assert understated(noise, 5) == pytest.approx(1.0, abs=0.15)
        assert understated(walk, 10) > understated(walk, 100) > 1.2
        assert understated(np.ones(100), 10) == 1.0

    def test_say_how_many_they_are(self) -> None:
        assert BlockResamples(np.arange(100), 10).units == 10


class TestAPairOfModels:
    def test_four_rows_to_none_show_nothing(self) -> None:
        gains = np.zeros(100)
        gains[:4] = 1
        low, high = paired_shares(4, 0, gains)
        assert low == 0.0
        assert high > 0.09
        gains[4:6] = 1
        assert paired_shares(6, 0, gains)[0] > 0

    def test_no_discordant_row_is_no_proof_of_equality(self) -> None:
        low, high = paired_shares(0, 0, np.zeros(50))
        assert low == pytest.approx(-high)
        assert high == pytest.approx(1 - wilson(50, 50)[0])

    def test_mid_p_is_the_published_one(self) -> None:
        # Fagerland, Lydersen and Laake 2013, table 1: airway hyper-responsiveness, 1 against 7.
        assert mid_p(1, 7) == pytest.approx(0.0391, abs=5e-5)
        assert mid_p(0, 0) == 1.0

    def test_intervals_are_those_of_tango(self) -> None:
        # Tango 1998, table III: 44 pairs, 9 against 1; the difference is .182 (.057, .321)... by
        # its own statistic: at each end it equals the quantile.
        low, high = paired_shares(26, 9, np.repeat([1.0, -1.0, 0.0], [26, 9, 65]))
        assert low < 0.17 < high
        assert 0.05 < low < 0.06
        assert 0.27 < high < 0.29

    def test_are_equal_within_a_margin_that_the_whole_interval_keeps(self) -> None:
        generator = np.random.default_rng(0)
        actual = generator.integers(2, size=2000)
        outcome = told(actual, np.clip(0.3 + 0.4 * actual + generator.normal(0, 0.2, 2000), 0, 1))
        near = told(actual, np.clip(outcome.probabilities[:, 1] + 0.001, 0, 1))
        verdicts = [
            difference(outcome, near, Resamples(2000), Choice("accuracy", margin))["verdict"]
            for margin in (None, 0.02, 0.0001)
        ]
        assert verdicts == ["not shown", "equal", "not shown"]

    def test_a_ranking_beats_the_majority_that_accuracy_does_not(self) -> None:
        outcome = answers.of_classes(np.random.default_rng(0), 1000, 2.0, 0.02)
        majority = told(outcome.actual, np.full(1000, 0.02))
        found = {
            name: difference(outcome, majority, Resamples(1000), Choice(name))["verdict"]
            for name in ("accuracy", "loss", "roc_auc")
        }
        assert found == {"accuracy": "not shown", "loss": "better", "roc_auc": "better"}

    def test_say_what_would_have_been_found(self) -> None:
        sizes = []
        for rows in (50, 800):
            ours, theirs = compared.two_models(np.random.default_rng(1), rows, 0.0)
            found = difference(ours, theirs, Resamples(rows), Choice("accuracy"))
            sizes.append(found["detectable"])
        assert sizes[0] > 0.1 > sizes[1]


class TestCalibration:
    def test_has_the_error_that_right_probabilities_have(self) -> None:
        generator = np.random.default_rng(0)
        for rows, least, most in ((30, 0.1, 0.25), (30_000, 0.0, 0.01)):
            probability = generator.random(rows)
            happened = (generator.random(rows) < probability).astype(np.int64)
            found = calibration(told(happened, probability))
            assert found is not None
            assert least < found["if_perfect"] < most
            assert found["expected_error"] < found["at_most_if_perfect"]
            wrong = calibration(told(1 - happened, probability))
            assert wrong is not None
            assert wrong["expected_error"] > wrong["at_most_if_perfect"]


@pytest.mark.slow
class TestCoverage:
    @pytest.mark.parametrize("part", [simulated.classes, simulated.groups, compared.verdicts])
    def test_is_what_is_said(self, part: answers.Part) -> None:
        for cell in part():
            if 50 <= cell.rows <= 2000 and "10 classes" not in cell.what:
                share, _ = measure(cell, 100)
                if cell.nominal == "95 %":
                    assert share >= 0.87, cell.what
                elif "at most" in cell.nominal:
                    assert share <= 0.12, cell.what

"""Intervals and verdicts on folds' scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.evaluation.measure.evaluated import figure_of
from throughline.figures.figure import Limits
from throughline.training.folds.intervals import corrected_interval, paired_verdict


def limits(name: str) -> Limits:
    return figure_of(name).limits


SCORES = st.lists(st.floats(0, 1), min_size=2, max_size=30)


class TestCorrectedInterval:
    def test_by_hand(self) -> None:
        # mean 0.8, sd 0.1, n = 3, test/train = 1/2: 4.302653 * 0.1 * sqrt(1/3 + 1/2)
        low, high = corrected_interval([0.7, 0.8, 0.9], 100, 50)
        assert high - 0.8 == pytest.approx(4.302653 * 0.1 * math.sqrt(5 / 6), rel=1e-6)
        assert low == pytest.approx(1.6 - high)

    @given(SCORES)
    def test_wider_than_the_plain_t_interval(self, scores: list[float]) -> None:
        low, high = corrected_interval(scores, 80, 20)
        narrow_low, narrow_high = corrected_interval(scores, 1e12, 1)
        assert low <= narrow_low + 1e-9 and high >= narrow_high - 1e-9
        assert low - 1e-9 <= np.mean(scores) <= high + 1e-9

    def test_covers_where_the_plain_interval_does_not(self) -> None:
        """The mean of a normal, estimated by ten 9:1 splits, 500 times over."""
        rng = np.random.default_rng(0)
        hits = {"corrected": 0, "plain": 0}
        for _ in range(500):
            rows = rng.normal(size=100)
            scores = [rng.permutation(rows)[:10].mean() for _ in range(10)]
            for name, sizes in (("corrected", (90, 10)), ("plain", (1e12, 1))):
                low, high = corrected_interval(scores, *sizes)
                hits[name] += low <= 0 <= high
        assert hits["corrected"] / 500 > 0.93
        assert hits["plain"] < hits["corrected"]

    def test_one_score_says_nothing(self) -> None:
        assert corrected_interval([0.5], 80, 20) == (-math.inf, math.inf)

    @given(SCORES, st.sampled_from(["accuracy", "roc_auc", "macro_f1"]))
    def test_of_a_share_stays_a_share(self, scores: list[float], metric: str) -> None:
        cut = corrected_interval(scores, 80, 20, within=limits(metric))
        free = corrected_interval(scores, 80, 20)
        assert cut == (max(0.0, free.low), min(1.0, free.high))

    def test_two_folds_of_an_error(self) -> None:
        found = corrected_interval([1.0, 9.0], 80, 20, within=limits("mae"))
        assert found.low == 0.0
        assert found.high > 9.0

    def test_a_loss_that_can_be_negative(self) -> None:
        found = corrected_interval([-0.9, -0.7], 80, 20, within=limits("loss"))
        assert found.low < -0.9
        assert found.high > -0.7

    @pytest.mark.parametrize("scores", [[], [0.5, math.nan]])
    def test_refuses_what_is_no_score(self, scores: list[float]) -> None:
        with pytest.raises(BadData):
            corrected_interval(scores, 80, 20)


class TestVerdict:
    def test_small_difference_is_no_difference(self) -> None:
        found = paired_verdict([0.8, 0.7, 0.9], [0.79, 0.72, 0.88], 80, 20, higher_is_better=True)
        assert found["verdict"] == "no difference"
        assert found["p_value"] > 0.05

    def test_follows_the_direction_of_the_score(self) -> None:
        low, high = [0.50, 0.51, 0.52, 0.50], [0.80, 0.82, 0.81, 0.83]
        assert paired_verdict(high, low, 75, 25, higher_is_better=True)["verdict"] == "better"
        assert paired_verdict(high, low, 75, 25, higher_is_better=False)["verdict"] == "worse"

    @given(SCORES)
    def test_a_model_against_itself(self, scores: list[float]) -> None:
        found = paired_verdict(scores, scores, 80, 20, higher_is_better=True)
        assert (found["verdict"], found["p_value"]) == ("no difference", 1.0)

    @given(SCORES, SCORES)
    def test_changing_sides_turns_the_verdict(self, a: list[float], b: list[float]) -> None:
        n = min(len(a), len(b))
        one = paired_verdict(a[:n], b[:n], 80, 20, higher_is_better=True)
        other = paired_verdict(b[:n], a[:n], 80, 20, higher_is_better=True)
        turned = {"better": "worse", "worse": "better", "no difference": "no difference"}
        assert other["verdict"] == turned[one["verdict"]]
        assert one["p_value"] == pytest.approx(other["p_value"])

    def test_refuses_scores_that_cannot_be_paired(self) -> None:
        with pytest.raises(BadData, match="same cross_validation"):
            paired_verdict([1, 2], [1, 2, 3], 80, 20, higher_is_better=True)

"""What folds chose is scored by folds that had no say, and seeds of a fold are one sample."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.honesty.selection import FOLDS, fold_scores
from throughline.evaluation.show.sweeps import prepared
from throughline.figures.learned import figure, loss
from throughline.report.page import piece
from throughline.training.folds.folded import of_folds, summary
from throughline.training.search.selection import selected

FOLDED = [(0, number) for number in range(FOLDS)]
SIZES = (80.0, 20.0)


class TestSelection:
    def test_of_equal_points_is_worth_what_each_is(self) -> None:
        generator = np.random.default_rng(0)
        printed, honest = [], []
        for _ in range(200):
            scores = fold_scores(generator, 24, 100, 1)
            printed.append(scores.mean(axis=1).max() - 0.75)
            found = selected(scores.tolist(), FOLDED, SIZES, figure("accuracy"))
            assert found is not None
            honest.append(found["mean"] - 0.75)
        assert np.mean(printed) > 0.04
        assert abs(np.mean(honest)) < 0.012

    def test_of_a_point_that_is_better_is_worth_it(self) -> None:
        scores = [[0.5, 0.6, 0.5, 0.6, 0.5], [0.9, 0.8, 0.9, 0.8, 0.9]]
        found = selected(scores, FOLDED, SIZES, figure("accuracy"))
        assert found is not None and found["mean"] == pytest.approx(0.86)
        # Of a loss the lower one is.
        least = selected(scores, FOLDED, SIZES, loss("mse"))
        assert least is not None and least["mean"] == pytest.approx(0.54)

    def test_asks_the_folds_of_the_same_shuffle_alone(self) -> None:
        folds = [(0, 0), (0, 1), (1, 2), (1, 3)]
        scores = [[1.0, 0.0, 0.9, 0.9], [0.0, 1.0, 0.1, 0.1]]
        found = selected(scores, folds, SIZES, figure("accuracy"))
        # In the first shuffle each fold's other one chooses the wrong point.
        assert found is not None and found["mean"] == pytest.approx((0 + 0 + 0.9 + 0.9) / 4)

    @pytest.mark.parametrize("scores", [[], [[0.1, 0.2, 0.3, 0.4, 0.5]]])
    def test_of_nothing_is_none(self, scores: list[list[float]]) -> None:
        assert selected(scores, FOLDED, SIZES, figure("accuracy")) is None

    def test_is_said_by_the_report(self) -> None:
        point = {"settings": {"rate": 0.1}, "metrics": {"loss": {"mean": 0.2, "sd": 0.1}}}
        sweep = {"points": [point, point], "best": 0, "by": "loss", "title": ""}
        honest = {"mean": 0.31, "low": 0.2, "high": 0.4}

        def section(found: dict[str, float] | None) -> str:
            every = prepared({"rate": sweep | {"selected": found}})
            return piece("evaluation/show/making.html", "sweeps", every)

        page = section(honest)
        assert "flatters its loss of 0.2" in page and ">0.31<" in page
        assert "flatters" not in section(None)


class TestSeeds:
    def test_of_a_fold_are_one_sample_of_rows(self) -> None:
        values = np.array([[0.7, 0.71, 0.7], [0.8, 0.79, 0.8], [0.9, 0.91, 0.9]])
        assert of_folds(values.ravel(), 3) == pytest.approx(values.mean(axis=1))
        one, three = (
            summary(figure("accuracy"), held, SIZES, seeds)
            for held, seeds in ((values[:, 0], 1), (values.ravel(), 3))
        )
        width = three["high"] - three["low"]
        assert width == pytest.approx(one["high"] - one["low"], rel=0.1)
        assert len(three["values"]) == 9

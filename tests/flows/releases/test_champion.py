"""The champion is replaced on evidence only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.evaluation.compare.champion import ERROR, decided, error_of_look, judged
from throughline.evaluation.compare.unseen import unseen_rows
from throughline.evaluation.intervals.resamples import Resamples
from throughline.evaluation.measure.difference import BETTER, EQUAL, NOT_SHOWN, WORSE, Choice
from throughline.evaluation.outcome import Outcome

ROWS = 200
ACCURACY = Choice("accuracy")


def answers(right: int, start: int = 0) -> Outcome:
    """The outcome of a binary model that is right on `right` rows from row `start` on."""
    actual = np.arange(ROWS) % 2
    correct = np.zeros(ROWS, bool)
    correct[(start + np.arange(right)) % ROWS] = True
    predicted = np.where(correct, actual, 1 - actual)
    probabilities = np.eye(2)[predicted]
    return Outcome("binary", actual, predicted, probabilities, ("no", "yes"))


class TestSeveralTargets:
    @pytest.mark.parametrize(
        ("verdicts", "verdict", "metric"),
        [
            ([BETTER, BETTER], BETTER, "price.mae"),
            ([NOT_SHOWN, BETTER], BETTER, "sold.mae"),
            ([BETTER, WORSE], WORSE, "sold.mae"),
            ([EQUAL, NOT_SHOWN], EQUAL, "price.mae"),
        ],
    )
    def test_one_that_is_worse_decides(
        self, verdicts: list[str], verdict: str, metric: str
    ) -> None:
        names = ("price", "sold")
        found = {
            name: {"verdict": each, "metric": "mae", "reason": each, "difference": 1.0}
            for name, each in zip(names, verdicts, strict=True)
        }
        said = decided(found)
        assert (said["verdict"], said["metric"]) == (verdict, metric)
        assert said["reason"] == f"price: {verdicts[0]}; sold: {verdicts[1]}"

    def test_the_error_of_a_look_is_shared(self) -> None:
        ours = [answers(right) for right in (172, 171)]
        alone = judged(ours, answers(160), Resamples(ROWS), ACCURACY)
        shared = judged(ours, answers(160), Resamples(ROWS), ACCURACY, targets=3)
        assert shared["high"] - shared["low"] > 1.1 * (alone["high"] - alone["low"])


class TestVerdict:
    @pytest.mark.parametrize(
        ("candidates", "verdict"),
        [([190, 188], BETTER), ([120, 118], WORSE), ([161, 160], NOT_SHOWN)],
    )
    def test_the_interval_decides(self, candidates: list[int], verdict: str) -> None:
        ours = [answers(right) for right in candidates]
        found = judged(ours, answers(160), Resamples(ROWS), ACCURACY)
        assert found["verdict"] == verdict
        assert found["low"] <= found["difference"] <= found["high"]
        assert len(found["by_seed"]) == 2

    def test_one_lucky_seed_is_no_evidence(self) -> None:
        lucky = judged([answers(180)], answers(160), Resamples(ROWS), ACCURACY)
        mixed = judged([answers(180), answers(140)], answers(160), Resamples(ROWS), ACCURACY)
        assert (lucky["verdict"], mixed["verdict"]) == (BETTER, NOT_SHOWN)

    def test_numbers_gain_by_smaller_errors(self) -> None:
        generator = np.random.default_rng(0)
        actual = generator.normal(size=(ROWS, 1))
        noise = generator.normal(size=(ROWS, 1))
        near, far = (
            Outcome("regression", actual, actual + scale * noise, None, ("y",))
            for scale in (0.1, 1.0)
        )
        found = judged([near], far, Resamples(ROWS), Choice("mae"))
        assert found["verdict"] == BETTER
        assert found["metric"] == "mae"
        assert found["difference"] < 0
        assert judged([far], near, Resamples(ROWS), Choice("mae"))["verdict"] == WORSE

    def test_four_rows_to_none_are_no_evidence(self) -> None:
        reference = answers(150)
        for more, verdict in ((4, NOT_SHOWN), (7, BETTER)):
            found = judged([answers(150 + more)], reference, Resamples(ROWS), ACCURACY)
            assert found["verdict"] == verdict, more

    def test_a_gain_below_the_margin_is_equal(self) -> None:
        found = judged([answers(161)], answers(160), Resamples(ROWS), Choice("accuracy", 0.05))
        assert found["verdict"] == EQUAL
        assert "equal within 0.05" in found["reason"]


class TestManyNights:
    def test_share_one_budget(self) -> None:
        assert sum(map(error_of_look, range(1, 100_000))) == pytest.approx(ERROR, abs=1e-5)

    def test_every_look_asks_for_more(self) -> None:
        first, last = (
            judged([answers(172)], answers(160), Resamples(ROWS), ACCURACY, look)
            for look in (1, 50)
        )
        assert (first["verdict"], last["verdict"]) == (BETTER, NOT_SHOWN)
        assert (first["look"], last["look"]) == (1, 50)

    def test_an_equal_model_seldom_replaces_the_champion(self) -> None:
        # 15 nights of fresh rows, three seeds; without a budget two of three champions fall.
        generator = np.random.default_rng(0)
        fallen = 0
        for _ in range(40):
            for look in range(1, 16):
                outcomes = []
                actual = generator.integers(2, size=ROWS)
                for _ in range(4):
                    wrong = generator.random(ROWS) < 0.2
                    predicted = np.where(wrong, 1 - actual, actual)
                    outcomes.append(
                        Outcome("binary", actual, predicted, np.eye(2)[predicted], ("no", "yes"))
                    )
                found = judged(outcomes[1:], outcomes[0], Resamples(ROWS), ACCURACY, look)
                if found["verdict"] == BETTER:
                    fallen += 1
                    break
        assert fallen <= 4


class TestRowsThatNoneHasSeen:
    def test_training_rows_of_the_champion_are_left_out(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"x": [1.0, None], "y": ["a", "b"]}), tmp_path / "rows.parquet")
        columns = {"x": np.array([1.0, np.nan, 3.0]), "y": np.array(["a", "b", "a"], object)}
        assert unseen_rows(columns, 3, tmp_path / "rows.parquet").tolist() == [False, False, True]
        assert unseen_rows(columns, 3, None).all()

    def test_pictures_are_told_apart_by_all_their_pixels(self, tmp_path: Path) -> None:
        known = np.zeros((2, 40, 40), np.uint8)
        known[1, 20, 20] = 1
        (tmp_path / "rows.images").mkdir()
        np.save(tmp_path / "rows.images/pixels.npy", known)
        pq.write_table(pa.table({"label": [0, 0]}), tmp_path / "rows.parquet")
        new = np.zeros((2, 40, 40), np.uint8)
        new[0, 20, 21] = 1
        columns = {"pixels": new, "label": np.array([0, 0])}
        assert unseen_rows(columns, 2, tmp_path / "rows.parquet").tolist() == [True, False]

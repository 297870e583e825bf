"""The champion is replaced on evidence only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.evaluation.compare.champion import BETTER, NO_EVIDENCE, WORSE, _judged
from throughline.evaluation.compare.unseen import unseen_rows
from throughline.evaluation.measure.resamples import Resamples
from throughline.evaluation.outcome import Outcome

ROWS = 200


def answers(right: int, start: int = 0) -> Outcome:
    """The outcome of a binary model that is right on `right` rows from row `start` on."""
    actual = np.arange(ROWS) % 2
    correct = np.zeros(ROWS, bool)
    correct[(start + np.arange(right)) % ROWS] = True
    predicted = np.where(correct, actual, 1 - actual)
    probabilities = np.eye(2)[predicted]
    return Outcome("binary", actual, predicted, probabilities, ("no", "yes"))


class TestVerdict:
    @pytest.mark.parametrize(
        ("candidates", "verdict"),
        [([190, 188], BETTER), ([120, 118], WORSE), ([161, 160], NO_EVIDENCE)],
    )
    def test_the_interval_decides(self, candidates: list[int], verdict: str) -> None:
        found = _judged(
            [answers(right) for right in candidates], answers(160), Resamples(ROWS), False
        )
        assert found["verdict"] == verdict
        assert found["low"] <= found["difference"] <= found["high"]
        assert len(found["by_seed"]) == 2

    def test_one_lucky_seed_is_no_evidence(self) -> None:
        lucky = _judged([answers(180)], answers(160), Resamples(ROWS), False)
        mixed = _judged([answers(180), answers(140)], answers(160), Resamples(ROWS), False)
        assert (lucky["verdict"], mixed["verdict"]) == (BETTER, NO_EVIDENCE)

    def test_numbers_gain_by_smaller_errors(self) -> None:
        generator = np.random.default_rng(0)
        actual = generator.normal(size=(ROWS, 1))
        noise = generator.normal(size=(ROWS, 1))
        near, far = (
            Outcome("regression", actual, actual + scale * noise, None, ("y",))
            for scale in (0.1, 1.0)
        )
        found = _judged([near], far, Resamples(ROWS), False)
        assert found["verdict"] == BETTER
        assert found["metric"] == "mae"
        assert found["difference"] < 0
        assert _judged([far], near, Resamples(ROWS), False)["verdict"] == WORSE


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

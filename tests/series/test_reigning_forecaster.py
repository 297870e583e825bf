"""A forecaster is held against the one in use on windows that neither was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from throughline.evaluation.compare.champion import compare
from throughline.evaluation.intervals.blocks import BlockResamples
from throughline.evaluation.measure.difference import BETTER, NOT_SHOWN, WORSE
from throughline.evaluation.row_parts import parts_of
from throughline.evaluation.window_parts import SeriesParts
from throughline.paths import Workspace
from throughline.pipeline.loading import load


@pytest.fixture(scope="module")
def parts(forecaster: Workspace) -> SeriesParts:
    found = parts_of(
        forecaster.training_data / "main", forecaster.test_data / "main", load(forecaster).main
    )
    assert isinstance(found, SeriesParts)
    return found


def training_rows(workspace: Workspace) -> Path:
    return workspace.training_data / "main" / "rows.parquet"


class TestTheChampionOfASeries:
    def test_is_no_better_than_itself(self, forecaster: Workspace, parts: SeriesParts) -> None:
        model = forecaster.model
        found = compare(
            [model, model], model, forecaster, load(forecaster).main, training_rows(forecaster)
        )
        assert (found["verdict"], found["difference"]) == (NOT_SHOWN, 0.0)
        assert found["rows"] == parts.test_count
        assert len(found["by_seed"]) == 2

    def test_is_replaced_by_a_better_one_alone(self, forecaster: Workspace) -> None:
        good, poor = forecaster.model, forecaster.model_of("decoder")
        rows = training_rows(forecaster)
        assert compare([good], poor, forecaster, load(forecaster).main, rows)["verdict"] == BETTER
        assert compare([poor], good, forecaster, load(forecaster).main, rows)["verdict"] == WORSE

    def test_that_sees_other_windows_cannot_answer(self, forecaster: Workspace) -> None:
        short = forecaster.model_of("short")
        found = compare([forecaster.model], short, forecaster, load(forecaster).main, None)
        assert found["verdict"] == NOT_SHOWN
        assert "the champion" in found["reason"]


class TestWindowsThatNoneHasSeen:
    def test_predict_nothing_that_the_champion_was_trained_on(
        self, forecaster: Workspace, parts: SeriesParts, tmp_path: Path
    ) -> None:
        import pandas as pd

        assert parts.unseen(training_rows(forecaster)).all()
        assert parts.unseen(None).all()
        # A champion that was trained on 30 hours more, of which one has no row of its own.
        tested = pd.read_parquet(forecaster.test_data / "main" / "rows.parquet")
        known = pd.concat([pd.read_parquet(training_rows(forecaster)), tested[:30]])
        known.iloc[40] = None
        known.to_parquet(tmp_path / "rows.parquet")
        newest = tested["when"][29]
        first = parts.evaluated.series.rows["when"].to_numpy()[parts.evaluated.ends + 1]
        fresh = parts.unseen(tmp_path / "rows.parquet")
        assert fresh.tolist() == (first > newest).tolist()
        assert 0 < fresh.sum() < len(fresh)

    def test_are_drawn_in_blocks(self, forecaster: Workspace, parts: SeriesParts) -> None:
        last = parts.outcome(forecaster.model, parts.evaluated)
        parts.remember(last)
        draws = parts.draws_of(np.arange(50))
        assert isinstance(draws, BlockResamples)
        assert draws.rows == 50
        # Two horizons at least.
        assert parts.draws.block >= 6

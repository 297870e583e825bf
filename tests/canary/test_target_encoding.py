"""Categories encoded by the target: nothing of the rows that score, nor of a row's own target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.repositories import rows_in_memory
from throughline.canary.folds import moved_folds
from throughline.pipeline.pipeline import Pipeline
from throughline.preprocessing import fit as fitting
from throughline.samples.rows.kind import trials
from throughline.training.folds.validation import Planned

ROWS, LEVELS = 1200, 300


@pytest.fixture
def rows() -> pd.DataFrame:
    """Pure noise: a level says nothing of the target."""
    generator = np.random.default_rng(3)
    cities = [f"city {number}" for number in generator.integers(0, LEVELS, ROWS)]
    return pd.DataFrame({"city": cities, "left": generator.integers(0, 2, ROWS)})


@pytest.fixture
def pipeline() -> Any:
    return Pipeline.model_validate(
        {
            "title": "Noise",
            "task": "binary",
            "source": {"file": "noise.csv"},
            "target": "left",
            "columns": {"city": {"encode": {"target": {"smooth": "auto"}}}},
            "network": [],
            "cross_validation": {"folds": 4},
        }
    )


def fold_score(rows: pd.DataFrame, pipeline: Any) -> float:
    """The mean accuracy of a threshold, learned from each fold's arrays, on its held rows."""
    data = rows_in_memory(rows, pipeline)
    planned = Planned(pipeline, data, pipeline.cross_validation, 0)
    scores = []
    for group in next(planned.parts()):
        for run in group.runs:
            feature, target = np.asarray(run.inputs["features"]), np.asarray(run.target)
            above = feature[run.validation_rows] > np.median(feature[run.train_rows])
            scores.append(float((above == target[run.validation_rows].astype(bool)).mean()))
    return float(np.mean(scores))


class TestFolds:
    def test_score_noise_as_chance(self, rows: pd.DataFrame, pipeline: Any) -> None:
        # Two standard deviations of 1200 throws of a coin.
        assert abs(fold_score(rows, pipeline) - 0.5) < 0.03

    def test_would_not_where_all_rows_are_fitted_on(
        self, rows: pd.DataFrame, pipeline: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        honest = fitting.fit

        def leaking(some: pd.DataFrame, *rest: Any, **more: Any) -> Any:
            found = honest(rows, *rest, **more)
            plain = replace(found.network["features"], out_of_fold=())
            return replace(found, network={"features": plain})

        monkeypatch.setattr(fitting, "fit", leaking)
        assert fold_score(rows, pipeline) > 0.6


def moved(rows: pd.DataFrame, pipeline: Any) -> tuple[int, tuple[int, ...]]:
    """The folds of training rows, and those that move."""
    return moved_folds(trials(rows, pipeline, (), {}), pipeline.class_columns)


class TestTheCanary:
    def test_is_quiet_without_a_leak(self, rows: pd.DataFrame, pipeline: Any) -> None:
        assert moved(rows, pipeline) == (4, ())

    def test_sings_where_all_rows_are_fitted_on(
        self, rows: pd.DataFrame, pipeline: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.canary import folds as module

        honest, corrupted = fitting.fit, module.corrupted
        every = [rows]

        def corrupting(*given: Any) -> pd.DataFrame:
            every.append(corrupted(*given))
            return every[-1]

        def leaking(some: pd.DataFrame, *rest: Any, **more: Any) -> Any:
            return honest(every.pop(0) if every else some, *rest, **more)

        monkeypatch.setattr(module, "corrupted", corrupting)
        monkeypatch.setattr(fitting, "fit", leaking)
        assert 0 in moved(rows, pipeline)[1]

    def test_sings_where_a_row_sees_its_own_target(
        self, rows: pd.DataFrame, pipeline: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.preprocessing.graph.run import run

        honest = fitting.fit

        def leaking(some: pd.DataFrame, *rest: Any, **more: Any) -> Any:
            """The usual mistake: training rows get what the graph gives."""
            found = honest(some, *rest, **more)
            seen = run(found.graph, some, found.inputs, found.types)["features"]
            leaked = replace(found.network["features"], out_of_fold=[(0, seen)])
            return replace(found, network={"features": leaked})

        monkeypatch.setattr(fitting, "fit", leaking)
        assert moved(rows, pipeline)[1] == (0, 1, 2, 3)

"""Simple forecasters: what they forecast, and what a report says where one of them is better."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import BadPipeline
from throughline.evaluation.compare import forecasters
from throughline.evaluation.compare.forecasters import (
    exponential_smoothing,
    linear_autoregression,
    smoothed,
)
from throughline.evaluation.compare.verdicts import gated
from throughline.evaluation.show.line import outdone
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.schema.judgement import Gates
from throughline.report.page import _environment
from throughline.samples.windows.frame import Series
from throughline.samples.windows.positions import Extent
from throughline.training.least_squares import ridge


def seasonal(count: int, season: int = 12) -> np.ndarray:
    """A season that grows with the level, and little noise."""
    steps = np.arange(count)
    level = 100 + 0.8 * steps
    noise = np.random.default_rng(1).normal(0, 0.01, count)
    return level * (1 + 0.3 * np.sin(2 * np.pi * steps / season) + noise)


class TestLeastSquares:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 2**16), st.floats(-1e5, 1e5))
    def test_finds_a_linear_function_wherever_its_features_lie(
        self, features: int, outputs: int, seed: int, middle: float
    ) -> None:
        generator = np.random.default_rng(seed)
        x = middle + generator.normal(size=(60, features))
        y = x @ generator.normal(size=(features, outputs)) + generator.normal(size=outputs)
        found = ridge([(x[:25], y[:25]), (x[25:], y[25:])])
        np.testing.assert_allclose(found(x), y, atol=1e-4 * np.abs(y - y.mean(axis=0)).max())

    def test_is_the_ridge_regression_of_its_penalty(self) -> None:
        from sklearn.linear_model import Ridge

        generator = np.random.default_rng(0)
        x, noise = generator.normal(size=(80, 5)), generator.normal(size=(80, 1))
        x /= np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=0))
        found = ridge([(x, 3 * x[:, :1] + noise)])
        same = [
            np.allclose(found.weights[:, 0], Ridge(alpha=a).fit(x, 3 * x[:, 0] + noise[:, 0]).coef_)
            for a in _penalties(x)
        ]
        assert sum(same) == 1

    def test_of_more_features_than_rows_shrinks_them(self) -> None:
        generator = np.random.default_rng(0)
        x = generator.normal(size=(30, 40))
        found = ridge([(x, generator.normal(size=(30, 1)))])
        assert np.abs(found.weights).max() < 0.3


def _penalties(x: np.ndarray) -> list[float]:
    from throughline.training.least_squares import PENALTIES

    centred = x - x.mean(axis=0)
    return [float(p) for p in PENALTIES * np.linalg.eigvalsh(centred.T @ centred).mean()]


class TestALinearAutoregression:
    def test_finds_what_made_the_series_at_every_horizon(self) -> None:
        values = np.zeros((400, 1))
        values[:2, 0] = (1, 3)
        for row in range(2, 400):
            values[row] = 1.6 * values[row - 1] - 0.999 * values[row - 2] + 0.5
        ends = np.arange(1, 200)
        extent = Extent(2, 2, 1, 2, (1, 3))
        asked = np.arange(250, 390)
        found = linear_autoregression((values, ends), (values, asked), extent)
        truth = values[asked[:, None] + np.array([1, 3]), 0]
        np.testing.assert_allclose(found, truth, atol=0.01 * np.ptp(values))


class TestExponentialSmoothing:
    @pytest.mark.parametrize("season", [None, 12])
    def test_goes_on_as_its_library_does(self, season: int | None) -> None:
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        values = seasonal(96)
        found = exponential_smoothing(values, 96, season, range(1, 16))[-1]
        fitted = [
            ETSModel(values, **method).fit(disp=False, maxiter=forecasters.ITERATIONS)
            for method in forecasters._methods(values, season)
        ]
        best = min(fitted, key=lambda each: float(each.aicc))
        np.testing.assert_allclose(found, best.forecast(15), rtol=1e-6)

    def test_knows_nothing_of_later_rows(self) -> None:
        values = seasonal(120)
        changed = values.copy()
        changed[60:] = 7.0
        for known in (values, changed):
            known[55] = np.nan
        before = exponential_smoothing(values, 40, 12, [1, 5])[:60]
        np.testing.assert_array_equal(before, exponential_smoothing(changed, 40, 12, [1, 5])[:60])

    def test_follows_a_season_that_grows(self) -> None:
        values = seasonal(180)
        found = exponential_smoothing(values, 130, 12, [1])[130:-1, 0]
        errors = np.abs(found - values[131:]).mean()
        assert errors < 0.3 * np.abs(values[131:] - values[130:-1]).mean()

    @pytest.mark.parametrize("known", [3, 60])
    def test_of_nothing_to_learn_from_is_the_last_value(self, known: int) -> None:
        values = np.full(80, 4.0)
        values[known:] = np.arange(80 - known)
        found = exponential_smoothing(values, known, 12, [1, 2])
        np.testing.assert_array_equal(found, np.stack([values, values], axis=1))

    def test_is_of_every_series_by_itself(self) -> None:
        import pandas as pd

        def part(first: int, last: int) -> Series:
            steps = np.tile(np.arange(first, last), 2)
            groups = np.repeat([0, 1], last - first)
            values = np.concatenate([seasonal(140)[first:last], -seasonal(140)[first:last]])
            every = np.ones(len(steps), dtype=bool)
            rows = pd.DataFrame({"y": values})
            return Series(rows, steps, steps, groups, every, every, {}, {})

        # Ten steps lie between the parts.
        later = part(100, 140)
        found = smoothed(part(0, 90), later, np.array([5, 45]), ["y"], 12, [1])
        np.testing.assert_allclose(found[0], [seasonal(140)[106]], rtol=0.1)
        assert found[1, 0] < 0


class TestTheReport:
    def report(self, ours: float, **others: float) -> dict[str, Any]:
        def figures(mase: float) -> dict[str, Any]:
            return {name: {"value": mase, "low": None, "high": None} for name in ("mase", "mae")}

        entries = [{"name": name, "metrics": figures(mase)} for name, mase in others.items()]
        return {"metrics": figures(ours), "comparisons": entries}

    def test_begins_with_the_simple_forecaster_that_is_better(self) -> None:
        report = self.report(0.5, persistence=0.3, ETS=0.4, **{"linear-autoregression": 0.6})
        assert outdone(report) == {"name": "ETS", "theirs": 0.4, "ours": 0.5}

    def test_says_nothing_where_none_is(self) -> None:
        assert outdone(self.report(0.5, persistence=0.3, ETS=0.5)) is None
        assert outdone(self.report(0.5, persistence=0.3)) is None

    def test_has_the_skill_against_each(self) -> None:
        report = self.report(0.5, ETS=0.4)
        difference = {"metric": "mae", "value": 0.1, "low": None, "high": None, "verdict": ""}
        entries = [
            {**entry, "arguments": {}, "difference": difference} for entry in report["comparisons"]
        ]
        macros = _environment().get_template("evaluation/show/figures.html").module
        shown = macros.comparisons(entries, report["metrics"], {"ETS": "statsmodels"})  # type: ignore[attr-defined]
        assert "<td>-0.250</td>" in shown and "statsmodels is not installed" in shown


class TestALibraryThatIsNotInstalled:
    def test_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(forecasters, "find_spec", lambda name: None)
        assert forecasters.missing("ETS") == "statsmodels"
        assert forecasters.missing("drift") is None

    def test_is_missed_by_a_gate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(BadPipeline, match="beat: ETS"):
            gated(Gates(beat=["ETS"]), {}, [])


class TestATableWithoutTime:
    def test_has_no_forecaster(self) -> None:
        with pytest.raises(ValueError, match="'persistence' forecasts, and the task is 'binary'"):
            Pipeline.model_validate(
                {
                    "title": "Which?",
                    "task": "binary",
                    "source": {"rows": {"x": [0, 1], "y": [0, 1]}},
                    "target": "y",
                    "columns": {"x": {}},
                    "compare": ["majority", "persistence"],
                }
            )

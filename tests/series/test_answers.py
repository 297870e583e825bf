"""What is learned of the future comes back in the target's own unit, whatever is done to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.series.test_series_graph import pipeline, rows
from throughline.pipeline.schema.targets import Target
from throughline.preprocessing.graph.runtime import session_of
from throughline.samples.windows.answers import forecast_answers
from throughline.samples.windows.positions import Extent
from throughline.samples.windows.preparing.series import prepared
from throughline.samples.windows.target import fit_forecast


class TestThePredictionOfAPerfectNetwork:
    @settings(max_examples=60, deadline=None)
    @given(
        st.integers(1, 3),
        st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True),
        st.sampled_from([None, "difference", "percent", {"difference": 4}, {"percent": 7}]),
        st.sampled_from([None, "standard", "minmax", {"constant": {"subtract": 3, "divide": 2}}]),
        st.sampled_from(["vector", "sequence"]),
    )
    def test_is_the_future(
        self, count: int, horizons: list[int], change: Any, scale: Any, output: str
    ) -> None:
        names = ["a", "b", "c"][:count]
        target = Target.model_validate({"columns": names, "change": change, "scale": scale})
        values = np.random.default_rng(0).uniform(5, 9, (60, count)).astype(np.float32)
        extent = Extent(10, 5, 1, 10, tuple(sorted(horizons)))
        ends = np.arange(9, 50, dtype=np.int32)
        fitted = fit_forecast(values, ends, target, extent, output)
        learned = fitted.ahead(values, ends)[slice(None)]
        assert learned.shape[1:] == (
            (len(horizons), count) if output == "sequence" else (len(horizons) * count,)
        )
        windows = {
            name: values[ends[:, None] + np.arange(-9, 1), position]
            for position, name in enumerate(names)
        }
        session = session_of(forecast_answers(fitted, "network", extent))
        wanted = [each.name for each in session.get_inputs()]
        (found,) = session.run(None, {n: ({"network": learned} | windows)[n] for n in wanted})
        future = values[ends[:, None] + np.array(extent.horizons)]
        assert np.allclose(found.ravel(), future.ravel(), rtol=1e-4)
        assert found.ndim == 3 - (count == 1) - (count == 1 and len(horizons) == 1)


class TestADirection:
    def test_is_whether_the_value_rises(self) -> None:
        target = {"column": "load", "change": "direction"}
        view = pipeline({"load": {}}, {"horizon": 1}, task="binary", target=target)
        done = prepared(rows(), view)
        load = done.training.series.rows["load"].to_numpy()
        ends = done.training.ends
        assert done.arrays["target"][:, 0].tolist() == (load[ends + 1] > load[ends]).tolist()

    def test_needs_a_binary_task(self) -> None:
        with pytest.raises(ValueError, match="is a binary task"):
            pipeline({"load": {}}, target={"column": "load", "change": "direction"})


class TestAClassAhead:
    def test_is_that_of_the_row_ahead(self) -> None:
        view = pipeline(
            {"load": {"scale": "standard"}},
            {"horizon": 2},
            task="binary",
            target="wind",
        )
        done = prepared(rows(), view)
        wind = done.training.series.rows["wind"].to_numpy()[done.training.ends + 2]
        assert done.arrays["target"][:, 0].tolist() == (wind == "S").tolist()


class TestTheSection:
    @pytest.mark.parametrize(
        ("time", "message"),
        [
            ({"every": "1 fortnight"}, "'every' needs a number"),
            ({"every": "5mo"}, "divide a year"),
            ({"step": 6}, "'step' must not be larger"),
            ({"horizon": [3, 1]}, "the nearest first"),
        ],
    )
    def test_says_what_is_wrong(self, time: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            pipeline({"load": {}}, time)

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"split": {"test": 0.2}}, "split by 'kind: temporal'"),
            ({"task": "regression"}, "forecast, binary or multiclass"),
            ({"cross_validation": {"group": "site"}}, "'rolling-origin' or 'blocked'"),
        ],
    )
    def test_fits_the_others(self, more: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            pipeline({"load": {}}, None, **more)

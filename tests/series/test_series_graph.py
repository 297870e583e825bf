"""One graph: what a whole series gives at training, a single served window gives too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.schema.time import Smooth
from throughline.preprocessing.graph.builder import Graph
from throughline.preprocessing.graph.runtime import session_of
from throughline.samples.windows.answers import fixed
from throughline.samples.windows.calendar import write_calendar
from throughline.samples.windows.prepared import raw_windows
from throughline.samples.windows.preparing.series import prepared

HOURS = 400


def rows(groups: int = 2) -> pd.DataFrame:
    """Two stations, hourly, in no order."""
    generator = np.random.default_rng(3)
    tables = []
    for group in range(groups):
        when = [datetime(2019, 12, 28) + timedelta(hours=h) for h in range(HOURS)]
        tables.append(
            pd.DataFrame(
                {
                    "when": [str(w) for w in when],
                    "site": f"s{group}",
                    "load": generator.uniform(10, 20, HOURS) + 50 * group,
                    "wind": generator.choice(["N", "S"], HOURS),
                }
            )
        )
    return pd.concat(tables).sample(frac=1, random_state=0).reset_index(drop=True)


def pipeline(columns: dict[str, Any], time: dict[str, Any] | None = None, **more: Any) -> Pipeline:
    """A forecaster of `load`."""
    base = {"index": "when", "every": "1h", "group": "site", "lookback": 5, "horizon": [1, 3]}
    return Pipeline.model_validate(
        {
            "title": "t",
            "task": "forecast",
            "source": {"rows": {"a": [1]}},
            "target": "load",
            "columns": columns,
            "time": base | (time or {}),
            "split": {"kind": "temporal", "test": 0.3},
        }
        | more
    )


COLUMNS: list[dict[str, Any]] = [
    {"load": {"scale": "standard"}},
    {"load": {"smooth": {"mean": 4}, "scale": "minmax"}, "wind": {"encode": "one-hot"}},
    {"load": {"smooth": {"ewma": {"alpha": 0.5}}, "change": "difference", "scale": "standard"}},
    {
        "load": {"change": {"percent": 2}, "scale": "standard"},
        "slow": {"derive": {"sum": ["load"]}, "smooth": {"mean": 6}, "scale": "standard"},
        "site": {"encode": "one-hot"},
    },
]


class TestOneGraph:
    @pytest.mark.parametrize("columns", COLUMNS)
    @pytest.mark.parametrize("step", [1, 2])
    def test_a_window_gives_what_the_series_gave(self, columns: dict[str, Any], step: int) -> None:
        done = prepared(rows(), pipeline(columns, {"calendar": ["hour", "month"], "step": step}))
        session = session_of(fixed(done.fitted.graph, done.extent))
        kinds = {"timestamp": "time", **done.fitted.inputs}
        windows = raw_windows(done.training.series, kinds, done.training.ends, done.extent.length)
        (served,) = session.run(None, windows)
        stored = done.arrays["features"][done.training.ends[:, None] + done.extent.offsets]
        assert served.shape == stored.shape
        assert np.abs(served - stored).max() < 1e-5

    def test_no_window_mixes_two_series(self) -> None:
        done = prepared(rows(), pipeline({"load": {}}))
        windows = raw_windows(
            done.training.series, {"load": "number"}, done.training.ends, done.extent.before
        )["load"]
        assert ((windows > 40).all(axis=1) | (windows < 40).all(axis=1)).all()
        assert done.training.counts["across_series"] > 0

    @pytest.mark.parametrize("encode", [{"hash": {"buckets": 4}}, "frequency"])
    def test_a_level_that_lacks_costs_no_window_where_it_means_unknown(self, encode: Any) -> None:
        """As in serving, which asks the same columns for a value."""
        table = rows(1)
        table.loc[60, "wind"] = None
        load = {"load": {"scale": "standard"}}
        found = prepared(table, pipeline(load | {"wind": {"encode": encode}}))
        assert len(found.training.ends) == len(prepared(table, pipeline(load)).training.ends)
        with pytest.raises(BadData, match="Column 'wind' must be known in every row"):
            prepared(table, pipeline(load | {"wind": {"encode": "one-hot"}}))

    def test_scaling_sees_training_rows_alone(self) -> None:
        table = rows()
        before = prepared(table, pipeline(COLUMNS[1]))
        last = table["when"] > "2020-01-10"
        changed = table.assign(load=table["load"].where(~last, 1e6))
        after = prepared(changed, pipeline(COLUMNS[1]))
        assert (after.test.series.rows["load"] == 1e6).any()
        same = before.fitted.graph.SerializeToString() == after.fitted.graph.SerializeToString()
        assert same

    def test_smoothing_is_that_of_pandas(self) -> None:
        done = prepared(rows(1), pipeline({"load": {"smooth": {"mean": 4}}}))
        load = done.training.series.rows["load"]
        found = done.arrays["features"][:, 0]
        assert np.allclose(found[3:], load.rolling(4).mean()[3:], atol=1e-4)
        ewma = prepared(rows(1), pipeline({"load": {"smooth": {"ewma": {"alpha": 0.4}}}}))
        expected = load.ewm(alpha=0.4).mean()[30:]
        assert np.allclose(ewma.arrays["features"][30:, 0], expected, rtol=1e-4)

    def test_weights_are_those_that_a_text_works_out(self) -> None:
        """Zero to Deep Learning, L19458: with alpha .9 they are .9, .09, .009, .0009 and so on."""
        weights = Smooth(kind="ewma", alpha=0.9).weights
        assert np.allclose(weights, [0.9, 0.09, 0.009, 0.0009], atol=1e-4)


class TestTheCalendar:
    @settings(max_examples=200, deadline=None)
    @given(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)))
    def test_is_that_of_the_standard_library(self, when: datetime) -> None:
        found = np.concatenate(_CALENDAR.run(None, {"t": [[_seconds(when)]]}), axis=1)[0]
        phases = [when.hour / 24, when.weekday() / 7, (when.month - 3) % 12 / 12]
        expected = [wave(2 * np.pi * phase) for phase in phases for wave in (np.sin, np.cos)]
        assert np.allclose(found, expected, atol=1e-5)


def _seconds(when: datetime) -> int:
    return int(when.replace(microsecond=0, tzinfo=UTC).timestamp())


def _calendar() -> Any:
    from onnx import TensorProto

    graph = Graph()
    graph.input("t", "time", ["N", 1])
    for name in write_calendar(graph, "t", ["hour", "weekday", "month"]):
        graph.output(name, TensorProto.FLOAT, ["N", 1])
    return session_of(graph.model())


_CALENDAR = _calendar()


class TestParts:
    @settings(max_examples=40, deadline=None)
    @given(
        st.integers(1, 30),
        st.integers(1, 12),
        st.floats(0.2, 0.5),
        st.integers(0, 20),
    )
    def test_no_training_window_holds_a_step_of_a_test_window(
        self, lookback: int, horizon: int, test: float, gap: int
    ) -> None:
        from throughline.guards.windows import apart

        view = pipeline(
            {"load": {}},
            {"lookback": lookback, "horizon": horizon},
            split={"kind": "temporal", "test": test, "gap": gap},
        )
        done = prepared(_ROWS, view)
        steps = [
            {
                (part.series.groups[row], part.series.steps[row])
                for end in part.ends
                for row in range(end - done.extent.before + 1, end + horizon + 1)
            }
            for part in (done.training, done.test)
        ]
        assert not steps[0] & steps[1]
        newest, oldest = done.training.newest.max(), done.test.newest.min()
        assert oldest - newest >= lookback + horizon + gap
        assert all(
            finding.passed for finding in apart(done.training, done.test, done.extent, "stop")
        )

    def test_the_guard_refuses_windows_that_overlap(self) -> None:
        from throughline.guards.windows import apart

        done = prepared(_ROWS, pipeline({"load": {}}))
        shifted = SimpleNamespace(ends=done.test.ends, newest=done.test.newest - 3)
        (finding,) = apart(done.training, shifted, done.extent, "stop")
        assert not finding.passed
        assert "share steps with training windows" in finding.message

    @pytest.mark.parametrize("gap", [0, 5])
    @pytest.mark.parametrize("order", ["rolling-origin", "blocked"])
    def test_folds_share_no_step(self, order: str, gap: int) -> None:
        from throughline.pipeline.schema.protocol import CrossValidation, Split
        from throughline.samples.windows.splits_in_time import folds

        done = prepared(_ROWS, pipeline({"load": {}}))
        series, extent = done.training.series, done.extent
        protocol, split = CrossValidation(folds=3, order=order), Split(kind="temporal", gap=gap)
        drawn = folds(series, done.training.ends, extent, protocol, split)
        assert len(drawn) == 3
        for fold in drawn:
            kept, held = (series.steps[done.training.ends[w]] for w in fold[:2])
            distance = np.abs(kept[:, None] - held[None]).min()
            assert distance >= extent.before + extent.after + gap
            if order == "rolling-origin":
                assert kept.max() < held.min()


_ROWS = rows(1)

"""Windows of a series as a kind of data; see `samples.kinds`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from throughline.pipeline.schema.judgement import FORECASTERS
from throughline.samples.kinds import Given, Guards, Parted, Trial, write_graph
from throughline.samples.windows.folding import fit_windows
from throughline.samples.windows.frame import regular, series_of
from throughline.samples.windows.moments import times
from throughline.samples.windows.preparing.series import prepared, time_of
from throughline.samples.windows.splits_in_time import boundary, folds
from throughline.samples.windows.target import FittedForecast, fit_forecast, values_of

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.samples.splits.folds import Fold


class Windows:
    """A series, cut by its clock."""

    name: ClassVar[str] = "windows"
    drawn: ClassVar[bool] = False

    @staticmethod
    def prepare(given: Given, view: Pipeline, training: Path, test: Path, guards: Guards) -> Parted:
        """Write both sides of a branch."""
        done = prepared(given.rows, view)
        findings = guards.of_windows(view, done.training, done.test, done.extent)
        write_graph(done.fitted.graph, training)
        done.write(training, test)
        return Parted(done.parts, findings)

    @staticmethod
    def parts(rows: pd.DataFrame, view: Pipeline) -> np.ndarray:
        """For each clean row "training" or "test": what is newer than the cut."""
        from throughline.serving.rows import clock

        time = time_of(view)
        series = regular(rows, time, view.target.columns)
        moments = times(rows, time, series_of(rows, time))[1]
        first = boundary(series, view.split, time.index.zone)
        late = clock.steps(moments, series.grid)[0] >= first
        return np.where(late, "test", "training").astype(object)

    @staticmethod
    def fixed(view: Pipeline) -> Collection[str]:
        """The clock and the names of series."""
        return time_of(view).columns

    @staticmethod
    def trials(
        given: Given, view: Pipeline, held_out: np.ndarray, dropped: Sequence[str]
    ) -> Iterator[Trial]:
        """What each fold fits, and the rows of the grid that it may not see."""
        from throughline.preprocessing.plan import plan

        protocol, time = view.cross_validation, time_of(view)
        if protocol is None:
            return
        done = prepared(given.rows, view)
        series, extent, ends = done.training.series, done.extent, done.training.ends
        hidden = [name for name in view.target.columns if name not in view.columns]
        planned = plan(given.rows, view.columns, view.inputs, hidden)
        context = extent.length - extent.lookback

        def fit(fold: Fold, seen: np.ndarray, table: pd.DataFrame) -> bytes:
            held = replace(series, rows=table)
            found = fit_windows(held, seen, planned, context, time.calendar).fitted_bytes
            if isinstance(done.target, FittedForecast):
                values, known = values_of(held, view.target.columns), ends[fold.training]
                target = fit_forecast(values, known, view.target, extent, time.output)
                found += json.dumps(target.as_json(), default=str).encode()
            return found

        for number, fold in enumerate(folds(series, ends, extent, protocol, view.split)):
            assert fold.rows is not None
            yield Trial(number, series.rows, ~fold.rows, (), partial(fit, fold, fold.rows))

    @staticmethod
    def usual(view: Pipeline) -> Sequence[str]:
        """The simple forecasters; only what has a cycle has a season."""
        if view.task != "forecast":
            return ()
        cyclic = time_of(view).cycle is not None
        return [name for name in FORECASTERS if cyclic or name != "seasonal-persistence"]

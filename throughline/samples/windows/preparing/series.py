"""From clean rows to a prepared series: grid, parts, windows, fitted graph, target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, BadPipeline
from throughline.paths import write_json
from throughline.pipeline.schema.time import Fill
from throughline.samples.windows.calendar import TIMESTAMP
from throughline.samples.windows.folding import features, fit_windows
from throughline.samples.windows.frame import Series, regular, required
from throughline.samples.windows.positions import Extent, whole
from throughline.samples.windows.prepared import (
    Fitted,
    contract,
    write_series,
)
from throughline.samples.windows.splits_in_time import parts
from throughline.samples.windows.target import (
    DIRECTIONS,
    directions,
    fit_forecast,
    percents_known,
    values_of,
)
from throughline.samples.windows.window_layout import context_of

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.time import Time
    from throughline.preprocessing.fit import Preprocessing
    from throughline.preprocessing.plan import Plan


@dataclass(frozen=True)
class Placed:
    """The windows of a part.

    Attributes:
        series: its rows.
        ends: the newest row of each window.
        counts: windows, and those that were dropped.
    """

    series: Series
    ends: np.ndarray
    counts: dict[str, int]

    @property
    def newest(self) -> np.ndarray:
        """The step of the newest row of each window."""
        return np.asarray(self.series.steps[self.ends])


@dataclass(frozen=True)
class PreparedSeries:
    """All that `prepare` stores of a branch.

    Attributes:
        parts: of each row.
        training, test: windows of the parts.
        extent: of a window.
        fitted: preprocessing.
        target: how the future is learned.
        arrays: by file name, without `.npy`.
        summary: prepared.json.
    """

    parts: np.ndarray
    training: Placed
    test: Placed
    extent: Extent
    fitted: Preprocessing
    target: Fitted
    arrays: dict[str, np.ndarray]
    summary: dict[str, Any]

    def write(self, training: Path, test: Path) -> None:
        """Write both sides, into folders that are there."""
        write_series(self.training.series, training)
        write_series(self.test.series, test)
        for name, array in self.arrays.items():
            np.save(training / f"{name}.npy", array)
        np.save(training / "positions.npy", self.training.ends)
        np.save(test / "positions.npy", self.test.ends)
        write_json(training / "prepared.json", self.summary)


def prepared(rows: pd.DataFrame, view: Pipeline) -> PreparedSeries:
    """Prepare a series.

    Args:
        rows: clean rows.
        view: a pipeline with `time`, `columns`, `inputs`, `target`, `task` and `split`.

    Raises:
        BadPipeline: a column that the rows do not have.
        BadData: rows that make no series, or no window.
    """
    from throughline.preprocessing.plan import plan

    time, target = time_of(view), view.target
    required(target.columns, list(rows.columns))
    hidden = [name for name in target.columns if name not in view.columns]
    planned = plan(rows, view.columns, view.inputs, hidden)
    if TIMESTAMP in planned.raw and time.calendar:
        raise BadPipeline(f"A column cannot be named '{TIMESTAMP}' beside 'time.calendar'")
    series = regular(rows, time, [*_needed(planned), *target.columns], target.columns)
    extent = _extent(planned, view)
    assigned = parts(series, view.split, time.index.zone)
    placed = {
        part: _placed(series, assigned == part, extent, part, time) for part in ("training", "test")
    }
    training = placed["training"]
    every = np.ones(len(training.series), dtype=bool)
    context = extent.length - extent.lookback
    fitted = fit_windows(training.series, every, planned, context, time.calendar)
    kinds = {TIMESTAMP: "time"} if time.calendar else {}
    kinds |= fitted.inputs
    arrays = features(fitted.graph, training.series, kinds, dict(fitted.types))
    training = _answerable(_finite(training, arrays, extent), view, extent)
    learned, array = _learned(training, view, extent)
    arrays["target"] = array
    placed["training"] = training
    summary = _summary(view, planned, fitted, learned, placed, extent, series)
    return PreparedSeries(
        assigned, training, placed["test"], extent, fitted, learned, arrays, summary
    )


def _needed(planned: Plan) -> list[str]:
    """Raw columns without which the model has nothing to give."""
    from throughline.preprocessing.columns.kind import kind_of_column

    columns = [each for group in planned.inputs.values() for each in group]
    return [
        name
        for each in columns
        if not kind_of_column(each.column).may_be_missing(each.column)
        for name in (each.column.derive.of if each.column.derive else [each.name])
    ]


def time_of(view: Pipeline) -> Time:
    """Section `time`, which a series has."""
    if view.time is None:
        raise BadPipeline("A series needs the section 'time'")
    return view.time


def _extent(planned: Plan, view: Pipeline) -> Extent:
    time = time_of(view)
    change = view.target.change
    periods = change.periods if change is not None and change.kind != "direction" else 1
    length = max(time.lookback + context_of(planned), periods)
    before = max(length, time.cycle or 1)
    return Extent(length, time.lookback, time.step, before, tuple(time.horizon))


def _placed(series: Series, chosen: np.ndarray, extent: Extent, part: str, time: Time) -> Placed:
    own = series.part(chosen)
    stride = time.stride if part == "training" else 1
    ends, counts = whole(own.present, own.groups, extent.before, extent.after, stride)
    ends, counts = _judged(own, ends, counts, extent)
    if not len(ends) and (part == "training" or len(own)):
        raise BadData(
            f"The {part} part must hold a window of {extent.before} rows and {extent.after} ahead",
            f"{len(own)} rows, {int(own.present.sum())} of them with all their values",
            "Change `split`, shorten `time.lookback`, or bring more rows",
        )
    return Placed(own, ends, counts)


def _judged(
    series: Series, ends: np.ndarray, counts: dict[str, int], extent: Extent
) -> tuple[np.ndarray, dict[str, int]]:
    """The windows whose targets were measured: what gaps were filled with is no truth."""
    truth = series.measured[ends[:, None] + np.array(extent.horizons)].all(axis=1)
    if truth.all():
        return ends, counts
    return ends[truth], {**counts, "windows": int(truth.sum()), "not_measured": int((~truth).sum())}


def _finite(training: Placed, arrays: dict[str, np.ndarray], extent: Extent) -> Placed:
    """The training windows whose features are all finite; the others are counted."""
    rows = np.logical_and.reduce([np.isfinite(array).all(axis=1) for array in arrays.values()])
    seen = training.ends[:, None] + np.array([1 - extent.lookback, 0])
    bad = np.concatenate([[0], np.cumsum(~rows)])
    finite = bad[seen[:, 1] + 1] == bad[seen[:, 0]]
    counts = {**training.counts, "windows": int(finite.sum()), "not_finite": int((~finite).sum())}
    if not finite.any():
        raise BadData("Training windows must have finite features", "none has")
    return Placed(training.series, training.ends[finite], counts)


def _answerable(training: Placed, view: Pipeline, extent: Extent) -> Placed:
    """The training windows whose change has a value: percents of 0 have none and are counted."""
    change = view.target.change
    if change is None or change.kind != "percent":
        return training
    values, ends = values_of(training.series, view.target.columns), training.ends
    defined = percents_known(values, ends, extent.horizons, change.periods)
    if not defined.any():
        raise BadData("Some target must have changed from another value than 0", "none has")
    counts = {**training.counts, "windows": int(defined.sum()), "of_zero": int((~defined).sum())}
    return Placed(training.series, ends[defined], counts)


def _learned(training: Placed, view: Pipeline, extent: Extent) -> tuple[Fitted, np.ndarray]:
    """The fitted target, and what is stored of it."""
    from throughline.preprocessing.target import FittedTarget, fit_target

    target = view.target
    if view.task == "forecast":
        values = values_of(training.series, target.columns)
        return fit_forecast(values, training.ends, target, extent, time_of(view).output), values
    if target.change is not None:
        values = values_of(training.series, target.columns)
        labels = directions(values, training.ends, extent.after)
        found = FittedTarget("binary", target.columns, list(DIRECTIONS), 0.0, 1.0, target.unit)
        return found, labels
    ahead = training.series.rows.iloc[training.ends + extent.after]
    found = fit_target(ahead, target, view.task)
    return found, found.array(ahead)


def _summary(
    view: Pipeline,
    planned: Plan,
    fitted: Preprocessing,
    target: Fitted,
    placed: dict[str, Placed],
    extent: Extent,
    series: Series,
) -> dict[str, Any]:
    time = time_of(view)
    training = placed["training"]
    columns = fitted.inputs
    inputs = contract(training.series, planned, view.target.columns)
    if time.calendar:
        inputs = [{"name": TIMESTAMP, "type": "time", "may_be_missing": False}, *inputs]
    if view.task == "forecast" and view.target.change is not None:
        inputs += _answering(training, view.target.columns, columns)
    direction = view.target.change is not None and view.target.change.kind == "direction"
    return {
        "inputs": inputs,
        "features": dict(fitted.features),
        "types": dict(fitted.types),
        "target": target.as_json(),
        "rows": len(training.ends),
        "dropped": [],
        "window": {
            "extent": extent.as_json(),
            "grid": series.grid,
            "every": time.every,
            "index": time.index.model_dump(),
            "group": time.group,
            "resample": time.resample,
            "rows_a_step": series.counts["rows_a_step"],
            "gaps": {"fill": time.gaps.most} if isinstance(time.gaps, Fill) else time.gaps,
            "season": time.cycle,
            "calendar": time.calendar,
            "direction": direction,
            "rows": series.counts,
            "windows": {part: each.counts for part, each in placed.items()},
        },
    }


def _answering(training: Placed, targets: list[str], known: Any) -> list[dict[str, Any]]:
    """The contract of target columns that are no features, but whose past undoes a change."""
    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.plan import Plan, Planned

    columns = [Planned(name, "number", Column()) for name in targets if name not in known]
    plan = Plan({each.name: "number" for each in columns}, {"answers": columns})
    return [{**entry, "answers_only": True} for entry in contract(training.series, plan, targets)]

"""Windows of a series whose preprocessing is fitted on some rows: all of them, or a fold's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.preprocessing import aligned
from throughline.samples.samples import FoldArrays, Parted
from throughline.samples.splits.folds import Fold
from throughline.samples.windows.frame import Series
from throughline.samples.windows.splits_in_time import last_share
from throughline.samples.windows.target import FittedForecast, fit_forecast
from throughline.samples.windows.window_layout import WindowLayout, context_of, feed

if TYPE_CHECKING:
    import onnx

    from throughline.pipeline.pipeline import Pipeline
    from throughline.preprocessing.fit import Preprocessing
    from throughline.preprocessing.plan import Plan
    from throughline.samples.windows.prepared import PreparedWindows


def fit_windows(
    series: Series, rows: np.ndarray, plan: Plan, context: int, calendar: Sequence[str]
) -> Preprocessing:
    """Fit preprocessing on some rows of a series.

    Args:
        series: training rows.
        rows: whether each may be used.
        plan: what happens to which column.
        context: rows before the lookback in a window.
        calendar: calendar features.
    """
    from throughline.preprocessing.fit import fit

    return fit(series.rows, plan, WindowLayout(series, rows, plan, context, calendar))


def features(
    graph: onnx.ModelProto, series: Series, kinds: dict[str, str], types: dict[str, str]
) -> dict[str, np.ndarray]:
    """The features of every row, each series run as one long window.

    Returns:
        for each network input (T, F); NaN where a row has too few rows before it.
    """
    from throughline.preprocessing.graph.runtime import session_of

    session = session_of(graph)
    sizes = {output.name: output.shape[2] for output in session.get_outputs()}
    arrays = {name: aligned.empty((len(series), size), types[name]) for name, size in sizes.items()}
    for name, array in arrays.items():
        array.fill(0 if types[name] == "int32" else np.nan)
    for start, stop in zip(series.starts[:-1], series.starts[1:], strict=True):
        columns = feed(series, kinds, slice(start, stop))
        values = session.run(list(sizes), {name: v[None] for name, v in columns.items()})
        for name, block in zip(sizes, values, strict=True):
            arrays[name][stop - block.shape[1] : stop] = block[0]
    return arrays


class FoldedWindows:
    """The series of every fold, scaled by what the fold's training rows say."""

    weights: None = None

    def __init__(self, view: Pipeline, samples: PreparedWindows) -> None:
        from throughline.preprocessing.plan import plan

        self._view = view
        self._samples = samples
        rows = samples.series.rows
        hidden = [name for name in view.target.columns if name not in view.columns]
        self._plan = plan(rows, view.columns, view.inputs, hidden)
        self._by_graph: dict[bytes, FoldArrays] = {}

    def arrays(self, fold: Fold) -> FoldArrays:
        """What the network is given of all windows."""
        samples = self._samples
        assert fold.rows is not None
        context = max(context_of(self._plan), samples.extent.length - samples.extent.lookback)
        calendar = samples.summary["window"]["calendar"]
        fitted = fit_windows(samples.series, fold.rows, self._plan, context, calendar)
        key = fitted.graph.SerializeToString(deterministic=True)
        if key not in self._by_graph:
            arrays = features(fitted.graph, samples.series, samples.kinds, dict(fitted.types))
            inputs = {name: samples.windowed(array) for name, array in arrays.items()}
            self._by_graph[key] = FoldArrays(inputs, {}, {})
        return self._by_graph[key]

    def answers(self, fold: Fold) -> tuple[Any, float]:
        """What lies ahead of all windows, scaled by the fold, and the divisor of its errors."""
        samples = self._samples
        if not isinstance(samples.target, FittedForecast):
            return samples.answers, 1.0
        output = "sequence" if samples.target.sequence else "vector"
        known = samples.ends[fold.training]
        target = fit_forecast(samples.values, known, self._view.target, samples.extent, output)
        divides = np.asarray(target.divide, dtype=np.float64)
        # Errors of columns in different units, or of percents, stay as the network sees them.
        one_unit = len(set(divides.tolist())) == 1 and target.change != "percent"
        ahead = target.ahead(samples.values, samples.ends)
        return ahead, float(divides[0]) if one_unit else 1.0

    def parted(self, fold: Fold, seed: int) -> Parted:
        """A fold's windows to train on and to watch, parted as `train` parts all of them."""
        samples, known = self._samples, fold.training
        steps = samples.series.steps[samples.ends[known]]
        share, gap = self._view.training.validation, self._view.split.gap
        trained, held = last_share(steps, share, samples.extent, gap)
        return known[trained], None if held is None else known[held]

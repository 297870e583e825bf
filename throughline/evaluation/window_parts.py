"""The windows of a branch, read once, and its model's answers to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.evaluation.compare import forecasters
from throughline.evaluation.compare.comparisons import Prepared, compared, titles
from throughline.evaluation.compare.unseen import unseen_windows
from throughline.evaluation.intervals.blocks import BlockResamples, block_length, understated
from throughline.evaluation.measure.measure import (
    Compared,
    Figure,
    measured,
    plain,
    row_losses,
    scored,
)
from throughline.evaluation.outcome import Outcome, Target
from throughline.evaluation.truth import Truth
from throughline.evaluation.window_rows import WindowRows, drawn, windows_of
from throughline.paths import needed, read_json
from throughline.pipeline.schema.judgement import FORECASTERS
from throughline.samples.windows.positions import Extent
from throughline.samples.windows.prepared import raw_windows, read_series
from throughline.samples.windows.target import DIRECTIONS, directions, values_of
from throughline.samples.windows.window_layout import feed

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.judgement import Comparison

# Windows in one call, so that wide ones never lie in memory all at once.
CHUNK = 2048


class SeriesParts:
    """What `Parts` is for rows: the windows of both parts, with everything to measure them.

    Args:
        training: folder of the training side.
        test: folder of the test side.
        view: a pipeline with `task`.
    """

    what = "windows"

    def __init__(self, training: Path, test: Path, view: Any) -> None:
        self.folder = training
        self.task: str = view.task
        self.prepared: dict[str, Any] = read_json(needed(training / "prepared.json", "prepare"))
        window = self.prepared["window"]
        self.window = window
        self.extent = Extent.from_json(window["extent"])
        self.season: int | None = window["season"]
        self.target = _target(self.task, self.prepared)
        known = read_series(training, window["grid"])
        ends = np.load(training / "positions.npy")
        self.whole = windows_of(known, ends)
        self.known = windows_of(known, drawn(ends))
        test_ends = np.load(needed(test / "positions.npy", "prepare"))
        self.training_count, self.test_count = len(ends), len(test_ends)
        self.evaluated = (
            windows_of(read_series(test, window["grid"]), test_ends)
            if self.test_count
            else self.known
        )
        self.truth = Truth(
            self.target.columns,
            self.extent.horizons,
            self.season,
            window["group"],
            self.whole.series,
        )
        self._blocks: tuple[int, float] | None = None
        self._compared: list[Compared] | None = None

    def remember(self, outcome: Outcome) -> None:
        """Draw blocks as long as the losses of these answers remember; the first answers decide.

        All models of the same windows are then measured by the same draws.
        """
        if self._blocks is None:
            metric = "mae" if self.task == "forecast" else "accuracy"
            steps = np.unique(self.evaluated.keys[:, 1], return_inverse=True)[1]
            losses = np.bincount(steps, row_losses(metric, outcome)) / np.bincount(steps)
            block = block_length(self.extent.after, self.season, losses)
            self._blocks = block, understated(losses, block)

    @cached_property
    def draws(self) -> BlockResamples:
        """Draws of the windows that are evaluated."""
        return self.draws_of(np.arange(self.evaluated.count))

    def draws_of(self, places: np.ndarray) -> BlockResamples:
        """Draws of some of the windows that are evaluated, by their positions."""
        assert self._blocks is not None, "`remember` comes first"
        return BlockResamples(self.evaluated.keys[places, 1], *self._blocks)

    def figures(self, outcome: Outcome, places: np.ndarray | None = None) -> dict[str, Figure]:
        """The figures of answers to the windows that are evaluated, or to some of them."""
        if not self.test_count:
            return {name: plain(value) for name, value in scored(outcome).items()}
        return measured(outcome, self.draws if places is None else self.draws_of(places))

    def unseen(self, training: Path | None) -> np.ndarray:
        """Which windows that are evaluated predict nothing that a model was trained on."""
        first = self.evaluated.ends + self.extent.horizons[0]
        return unseen_windows(self.evaluated.series.clock[first], self.window["index"], training)

    def aligned(
        self, ours: Outcome, theirs: Outcome, main: SeriesParts
    ) -> tuple[Outcome, Outcome, BlockResamples] | None:
        """Two branches on the windows that both answered; None without a common target.

        Args:
            ours: answers to these windows.
            theirs: answers to those of `main`.
            main: the other branch's windows.

        Returns:
            both outcomes, and draws of their windows.
        """
        keys = [parts.evaluated.keys @ np.array([2**40, 1]) for parts in (self, main)]
        common, first, second = np.intersect1d(*keys, return_indices=True)
        if not len(common):
            return None
        a, b = ours.part(first), theirs.part(second)
        if a.actual.shape != b.actual.shape or not np.array_equal(a.actual, b.actual):
            return None
        return a, b, main.draws_of(second)

    def folded(self, comparisons: list[Comparison], view: Pipeline) -> dict[str, dict[str, Figure]]:
        """None: comparison models of windows are measured on the test part alone."""
        return {}

    def plane(self) -> None:
        """None: answers to a window are drawn over time."""

    def share(self, main: SeriesParts) -> None:
        """Nothing is shared: a variant's windows are its own."""

    def compared(self, comparisons: list[Comparison]) -> list[Compared]:
        """Every comparison model, fitted and measured once."""
        if self._compared is None:
            self._compared = []
            there = [each for each in comparisons if not forecasters.missing(each.model)]
            for name, comparison in zip(titles(there), there, strict=True):
                outcome = self._answered(comparison)
                figures = self.figures(outcome)
                self._compared.append(Compared(name, comparison.arguments, outcome, figures))
        return self._compared

    def outcome(self, model: Path, rows: WindowRows) -> Outcome:
        """The model's answers to raw windows, beside the truth.

        Raises:
            BadData: windows that the model refuses.
        """
        from throughline.serving.errors import BadRequest
        from throughline.serving.predictor import Predictor

        predictor = Predictor(model)
        if predictor.states and rows is self.known:
            # A state is carried from neighbour to neighbour: the first windows, not spaced ones.
            rows = windows_of(self.whole.series, self.whole.ends[: rows.count])
        parts: dict[str, list[np.ndarray]] = {}
        states: dict[str, np.ndarray] | None = None
        for start in range(0, rows.count, CHUNK):
            windows = self.fed(windows_of(rows.series, rows.ends[start : start + CHUNK]))
            try:
                if predictor.states:
                    answers, states = predictor.in_order(windows, states)
                else:
                    answers = predictor.predict(windows)
            except BadRequest as error:
                raise BadData(
                    f"The windows must be ones that '{model.name}' answers. {error}"
                ) from None
            for name, array in answers.items():
                parts.setdefault(name, []).append(array)
        found = {name: np.concatenate(arrays) for name, arrays in parts.items()}
        return self.judged(rows, found)

    def from_files(self, model: Path) -> None:
        """Nothing: a series is rows of a table."""

    @property
    def raw(self) -> Mapping[str, Any]:
        """None: `prepare` keeps of a series what its windows hold."""
        return {}

    def some(self, most: int) -> WindowRows:
        """At most so many of the windows that are evaluated, evenly spread."""
        ends = self.evaluated.ends
        places = np.linspace(0, len(ends) - 1, min(most, len(ends))).astype(np.int64)
        return windows_of(self.evaluated.series, ends[places])

    def fed(self, rows: WindowRows) -> dict[str, np.ndarray]:
        """What a model takes of windows, for each column (N, length)."""
        kinds = {entry["name"]: entry["type"] for entry in self.prepared["inputs"]}
        kinds["timestamp"] = "time"
        found: dict[str, np.ndarray] = raw_windows(
            rows.series, kinds, rows.ends, self.extent.length
        )
        # A column of that name may hold times of another form; these are times whatever it holds.
        return found | {"timestamp": found["timestamp"].astype("datetime64[s]")}

    def judged(self, rows: WindowRows, found: Mapping[str, np.ndarray]) -> Outcome:
        """The outputs of a model for windows, beside the truth."""
        if self.task != "forecast":
            return replace(self.target.outcome({self.target.columns[0]: self._labels(rows)}, found))
        predicted = found["prediction"].astype(np.float64).reshape(rows.count, -1)
        return self.truth.forecasts(rows, predicted)

    def _labels(self, rows: WindowRows) -> np.ndarray:
        ahead = rows.ends + self.extent.after
        if self.window["direction"]:
            values = values_of(rows.series, self.target.columns)
            rises = directions(values, rows.ends, self.extent.after)[:, 0].astype(int)
            return np.asarray(np.array(DIRECTIONS, dtype=object)[rises])
        column = rows.series.rows[self.target.columns[0]]
        return np.asarray(column.to_numpy(dtype=object)[ahead])

    def _baseline(self, name: str) -> np.ndarray | None:
        """Forecasts of a simple method; None of persistence, which every forecast has beside it."""
        rows, extent = self.evaluated, self.extent
        values = self.truth.targets(rows)
        if name == "drift":
            return forecasters.drift(values, rows.ends, extent)
        if name == "linear-autoregression":
            seen = self.truth.targets(self.known), self.known.ends
            return forecasters.linear_autoregression(seen, (values, rows.ends), extent)
        if name == "ETS":
            known = self.whole.series
            ask = rows.series, rows.ends, self.target.columns, self.season, extent.horizons
            return forecasters.smoothed(known, *ask)
        return None

    def _answered(self, comparison: Comparison) -> Outcome:
        name = comparison.model
        if self.task == "forecast" and name in FORECASTERS:
            found = self.truth.forecasts(self.evaluated, self._baseline(name))
            seasonal = name == "seasonal-persistence"
            return replace(found, predicted=found.seasonal) if seasonal else found
        if name == "sign-persistence" and self.window["direction"]:
            values = values_of(self.evaluated.series, self.target.columns)[:, 0]
            ends = self.evaluated.ends
            rose = (values[ends] > values[ends - 1]).astype(np.int64)
            return replace(self._arrays.outcome(rose, None))
        outcome = compared(comparison, self._arrays)
        if self.task != "forecast":
            return outcome
        return self.truth.forecasts(self.evaluated, outcome.predicted)

    @cached_property
    def _arrays(self) -> Prepared:
        """Windows as flat rows, for classical models; of many training windows a draw."""
        rows = self.known
        if self.task == "forecast":
            target = replace(self.target, task="regression")
            answers = self.truth.values(rows, self.extent.horizons)
            actual = self.truth.values(self.evaluated, self.extent.horizons)
        else:
            target = self.target
            answers = target.positions(self._labels(rows))
            actual = target.positions(self._labels(self.evaluated))
        return Prepared(
            features=self._flat(rows),
            answers=answers,
            test_features=self._flat(self.evaluated),
            actual=actual,
            target=target,
        )

    def _flat(self, rows: WindowRows) -> np.ndarray:
        """The features that the network sees of each window, side by side."""
        import onnx

        from throughline.preprocessing.graph.runtime import session_of

        session = session_of(onnx.load(self.folder / "preprocess.onnx"))
        kinds = {entry["name"]: entry["type"] for entry in self.prepared["inputs"]}
        own = [value.name for value in session.get_inputs()]
        names = [value.name for value in session.get_outputs()]
        columns = feed(rows.series, {name: kinds[name] for name in own}, slice(None))
        blocks = []
        seen = np.arange(1 - self.extent.length, 1)
        every = self.extent.lookback - 1 + self.extent.offsets
        for start in range(0, rows.count, CHUNK):
            places = rows.ends[start : start + CHUNK, None] + seen
            arrays = session.run(names, {name: values[places] for name, values in columns.items()})
            table = [array[:, every].reshape(len(places), -1) for array in arrays]
            blocks.append(np.concatenate(table, axis=1))
        # Waves of the calendar repeat each other in every step; least squares of float32 would
        # make weights of 1e5 of that.
        return np.concatenate(blocks).astype(np.float64)


def _target(task: str, prepared: dict[str, Any]) -> Target:
    """The target as the comparison models see it, in its own unit."""
    content = prepared["target"]
    return Target.of(task, {"target": {**content, "scale": None}})

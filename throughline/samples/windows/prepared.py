"""A prepared series on disk: rows, features of every row, targets of every row, positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from throughline.preprocessing.target import FittedTarget
from throughline.samples.samples import Parted, Requests
from throughline.samples.splits.folds import Fold
from throughline.samples.windows.frame import Series
from throughline.samples.windows.gathered import Ahead, Windowed
from throughline.samples.windows.memory import memory
from throughline.samples.windows.phases import windows
from throughline.samples.windows.positions import Extent
from throughline.samples.windows.splits_in_time import folds, last_share
from throughline.samples.windows.target import FittedForecast
from throughline.samples.windows.window_layout import feed

if TYPE_CHECKING:
    import onnx

    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.protocol import CrossValidation
    from throughline.preprocessing.plan import Plan
    from throughline.samples.windows.folding import FoldedWindows

Fitted = FittedForecast | FittedTarget


def read_series(folder: Path, grid: dict[str, Any]) -> Series:
    """The rows of a part, as `write_series` left them."""
    import pandas as pd

    steps, clock, groups, present, measured = np.load(folder / "steps.npy")
    rows = pd.read_parquet(folder / "rows.parquet")
    return Series(rows, steps, clock, groups, present.astype(bool), measured.astype(bool), grid, {})


def write_series(series: Series, folder: Path) -> None:
    """Rows as Parquet; step, clock, series, presence and truth of each as one array."""
    series.rows.to_parquet(folder / "rows.parquet")
    known = [series.steps, series.clock, series.groups, series.present, series.measured]
    np.save(folder / "steps.npy", np.stack([each.astype(np.int64) for each in known]))


class PreparedWindows:
    """The training windows of a branch; see `Samples`.

    Args:
        folder: of the training side.
        summary: its prepared.json.
        bottleneck: folder of stage `bottleneck`. Default: none.
    """

    name: ClassVar[str] = "windows"

    def __init__(self, folder: Path, summary: Mapping[str, Any], bottleneck: Path = Path()) -> None:
        self.folder = folder
        self.summary = summary
        self.bottleneck = bottleneck
        self.extent = Extent.from_json(summary["window"]["extent"])
        self.target = read_target(summary["target"])

    @cached_property
    def series(self) -> Series:
        """The training rows."""
        return read_series(self.folder, self.summary["window"]["grid"])

    @cached_property
    def ends(self) -> np.ndarray:
        """The newest row of each training window."""
        found: np.ndarray = np.load(self.folder / "positions.npy", mmap_mode="r")
        return found

    @cached_property
    def values(self) -> np.ndarray:
        """The target of every row (T, K), or the label of every window (N, 1)."""
        found: np.ndarray = np.load(self.folder / "target.npy", mmap_mode="r")
        return found

    @property
    def graph(self) -> onnx.ModelProto:
        """From raw columns of windows as long as they must be to the network's inputs."""
        import onnx

        from throughline.samples.windows.answers import fixed

        return fixed(onnx.load(self.folder / "preprocess.onnx"), self.extent)

    def answers_graph(self, output: str) -> onnx.ModelProto:
        """From what the network answers under this name to the named answers."""
        from throughline.preprocessing.graph.answers import answers
        from throughline.samples.windows.answers import forecast_answers

        if isinstance(self.target, FittedForecast):
            return forecast_answers(self.target, output, self.extent)
        return answers(self.target, output)

    @property
    def inputs(self) -> dict[str, Windowed]:
        """The network's inputs, gathered from the stored series."""
        return {
            # A private map: its memory is aligned, and what is reordered stays in this process.
            name: self.windowed(np.load(self.folder / f"{name}.npy", mmap_mode="c"))
            for name in self.summary["features"]
        }

    def windowed(self, array: np.ndarray) -> Windowed:
        """Windows of the features of all rows, which are reordered in place, then read-only."""
        found = windows(array, self.ends, self.extent.offsets)
        # A training may read the very memory.
        found.series.flags.writeable = False
        return found

    @property
    def answers(self) -> Ahead | np.ndarray:
        """What lies ahead of each window."""
        if isinstance(self.target, FittedForecast):
            return self.target.ahead(self.values, self.ends)
        return self.values

    @property
    def units(self) -> int:
        """Of the output layer."""
        return self.target.units

    @property
    def vectors(self) -> dict[str, np.ndarray]:
        """None: a series has no words."""
        return {}

    @property
    def rescaling(self) -> dict[str, Any]:
        """None: a series has no pictures."""
        return {}

    @property
    def guarded(self) -> None:
        """Nothing: a gap keeps the parts of a series asunder."""

    @property
    def kinds(self) -> dict[str, str]:
        """Name and kind of each raw input of the preprocessing."""
        return {
            entry["name"]: entry["type"]
            for entry in self.summary["inputs"]
            if not entry.get("answers_only")
        }

    def weights(self, view: Pipeline) -> None:
        """None: a weight is of a row, and a window has many."""

    def parted(self, view: Pipeline, seed: int) -> Parted:
        """Windows to train on and, the last ones, to watch."""
        steps = self.series.steps[self.ends]
        return last_share(steps, view.training.validation, self.extent, view.split.gap)

    def folds(self, view: Pipeline, protocol: CrossValidation) -> list[Fold]:
        """The folds of a protocol, in time."""
        return folds(self.series, self.ends, self.extent, protocol, view.split)

    def everything(self) -> Fold:
        """One fold that trains on all windows."""
        every = np.arange(len(self.ends))
        return Fold(every, every, 0, np.ones(len(self.series), dtype=bool))

    def folding(self, view: Pipeline) -> FoldedWindows:
        """The windows of folds, as a pipeline's columns have them."""
        from throughline.samples.windows.folding import FoldedWindows

        return FoldedWindows(view, self)

    def golden(self, count: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Raw windows that every export is tried on, and the features that the graph gives."""
        from throughline.preprocessing.graph.runtime import session_of

        raw = golden_windows(self, count)
        session = session_of(self.graph)
        names = [output.name for output in session.get_outputs()]
        arrays = session.run(names, {name: raw[name] for name in self.kinds})
        return raw, dict(zip(names, arrays, strict=True))

    @staticmethod
    def write_golden(raw: Any, kept: np.ndarray, folder: Path) -> None:
        """Some of the golden windows as golden.parquet: their rows one below the other."""
        import pandas as pd

        columns = {name: array[kept].ravel() for name, array in raw.items()}
        pd.DataFrame(columns).to_parquet(folder / "golden.parquet")

    @staticmethod
    def golden_requests(folder: Path, summary: Mapping[str, Any]) -> Requests:
        """What `write_golden` wrote, each column (N, length)."""
        import pandas as pd

        from throughline.preprocessing.raw import raw_values

        rows = pd.read_parquet(folder / "golden.parquet")
        length = summary["window"]["extent"]["length"]
        return {
            entry["name"]: (
                rows[entry["name"]].to_numpy(dtype=np.int64)
                if entry["type"] == "time"
                else raw_values(rows, entry["name"], entry["type"])
            ).reshape(-1, length)
            for entry in summary["inputs"]
        }

    @staticmethod
    def test_requests(folder: Path, summary: Mapping[str, Any], most: int) -> Requests:
        """The first test windows, as the graph takes them; empty where there are none."""
        window = summary["window"]
        ends = np.load(folder / "positions.npy")[:most]
        if not len(ends):
            return {}
        kinds = {entry["name"]: entry["type"] for entry in summary["inputs"]}
        series = read_series(folder, window["grid"])
        found: Requests = raw_windows(series, kinds, ends, window["extent"]["length"])
        return found

    @staticmethod
    def single(requests: Requests) -> None:
        """None: `Predictor` asks for the time of each row besides."""

    @staticmethod
    def contract(summary: Mapping[str, Any]) -> dict[str, Any]:
        """How rows become a window."""
        return {"window": summary["window"]}


def read_target(content: dict[str, Any]) -> Fitted:
    """The target of prepared.json."""
    if content["task"] == "forecast":
        return FittedForecast.from_json(content)
    return FittedTarget.from_json(content)


def raw_windows(series: Series, kinds: dict[str, str], ends: np.ndarray, length: int) -> Any:
    """Raw windows, for each column (N, length), the oldest row first."""
    rows = ends[:, None] + np.arange(1 - length, 1)
    needed, places = np.unique(rows, return_inverse=True)
    columns = feed(series, kinds, needed)
    return {name: values[places.reshape(rows.shape)] for name, values in columns.items()}


def golden_windows(learned: PreparedWindows, count: int) -> dict[str, np.ndarray]:
    """Raw windows that every export is tried on: real ones, and all values at an edge.

    Args:
        learned: the training side.
        count: of real windows, evenly spaced.
    """
    from throughline.preprocessing.golden import STRANGER

    inputs = learned.summary["inputs"]
    kinds = {entry["name"]: entry["type"] for entry in inputs}
    spaced = np.linspace(0, len(learned.ends) - 1, min(count, len(learned.ends))).astype(int)
    real = raw_windows(learned.series, kinds, learned.ends[spaced], learned.extent.length)
    windows: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    for sign in (-1.0, -0.5, 0.5, 1.0):
        for entry in inputs:
            window = real[entry["name"]][0].copy()
            if entry["type"] == "number":
                edge = entry["min"] if sign < 0 else entry["max"]
                # Windows at the edge go up and down, so that no change of theirs is 0 / 0.
                window = np.where(np.arange(len(window)) % 2, edge + sign * entry["sd"], window)
            elif entry["type"] == "string" and not entry.get("closed"):
                window[:] = STRANGER
            windows[entry["name"]].append(window.astype(real[entry["name"]].dtype))
    return {name: np.concatenate([real[name], np.stack(windows[name])]) for name in kinds}


def contract(series: Series, plan: Plan, targets: Sequence[str]) -> list[dict[str, Any]]:
    """The contract of every raw column, of the rows that were measured.

    A row without the target was no row of the training, whatever its column could be filled with.
    Rows lean on those before them: `memory` of them tell as much as one.
    """
    from throughline.preprocessing.contract import contract as of_rows

    rows = series.rows[series.present]
    groups, steps = series.groups[series.present], series.steps[series.present]
    return [
        {
            **entry,
            "may_be_missing": entry["may_be_missing"] and entry["name"] not in targets,
            "memory": memory(rows[entry["name"]], groups, steps),
        }
        for entry in of_rows(rows, plan)
    ]

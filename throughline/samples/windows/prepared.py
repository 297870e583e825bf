"""A prepared series on disk: rows, features of every row, targets of every row, positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.paths import read_json
from throughline.preprocessing import aligned
from throughline.preprocessing.target import FittedTarget
from throughline.samples.windows.frame import Series
from throughline.samples.windows.gathered import Ahead, Windowed
from throughline.samples.windows.layout import WindowLayout, feed
from throughline.samples.windows.phases import windows
from throughline.samples.windows.positions import Extent
from throughline.samples.windows.target import FittedForecast

if TYPE_CHECKING:
    import onnx

    from throughline.preprocessing.fit import Preprocessing
    from throughline.preprocessing.plan import Plan

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


@dataclass(frozen=True)
class Learned:
    """What a network learns from, as `prepare` stored it.

    Attributes:
        series: training rows.
        ends: the newest row of each training window.
        extent: of a window.
        target: how the future is learned.
        values: the target of every row (T, K), or the label of every window (N, 1).
        summary: prepared.json.
        folder: where it lies.
    """

    series: Series
    ends: np.ndarray
    extent: Extent
    target: Fitted
    values: np.ndarray
    summary: dict[str, Any]
    folder: Path

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
    def kinds(self) -> dict[str, str]:
        """Name and kind of each raw input of the preprocessing."""
        return {
            entry["name"]: entry["type"]
            for entry in self.summary["inputs"]
            if not entry.get("answers_only")
        }


def read_learned(folder: Path) -> Learned:
    """The training side of a prepared series."""
    summary = read_json(folder / "prepared.json")
    window = summary["window"]
    return Learned(
        read_series(folder, window["grid"]),
        np.load(folder / "positions.npy", mmap_mode="r"),
        Extent.from_json(window["extent"]),
        read_target(summary["target"]),
        np.load(folder / "target.npy", mmap_mode="r"),
        summary,
        folder,
    )


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


def golden_windows(
    learned: Learned, inputs: list[dict[str, Any]], count: int
) -> dict[str, np.ndarray]:
    """Raw windows that every export is tried on: real ones, and all values at an edge.

    Args:
        learned: the training side.
        inputs: the contract of each raw column.
        count: of real windows, evenly spaced.
    """
    from throughline.preprocessing.golden import STRANGER

    kinds = {entry["name"]: entry["type"] for entry in inputs}
    spaced = np.linspace(0, len(learned.ends) - 1, min(count, len(learned.ends))).astype(int)
    real = raw_windows(learned.series, kinds, learned.ends[spaced], learned.extent.length)
    made: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    for sign in (-1.0, -0.5, 0.5, 1.0):
        for entry in inputs:
            window = real[entry["name"]][0].copy()
            if entry["type"] == "number":
                edge = entry["min"] if sign < 0 else entry["max"]
                # Windows at the edge go up and down, so that no change of theirs is 0 / 0.
                window = np.where(np.arange(len(window)) % 2, edge + sign * entry["sd"], window)
            elif entry["type"] == "string" and not entry.get("closed"):
                window[:] = STRANGER
            made[entry["name"]].append(window.astype(real[entry["name"]].dtype))
    return {name: np.concatenate([real[name], np.stack(made[name])]) for name in kinds}


def save_windows(windows: dict[str, np.ndarray], folder: Path) -> None:
    """Raw windows as golden.parquet: their rows one below the other."""
    import pandas as pd

    pd.DataFrame({name: a.ravel() for name, a in windows.items()}).to_parquet(
        folder / "golden.parquet"
    )


def load_windows(folder: Path, inputs: list[dict[str, Any]], length: int) -> dict[str, np.ndarray]:
    """What `save_windows` wrote, each (N, length)."""
    import pandas as pd

    from throughline.preprocessing.raw import raw_values

    rows = pd.read_parquet(folder / "golden.parquet")
    return {
        entry["name"]: (
            rows[entry["name"]].to_numpy(dtype=np.int64)
            if entry["type"] == "time"
            else raw_values(rows, entry["name"], entry["type"])
        ).reshape(-1, length)
        for entry in inputs
    }


def contract(series: Series, plan: Plan, targets: Sequence[str]) -> list[dict[str, Any]]:
    """The contract of every raw column, of the rows that were measured.

    A row without the target was no row of the training, whatever its column could be filled with.
    """
    from throughline.preprocessing.contract import contract as of_rows

    return [
        {**entry, "may_be_missing": entry["may_be_missing"] and entry["name"] not in targets}
        for entry in of_rows(series.rows[series.present], plan)
    ]

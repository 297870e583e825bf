"""Rows that follow each other in time as a draft of a forecast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.profile.facts import Fact

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS = 60
MOST_SERIES = 50
# So many of the steps between rows must be alike.
REGULAR = 0.95
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
FORMATS = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M",
    "%Y/%m/%d", "%d-%b-%y", "%b-%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y",
)  # fmt: skip
# Columns that say when together.
PARTS = (
    (("year", "month", "day", "hour"), "%Y %m %d %H"),
    (("year", "month", "day"), "%Y %m %d"),
)
# Step -> rows that the network sees, and the calendar that tells more than they do.
WINDOWS: Mapping[str, tuple[int, list[str]]] = {
    "10min": (36, ["hour"]),
    "15min": (48, ["hour", "weekday"]),
    "30min": (48, ["hour", "weekday"]),
    "1h": (48, ["hour", "weekday"]),
    "1d": (28, ["weekday", "month"]),
    "1mo": (12, []),
}
USUAL: tuple[int, list[str]] = (24, [])
SEASONAL = ("10min", "15min", "30min", "1h", "1d", "1mo")
FOLDS = 3


@dataclass(frozen=True)
class Grid:
    """How rows lie in time.

    Attributes:
        index: section `time.index`.
        columns: those of the index.
        every: the step, as `1h`.
        group: the column that tells several series apart, if any.
        complete: no step is missing.
        doubled: some steps have several rows.
        steps: of the longest series.
    """

    index: Any
    columns: list[str]
    every: str
    group: str | None
    complete: bool
    doubled: bool
    steps: int


def grid_of(frame: pd.DataFrame, facts: Sequence[Fact]) -> Grid | None:
    """The grid of rows that are one or several regular series; None for an ordinary table.

    Args:
        frame: the rows.
        facts: what is in their columns.
    """
    if len(frame) < FEWEST_ROWS:
        return None
    names = [fact.name for fact in facts if fact.role == "category" and fact.distinct > 1]
    for columns, (seconds, formats) in _times(frame, facts):
        index: Any = {"columns": columns, "formats": formats} if formats else columns[0]
        for group in (None, *names):
            labels = frame[group].astype(str).to_numpy() if group else np.zeros(len(frame), int)
            found = _grid(seconds, labels, index, columns, group)
            if found is not None:
                return found
    return None


def _times(
    frame: pd.DataFrame, facts: Sequence[Fact]
) -> Iterator[tuple[list[str], tuple[np.ndarray[Any, Any], list[str]]]]:
    """Columns that say when, with the seconds since 1970 and the format that reads them."""
    for fact in facts:
        if fact.role == "time" and not fact.missing:
            read = _seconds(frame[fact.name])
            if read is not None:
                yield [fact.name], read
    known = {fact.name.lower(): fact.name for fact in facts if fact.role != "text"}
    for names, form in PARTS:
        if all(name in known for name in names):
            columns = [known[name] for name in names]
            texts = frame[columns].astype("Int64").astype(str).agg(" ".join, axis=1)
            read = _seconds(texts, (form,))
            if read is not None:
                yield columns, read
            return


def _seconds(
    column: pd.Series, formats: Sequence[str] = FORMATS
) -> tuple[np.ndarray[Any, Any], list[str]] | None:
    """Seconds since 1970, and the format that reads them where ISO 8601 does not."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column.to_numpy(dtype="datetime64[s]").astype(np.int64), []
    texts = column.astype(str)
    try:
        naive = [text.removesuffix("Z") for text in texts]
        return np.array(naive, dtype="datetime64[s]").astype(np.int64), []
    except ValueError:
        pass
    for form in formats:
        times = pd.to_datetime(texts, format=form, errors="coerce")
        if times.notna().all():
            return times.to_numpy(dtype="datetime64[s]").astype(np.int64), [form]
    return None


def _grid(
    seconds: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    index: Any,
    columns: list[str],
    group: str | None,
) -> Grid | None:
    steps = [np.diff(np.sort(seconds[labels == label])) for label in np.unique(labels)]
    every = np.concatenate(steps)
    if len(every) < FEWEST_ROWS - 1 or (every == 0).mean() > 1 - REGULAR:
        return None
    step = int(np.median(every[every > 0]))
    monthly = 28 * 86_400 <= step <= 31 * 86_400
    same = (every >= 28 * 86_400) & (every <= 31 * 86_400) if monthly else every == step
    if same.mean() < REGULAR:
        return None
    if not monthly and ((every % step) != 0).any():
        return None
    doubled = bool((every == 0).any())
    complete = bool((same | (every == 0)).all())
    longest = max(len(part) for part in steps) + 1
    return Grid(index, columns, _called(step, monthly), group, complete, doubled, longest)


def _called(step: int, monthly: bool) -> str:
    if monthly:
        return "1mo"
    size, unit = next((size, unit) for size, unit in UNITS if step % size == 0)
    return f"{step // size}{unit}"


def sections(grid: Grid, facts: Sequence[Fact], target: str, notes: list[str]) -> dict[str, Any]:
    """The sections of a draft that forecasts a column.

    Args:
        grid: of the rows.
        facts: what is in their columns.
        target: the column that is forecast.
        notes: receives the columns that are left out and why.
    """
    lookback, calendar = WINDOWS.get(grid.every, USUAL)
    lookback = max(2, min(lookback, grid.steps // 12))
    time: dict[str, Any] = {"index": grid.index, "every": grid.every}
    time |= {"group": grid.group} if grid.group else {}
    time |= {"resample": "mean"} if grid.doubled else {}
    # A row without its target is set aside, which leaves a gap as well.
    lacking = any(fact.missing for fact in facts if fact.name == target)
    time |= {"gaps": "mark"} if lacking or not grid.complete else {}
    time |= {"lookback": lookback, "horizon": 1}
    time |= {"calendar": calendar} if calendar else {}
    columns = {
        fact.name: {**({"impute": "median"} if fact.missing else {}), "scale": "standard"}
        for fact in facts
        if fact.role in ("number", "flag") and fact.name not in (grid.group, *grid.columns)
    }
    notes += [
        f"{fact.name} is left out: {fact.role}, and a window holds numbers"
        for fact in facts
        if fact.name not in columns and fact.name not in (grid.group, *grid.columns)
    ]
    seasonal = ["seasonal-persistence"] if grid.every in SEASONAL else []
    windows = grid.steps * 0.8 / (FOLDS + 1)
    folds = {"cross_validation": {"folds": FOLDS}} if windows > 4 * (lookback + 1) else {}
    return {
        "target": {"column": target, "scale": "standard"},
        "columns": columns,
        "time": time,
        "split": {"kind": "temporal", "test": 0.2},
        "network": [{"Flatten": {}}, {"Dense": {"units": 32, "activation": "relu"}}],
        "training": {
            "optimizer": {"Adam": {"learning_rate": 0.003}},
            "batch_size": 256 if grid.steps > 5_000 else 32,
            "epochs": 10 if grid.steps > 20_000 else 30,
        },
        **folds,
        "compare": ["persistence", *seasonal],
        "gates": {"beat": "persistence"},
    }

"""The rows of a file, served as they are, become the windows that its draft is judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from throughline.pipeline.pipeline import Pipeline
from throughline.profile.draft import drafted
from throughline.profile.facts import facts
from throughline.samples.windows.prepared import raw_windows
from throughline.samples.windows.preparing.series import PreparedSeries, prepared
from throughline.serving.rows.reading import read_columns
from throughline.serving.rows.values import PLAIN, converted
from throughline.serving.rows.windows import Fed, Windowing
from throughline.sources.table import standardised


def plain(name: str, entry: Mapping[str, Any], values: Any) -> np.ndarray:
    """Values that are read as they say."""
    return converted(name, entry, values, PLAIN)


def walk(count: int, seed: int = 0) -> np.ndarray:
    """A series that leans on its day before."""
    noise = np.random.default_rng(seed).normal(0, 1, count)
    return np.round(50 + np.convolve(noise, 0.8 ** np.arange(20))[:count], 3)


def days(freq: str, count: int, form: str = "%Y-%m-%d") -> list[str]:
    return list(pd.date_range("2015-01-05", periods=count, freq=freq).strftime(form))


def local_clock() -> pd.DataFrame:
    """Hours of a wall clock: one is missing in spring and one comes twice in autumn."""
    hours = pd.date_range("2023-03-01", "2023-11-15", freq="h", tz="Europe/Berlin")
    return pd.DataFrame({"time": hours.strftime("%Y-%m-%d %H:%M"), "y": walk(len(hours))})


def shops() -> pd.DataFrame:
    """Every day a row of each shop, one of which sells a hundred times as much."""
    parts = [
        pd.DataFrame({"day": days("D", 200), "shop": shop, "y": size * walk(200, size)})
        for shop, size in (("b", 1), ("a", 100))
    ]
    return pd.concat(parts).sort_values("day", kind="stable")


def with_blanks() -> pd.DataFrame:
    table = pd.DataFrame({"date": days("D", 400), "x": walk(400, 1), "y": walk(400)})
    table.loc[np.arange(5, 400, 17), "y"] = np.nan
    table.loc[np.arange(9, 400, 31), "x"] = np.nan
    return table


KINDS: dict[str, tuple[Callable[[], pd.DataFrame], dict[str, Any]]] = {
    "hours of a local clock": (local_clock, {}),
    "shops of different size": (shops, {}),
    "blanks": (with_blanks, {}),
    "month ends": (lambda: pd.DataFrame({"d": days("ME", 150), "y": walk(150)}), {}),
    "last business days of months": (
        lambda: pd.DataFrame({"d": days("BME", 150), "y": walk(150)}),
        {},
    ),
    "quarters": (lambda: pd.DataFrame({"d": days("QE", 120), "y": walk(120)}), {}),
    "business days with holidays": (
        lambda: pd.DataFrame({"d": days("B", 400), "y": walk(400)}).drop(index=[50, 180, 181]),
        {},
    ),
    "weeks": (lambda: pd.DataFrame({"d": days("W", 500, "%d/%m/%Y"), "y": walk(500)}), {}),
    "growth": (lambda: pd.DataFrame({"d": days("D", 400), "y": walk(400) + np.arange(400)}), {}),
    "hours with gaps": (
        lambda: pd.DataFrame({"d": days("h", 900, "%m/%d/%Y %I:%M %p"), "y": walk(900)}).drop(
            index=[400, 401, 600]
        ),
        {},
    ),
    "quarter-hours joined to hours": (
        lambda: pd.DataFrame({"d": days("15min", 2000, "%Y-%m-%d %H:%M"), "y": walk(2000)}),
        {"every": "1h", "resample": "mean"},
    ),
    "epochs": (
        lambda: pd.DataFrame({"ts": 1_700_000_000 + 3600 * np.arange(500), "y": walk(500)}),
        {},
    ),
}


def done_with(table: pd.DataFrame, time: dict[str, Any], file: Path) -> PreparedSeries:
    """A draft of the file as `prepare` leaves it, after rows without a target are set aside."""
    table.to_csv(file, index=False)
    rows = standardised(pd.read_csv(file), {}, (), file.name)
    sections = drafted(rows, facts(rows), "y", {"file": str(file)}, "What is next?").sections
    sections["time"] = {**sections["time"], **time}
    # Rules and folds are other stages'.
    kept = {key: value for key, value in sections.items() if key != "expectations"}
    return prepared(rows[rows["y"].notna()].reset_index(drop=True), Pipeline.model_validate(kept))


class TestTheRowsOfTheFile:
    @pytest.mark.parametrize("kind", list(KINDS))
    def test_are_served_as_the_report_judges_them(self, kind: str, tmp_path: Path) -> None:
        made, time = KINDS[kind]
        done = done_with(made(), time, tmp_path / "rows.csv")
        inputs = {entry["name"]: entry for entry in done.summary["inputs"]}
        window = done.summary["window"]
        served = Windowing(window, inputs).feed(read_columns(tmp_path / "rows.csv"), plain)
        places = {key: place for place, key in enumerate(keys(served))}
        series, ends = done.test.series, done.test.ends
        groups = [tuple(str(series.rows[g].iloc[end]) for g in window["group"]) for end in ends]
        judged = list(zip(series.clock[ends].tolist(), groups, strict=True))
        assert len(judged) >= 10
        found = [places[key] for key in judged]
        kinds = {name: entry["type"] for name, entry in inputs.items()}
        for name, values in raw_windows(series, kinds, ends, done.extent.length).items():
            np.testing.assert_allclose(served.inputs[name][found], values, rtol=1e-6, atol=1e-6)


def keys(fed: Fed) -> list[tuple[int, tuple[str, ...]]]:
    """The time and the series of each served window."""
    labels = [list(map(str, values)) for values in fed.series.values()]
    series = list(zip(*labels, strict=True)) if labels else [()] * len(fed.newest)
    return list(zip(fed.newest.tolist(), series, strict=True))

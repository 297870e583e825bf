"""Ontario's zonal demand, read from a small file of the same form."""

from __future__ import annotations

import bz2
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from throughline.errors import ThroughlineError
from throughline.paths import Workspace, read_json
from throughline.samples.windows.prepared import read_series
from throughline.stages.run import run_stage
from throughline.stages.wire import wire

ROOT = Path(__file__).parents[2]
DAYS = 12
FIRST = datetime(2013, 12, 26)
ZONES = ["Northwest", "Northeast", "Ottawa", "East", "Toronto", "Essa", "Bruce", "Southwest"]
ZONES += ["Niagara", "West"]


def load() -> np.ndarray:
    hours = np.arange(24 * DAYS)
    return np.round(15000 + 3000 * np.sin(2 * np.pi * hours / 24)).astype(int)


def line(hour: int, total: int) -> str:
    """A row: hours from 1 to 24, two ways of writing a date, separators from a thousand on."""
    day = FIRST + timedelta(hours=hour)
    date = day.strftime("%d-%b-%y" if day.year == 2013 else "%Y/%m/%d")
    difference = 163 if hour % 2 else 1637
    zones = ",".join(str(total // 10) for _ in ZONES)
    said = f'"{difference:,}"' if difference >= 1000 else str(difference)
    return f"{date},{day.hour + 1},{total},{zones},{total + difference},{said}"


def text() -> str:
    header = ",".join(["Date", "Hour", "Total Ontario", *ZONES, "Tot Zones", "diff"])
    rows = [line(hour, total) for hour, total in enumerate(load().tolist())]
    return "\n".join([header, *rows]) + "\n"


def workspace(root: Path, content: str) -> Workspace:
    """The catalogue's pipeline over a file at hand instead of the address, and of its length."""
    source = ROOT / "textbooks" / "pipelines" / "load-ontario" / "pipeline.yaml"
    document: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    del document["source"]["url"], document["source"]["sha256"]
    document["source"]["file"] = "ZonalDemands_2003-2016.csv.bz2"
    count = next(rule for rule in document["expectations"]["rules"] if "row_count" in str(rule))
    assert count == {"expect_table_row_count_to_equal": {"value": 119856}}
    document["expectations"]["rules"].remove(count)
    document["variants"] = {"last-hour": document["variants"]["last-hour"]}
    document["claims"] = []
    own = Workspace(root, "load-ontario")
    own.pipeline_file.parent.mkdir(parents=True)
    own.pipeline_file.write_text(yaml.safe_dump(document, sort_keys=False))
    own.parameters_file.write_bytes((ROOT / "params.yaml").read_bytes())
    (root / document["source"]["file"]).write_bytes(bz2.compress(content.encode()))
    wire(root, ["load-ontario"])
    return own


def read(root: Path, content: str) -> Workspace:
    own = workspace(root, content)
    for stage in ("ingest", "validate", "prepare"):
        run_stage(stage, "load-ontario", root)
    return own


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return read(tmp_path_factory.mktemp("ontario"), text())


class TestReading:
    def test_numbers_and_names_are_those_of_the_file(self, prepared: Workspace) -> None:
        rows = pd.read_parquet(prepared.raw / "rows.parquet")
        assert rows.columns.tolist()[:3] == ["Date", "Hour", "load"] and rows.shape == (288, 15)
        assert rows["load"].tolist() == load().tolist()
        assert rows["diff"].tolist() == [1637, 163] * 144
        assert (rows["Tot Zones"] - rows["load"]).tolist() == rows["diff"].tolist()

    def test_hour_24_is_the_next_midnight_in_both_ways_of_writing(
        self, prepared: Workspace
    ) -> None:
        folder = prepared.training_data / "main"
        grid = read_json(folder / "prepared.json")["window"]["grid"]
        parts = [read_series(path, grid) for path in (folder, prepared.test_data / "main")]
        clock = np.concatenate([part.clock for part in parts])
        first = np.datetime64("2013-12-26T01:00", "s").astype(np.int64)
        np.testing.assert_array_equal(clock, first + 3600 * np.arange(288))

    def test_the_split_is_the_texts(self, prepared: Workspace) -> None:
        """Rows up to 2014 train; midnight of New Year's Eve is hour 24 of 2013 and a test row."""
        folder = prepared.training_data / "main"
        grid = read_json(folder / "prepared.json")["window"]["grid"]
        known, held = read_series(folder, grid), read_series(prepared.test_data / "main", grid)
        newest = np.datetime64("2013-12-31T23:00", "s").astype(np.int64)
        assert known.clock[-1] == newest and held.clock[0] == newest + 3600

    def test_the_network_sees_the_texts_scale(self, prepared: Workspace) -> None:
        """13,702 MW is .7404, as the text prints it."""
        features = np.load(prepared.training_data / "main" / "features.npy")
        np.testing.assert_allclose(features[:, 0], (load()[: len(features)] - 10000) / 5000)
        assert round((13702 - 10000) / 5000, 4) == 0.7404


class TestRefusal:
    def test_of_a_missing_hour(self, tmp_path: Path) -> None:
        lines = text().splitlines()
        with pytest.raises(ThroughlineError, match="1 have none"):
            read(tmp_path, "\n".join(lines[:40] + lines[41:]) + "\n")

"""The page's own clock and cells hold with those of serving, by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest

from throughline.serving.errors import BadRequest
from throughline.serving.rows import clock
from throughline.serving.rows.cells import Cells
from throughline.trial.trial_page import FOLDER

DAY = 86_400
GRIDS = {
    "hours": {"unit": "s", "every": 3600, "origin": 1800},
    "weeks": {"unit": "s", "every": 7 * DAY, "origin": 4 * DAY},
    "weekdays": {"unit": "b", "every": 1, "origin": 0},
    "months": {"unit": "mo", "every": 1, "origin": 0},
    "ends of months": {"unit": "mo", "every": 1, "origin": -DAY},
    "quarters": {"unit": "mo", "every": 3, "origin": 0, "phase": 1},
}
TEXTS = {
    "2024-02-29": [],
    "2024-02-29 23:59": [],
    "2024-02-29T23:59:58Z": [],
    "29/02/2024 7:05": ["%Y-%m-%d", "%d/%m/%Y %H:%M"],
    "Feb 28, 99": ["%b %d, %y"],
    "12:05:09 PM 01.03.2024": ["%I:%M:%S %p %d.%m.%Y"],
    "2024Q3": ["%YQ%q"],
    "1709251200": ["epoch"],
    "1974.083": ["decimal-year"],
    "1974.25": ["decimal-year"],
    "1709251200123": ["epoch-ms"],
}
CELLS = {
    "1.5": {},
    "-2e3": {},
    "NA": {},
    "1,234.5": {"thousands": ","},
    "1.234,5": {"thousands": ".", "decimal": ","},
    "1 234,5": {"thousands": " ", "decimal": ","},
    "$1.5": {"mark": "$"},
    "($5)": {"mark": "$"},
    "24.3%": {"mark": "%"},
    "\u22123": {},
    "Yes": {"words": True},
}


def in_node(expression: str, given: Any) -> Any:
    """What an expression of the page's scripts is, of `given`."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    scripts = "\n".join(
        (FOLDER / f"{name}.js").read_text() for name in ("elements", "cells", "times")
    )
    code = (
        f"{scripts}\nconst given = {json.dumps(given)};\nconsole.log(JSON.stringify({expression}))"
    )
    done = subprocess.run([node, "-e", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def moments() -> list[int]:
    drawn = np.random.default_rng(0).integers(-(10**9), 3 * 10**9, 300)
    return [int(moment) for moment in drawn]


def test_steps_are_counted_as_by_serving(moments: list[int]) -> None:
    asked = [list(GRIDS.values()), moments]
    found = in_node("given[0].map((grid) => given[1].map((each) => stepOf(each, grid)))", asked)
    for grid, steps in zip(GRIDS.values(), found, strict=True):
        # A weekend belongs to no step of weekdays.
        kept = [
            place
            for place, moment in enumerate(moments)
            if grid["unit"] != "b" or (moment // DAY + 3) % 7 < 5
        ]
        expected, _ = clock.steps(np.array(moments, dtype=np.int64), grid)
        assert [steps[at] for at in kept] == expected[kept].tolist()
        back = in_node("given[1].map((each) => atStep(each, given[0]))", [grid, steps])
        assert back == clock.moments_of(np.array(steps), grid).tolist()


def test_wall_clocks_are_those_of_serving(moments: list[int]) -> None:
    zone = "Europe/Amsterdam"
    # Before its standard time of today the zone had offsets with seconds.
    recent = [moment for moment in moments if moment > 0]
    walls = clock.wall_clock(np.array(recent, dtype=np.int64), zone)
    assert in_node(f"given.map((each) => onWall(each, {zone!r}))", recent) == walls.tolist()


@pytest.mark.parametrize("text", TEXTS)
def test_times_are_read_as_by_serving(text: str) -> None:
    index = {"columns": ["when"], "formats": TEXTS[text], "hour": None, "zone": None}
    expected = clock.seconds({"when": [text]}, index)
    assert in_node("secondsOf(given[0], given[1])", [{"when": text}, index]) == expected[0]


@pytest.mark.parametrize(
    ("text", "formats"),
    [("2024-02-30", []), ("2024-01-01 24:00", []), ("Feb 29, 99", ["%b %d, %y"]), ("soon", [])],
)
def test_no_time_is_made_of_what_is_none(text: str, formats: list[str]) -> None:
    index = {"columns": ["when"], "formats": formats, "hour": None, "zone": None}
    with pytest.raises(BadRequest):
        clock.seconds({"when": [text]}, index)
    told = (
        "(() => { try { return secondsOf(...given); } catch (error) { return error.message; } })()"
    )
    assert "must be a time" in in_node(told, [{"when": text}, index])


@pytest.mark.parametrize("text", CELLS)
def test_cells_are_read_as_by_serving(text: str) -> None:
    reading: dict[str, Any] = CELLS[text]
    found = in_node("numberIn(given[0], cellsOf(given[1], 'x'))", [text, reading])
    # JSON has no NaN.
    assert found == Cells.of(reading).number(text)

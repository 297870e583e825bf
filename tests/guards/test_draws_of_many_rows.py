"""Of very many rows guards look at a draw where that tells as much, else at all of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from throughline.guards.examine import examine
from throughline.guards.finding import MOST_ROWS, Finding, draw
from throughline.pipeline.schema.protocol import Split
from throughline.pipeline.schema.targets import Target

ROWS = 2 * MOST_ROWS


def found(rows: pd.DataFrame, guard: str, task: str = "binary") -> list[Finding]:
    parts = np.where(np.arange(len(rows)) % 5 == 0, "test", "training")
    features = [name for name in rows.columns if name != "y"]
    findings = examine(rows, parts, features, Target(columns=["y"]), task, Split())
    return [each for each in findings if each.guard == guard and not each.passed]


@pytest.fixture
def rows() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    noise = generator.normal(size=(ROWS, 4))
    frame = pd.DataFrame(noise, columns=["a", "b", "c", "d"])
    return frame.assign(y=generator.integers(0, 2, ROWS))


def test_a_draw_is_of_different_rows_in_order_and_the_same_again() -> None:
    places = draw(ROWS)
    assert isinstance(places, np.ndarray)
    assert len(places) == MOST_ROWS
    assert (np.diff(places) > 0).all()
    assert places is draw(ROWS)
    assert draw(MOST_ROWS) == slice(None)


def test_of_honest_rows_nothing_is_said(rows: pd.DataFrame) -> None:
    for guard in ("target_in_disguise", "duplicates", "shifted_parts", "identifiers", "windows"):
        assert found(rows, guard) == []


def test_one_equal_row_of_many_is_found(rows: pd.DataFrame) -> None:
    rows.loc[50_000, ["a", "b", "c", "d"]] = [0.0, 1.5, 2.5, -0.0]
    rows.loc[77_777, ["a", "b", "c", "d"]] = [-0.0, 1.5, 2.5, 0.0]
    (one,) = found(rows, "duplicates")
    assert one.rows == (50_000,)


def test_names_of_ten_rows_each_that_tell_the_class_are_found(rows: pd.DataFrame) -> None:
    place = np.arange(ROWS) // 10
    tells = np.random.default_rng(1).integers(0, 2, place.max() + 1)
    (one,) = found(rows.assign(site=[f"s{p}" for p in place], y=tells[place]), "target_in_disguise")
    assert one.columns == ("site",)
    assert "each of its 10000 values has one target" in one.message


def test_means_of_the_target_of_all_rows_are_found(rows: pd.DataFrame) -> None:
    rows = rows.assign(y=rows["a"] + np.random.default_rng(2).normal(size=ROWS))
    rows["mean"] = rows.groupby(np.arange(ROWS) // 40)["y"].transform("mean")
    findings = found(rows, "target_in_disguise", "regression")
    assert [each.columns for each in findings] == [("mean",)]


def test_a_number_in_another_unit_and_a_shift_are_found(rows: pd.DataFrame) -> None:
    rows = rows.assign(y=rows["a"], f=rows["a"] * 9 / 5 + 32).drop(columns="a")
    rows.loc[np.arange(ROWS) % 5 == 0, "b"] += 0.5
    assert [each.columns for each in found(rows, "target_in_disguise", "regression")] == [("f",)]
    assert [each.columns for each in found(rows, "shifted_parts", "regression")] == [("b",)]

"""A draft of a forecast sees its series as a linear forecast of later training rows does best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from throughline.errors import BadData
from throughline.pipeline.pipeline import Pipeline
from throughline.profile.draft import Draft, drafted
from throughline.profile.facts import facts
from throughline.profile.kinds.forecast import _blocks
from throughline.profile.yaml_text import as_text

MONTHS, HOURS = 240, 1200


def draft(**columns: Any) -> Draft:
    """The draft of columns beside `when`; the last one is forecast."""
    rows = pd.DataFrame(columns)
    found = drafted(rows, facts(rows), list(columns)[-1], {"file": "rows.csv"}, "What is next?")
    Pipeline.model_validate(yaml.safe_load(as_text(found)))
    return found


def days(freq: str, count: int) -> list[str]:
    return list(pd.date_range("2001-01-01", periods=count, freq=freq).astype(str))


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, count)


def shares() -> np.ndarray:
    """Each month so many percent more as the month before made likely."""
    percents = np.zeros(MONTHS)
    for month in range(1, MONTHS):
        percents[month] = 0.8 * percents[month - 1] + 0.05 * noise(MONTHS)[month]
    return np.asarray(100 * np.exp(np.cumsum(percents)))


class TestADraft:
    def test_of_a_walk_learns_steps(self) -> None:
        found = draft(when=days("D", 600), y=np.cumsum(noise(600)) - 60)
        assert found.sections["target"]["change"] == "difference"
        assert found.sections["columns"]["y"]["change"] == "difference"

    def test_of_a_share_learns_percents(self) -> None:
        found = draft(when=days("MS", MONTHS), y=shares())
        assert found.sections["target"]["change"] == "percent"

    @pytest.mark.parametrize(
        "values",
        [
            np.arange(600) % 7,
            np.arange(600) * 0.1,
        ],
        ids=["day of the week", "counter"],
    )
    def test_makes_no_change_that_leaves_nothing(self, values: np.ndarray) -> None:
        found = draft(when=days("D", 600), y=values)
        assert "change" not in found.sections["target"]

    @pytest.mark.parametrize(("still", "folds"), [(100, 3), (140, 2), (300, None)])
    def test_has_folds_that_begin_where_it_moves(self, still: int, folds: int | None) -> None:
        walk = np.where(np.arange(600) < still, 5.0, np.cumsum(noise(600)) + 100)
        sections = draft(when=days("D", 600), y=walk).sections
        assert sections.get("cross_validation", {}).get("folds") == folds

    def test_begins_linear_and_stops_by_later_stretches(self) -> None:
        training = draft(when=days("h", HOURS), y=noise(HOURS)).sections["training"]
        assert training["start"] == "linear"
        assert training["epochs"]["choose"] == "cross_validation"

    def test_is_chosen_on_later_blocks_once_three_eighths_are_known(self) -> None:
        blocks = list(_blocks(np.repeat(np.arange(80), 2)))
        assert [int(asked.sum()) for _, asked in blocks] == [20] * 5
        assert [int(known.sum()) for known, _ in blocks] == [60, 80, 100, 120, 140]

    def test_of_few_rows_stays_linear(self) -> None:
        found = draft(when=days("MS", 60), y=np.cumsum(noise(60)) + 100)
        assert found.sections["network"] == [{"Flatten": {}}]

    def test_takes_a_column_that_leads_the_target_and_no_other(self) -> None:
        lead, idle = noise(HOURS), noise(HOURS, 1)
        y = 3 * np.roll(lead, 1) + 0.1 * noise(HOURS, 2)
        assert list(draft(when=days("h", HOURS), lead=lead, y=y).sections["columns"]) == [
            "y", "lead",
        ]  # fmt: skip
        found = draft(when=days("h", HOURS), idle=idle, y=np.cumsum(noise(HOURS)))
        assert list(found.sections["columns"]) == ["y"]
        assert any(note.startswith("idle is left out: a linear forecast") for note in found.notes)

    def test_takes_the_calendar_where_the_past_does_not_tell(self) -> None:
        # A window of some weeks under noise does not say how far the year has gone.
        wave = 10 * np.sin(2 * np.pi * np.arange(1500) / 365.25)
        plain = draft(when=days("D", 1500), y=np.cumsum(noise(1500)))
        told = draft(when=days("D", 1500), y=wave + 10 * noise(1500))
        assert "calendar" not in plain.sections["time"]
        assert told.sections["time"]["calendar"] == ["weekday", "month"]

    def test_knows_nothing_of_the_test_rows(self) -> None:
        values = np.cumsum(noise(600)) - 60
        changed = values.copy()
        changed[480:] = 1e4 * noise(120, 3)
        first, second = (draft(when=days("D", 600), y=y).sections for y in (values, changed))
        for section in ("target", "columns", "time", "network", "training"):
            assert first[section] == second[section]

    @pytest.mark.parametrize("size", [1, 1000])
    def test_of_a_panel_asks_every_series(self, size: int) -> None:
        parts = [
            pd.DataFrame({"when": days("D", 300), "shop": shop, "y": by * (np.cumsum(walk) + 300)})
            for shop, by, walk in (("a", 1, noise(300)), ("b", size, noise(300, 1)))
        ]
        rows = pd.concat(parts)
        found = drafted(rows, facts(rows), "y", {"file": "rows.csv"}, "What is next?").sections
        assert found["time"]["group"] == "shop"
        assert found["target"]["change"] in ("difference", "percent")


@pytest.mark.parametrize("written", ["FY{} Q{}", "{}H{}"])
def test_times_that_are_no_dates_are_told_how_to_be_some(written: str) -> None:
    """Fiscal quarters and half-years begin where their owner says: the way on is a date."""
    when = [written.format(1950 + i // 2, 1 + i % 2) for i in range(120)]
    with pytest.raises(BadData, match=r"when \(identifier\).*as its first day, such as 2024-07-01"):
        draft(when=when, y=noise(120))

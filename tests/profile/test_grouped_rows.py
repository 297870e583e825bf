"""Drafts of tables in which one thing has several rows: whole groups test, no id is a feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.guards import Table, clean
from throughline.profile.draft import Draft, drafted
from throughline.profile.facts import facts
from throughline.profile.grouped_rows import group_column, same_groups, split
from throughline.samples.splits import drawn


def visits(people: int = 60, seed: int = 0, name: str = "patient_id") -> pd.DataFrame:
    """Two to six visits of each of some people, who have one sex and one year of birth."""
    generator = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), generator.integers(2, 7, people))
    generator.shuffle(who)
    sex, born = generator.choice(["f", "m"], people), generator.integers(1940, 2000, people)
    pulse = generator.normal(70, 9, len(who)).round(1)
    return pd.DataFrame(
        {
            name: 7000 + who,
            "sex": sex[who],
            "born": born[who],
            "pulse": pulse,
            "y": np.where(pulse + generator.normal(0, 9, len(who)) > 70, "ill", "well"),
        }
    )


def draft_of(frame: pd.DataFrame, target: str = "y") -> Draft:
    return drafted(frame, facts(frame), target, {"file": "rows.csv"}, "rows")


def test_how_days_are_read_is_said_with_the_key() -> None:
    frame = visits()
    frame["since"] = pd.date_range("2020-01-01", periods=len(frame)).strftime("%d.%m.%Y")
    said = ("since", "times such as '01.01.2020', read as %d.%m.%Y", "source.read.times")
    assert said in draft_of(frame).readings


class TestADraft:
    @pytest.mark.parametrize("name", ["patient_id", "customer", "User ID", "PatID", "who"])
    def test_splits_by_what_is_called_or_acts_like_a_person(self, name: str) -> None:
        draft = draft_of(visits(name=name))
        assert draft.sections["split"]["kind"] == "grouped"
        assert draft.sections["split"]["column"] == name
        assert list(draft.sections["columns"]) == ["sex", "born", "pulse"]
        assert any(column == name and key == "split.column" for column, _, key in draft.readings)
        assert any(note.startswith(f"{name} is left out: it names groups") for note in draft.notes)

    def test_holds_no_rule_that_a_new_person_breaks(self) -> None:
        rules = draft_of(visits()).sections["expectations"]["rules"]
        told = [rule for rule in rules if "patient_id" in str(rule)]
        assert all("not_be_null" in str(rule) or "columns_to_match" in str(rule) for rule in told)

    def test_keeps_other_names_of_the_same_people_out(self) -> None:
        frame = visits()
        frame["surname"] = "Smith-" + frame["patient_id"].astype(str)
        frame["height"] = frame["patient_id"].map(lambda n: 150 + n * 7919 % 50 + n / 1e4)
        assert same_groups(frame, facts(frame), "patient_id") == ["surname"]
        assert "surname" not in draft_of(frame).sections["columns"]
        assert "height" in draft_of(frame).sections["columns"]

    def test_of_a_number_to_predict(self) -> None:
        draft = draft_of(visits().assign(y=lambda f: f["pulse"] * 2.5), "y")
        assert draft.sections["split"] == {
            "kind": "grouped", "column": "patient_id", "test": 0.2, "seed": 0,
        }  # fmt: skip

    def test_takes_a_household_for_its_persons(self) -> None:
        frame = visits(80)
        frame["household_id"] = frame["patient_id"] // 3
        assert group_column(frame, facts(frame), "y") == "household_id"


class TestNoGroups:
    def kept(self, frame: pd.DataFrame) -> str | None:
        return group_column(frame, facts(frame), "y")

    def test_where_each_row_is_another_person(self) -> None:
        frame = visits()
        assert self.kept(frame.drop_duplicates("patient_id")) is None
        assert self.kept(frame.assign(patient_id=range(len(frame)))) is None

    def test_where_some_rows_are_of_nobody(self) -> None:
        frame = visits().astype({"patient_id": float})
        frame.loc[3, "patient_id"] = np.nan
        assert self.kept(frame) is None

    def test_where_most_rows_are_of_one(self) -> None:
        frame = visits()
        frame.loc[frame.index[:120], "patient_id"] = 0
        assert self.kept(frame) is None

    def test_in_a_number_and_what_is_made_from_it(self) -> None:
        generator = np.random.default_rng(0)
        weight = generator.integers(100, 200, 400)
        measured = {"weight": weight, "pounds": weight * 2.2, "log": np.log(weight)}
        assert self.kept(pd.DataFrame({**measured, "y": generator.choice(["a", "b"], 400)})) is None

    @pytest.mark.parametrize("name", ["week", "yr", "quarter", "fiscal_yr"])
    def test_in_a_moment_that_rows_share(self, name: str) -> None:
        generator = np.random.default_rng(0)
        week = generator.integers(0, 80, 400)
        shared = {name: week, "rain": generator.normal(size=80)[week], "season": week // 13}
        assert self.kept(pd.DataFrame({**shared, "y": generator.choice(["a", "b"], 400)})) is None

    def test_in_public_tables(self) -> None:
        """None has rows of one thing several times."""
        tables: list[Table] = list(clean(None))
        alarms = [table.name for table in tables if self.kept(table.rows) is not None]
        assert len(tables) >= 5
        assert len(alarms) <= 0.02 * len(tables)


@given(st.integers(0, 300), st.integers(10, 40), st.floats(0.02, 0.5))
def test_both_parts_have_every_class_or_the_guard_only_warns(
    seed: int, people: int, share: float
) -> None:
    generator = np.random.default_rng(seed)
    frame = visits(people, seed)
    # A class that some people have in all their rows.
    rare = generator.random(7000 + people) < share
    frame["y"] = np.where(rare[frame["patient_id"]], "rare", frame["y"])
    found: dict[str, Any] = split(frame, "patient_id", "y", True)
    groups = frame["patient_id"].to_numpy()
    held = np.isin(np.arange(len(frame)), drawn.grouped(groups, found["test"], found["seed"]))
    classes = [set(frame["y"][part]) for part in (held, ~held)]
    assert classes[0] == classes[1] or found["guards"] == {"unseen_classes": "warn"}
    assert not set(groups[held]) & set(groups[~held])

"""The rows that a training is watched on are as far from the others as the test rows are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.protocol import Split
from throughline.samples.splits.parts import parts
from throughline.samples.splits.watched import watched
from throughline.samples.windows.positions import Extent
from throughline.samples.windows.splits_in_time import last_share

SHARES = st.floats(0.05, 0.6)


@given(
    people=st.lists(st.integers(0, 9), min_size=20, max_size=60),
    share=SHARES,
    seed=st.integers(0, 9),
)
def test_groups_stay_whole(people: list[int], share: float, seed: int) -> None:
    """Persons on both sides once gave a validation accuracy of 1.0 and .30 on the test rows."""
    rows = pd.DataFrame({"person": people})
    split = Split(kind="grouped", column="person")
    if rows["person"].nunique() == 1:
        with pytest.raises(BadData, match="must leave rows to train on"):
            watched(rows, split, share, seed)
        return
    training, held = watched(rows, split, share, seed)
    assert held is not None
    assert sorted([*training, *held]) == list(range(len(rows)))
    assert set(rows["person"][training]).isdisjoint(rows["person"][held])


@given(
    days=st.lists(st.integers(0, 500), min_size=20, max_size=60, unique=True),
    share=SHARES,
    gap=st.integers(0, 5),
)
def test_the_latest_are_watched_behind_the_gap(days: list[int], share: float, gap: int) -> None:
    rows = pd.DataFrame({"day": days})
    training, held = watched(rows, Split(kind="temporal", column="day", gap=gap), share, 0)
    assert held is not None
    assert len(held) == max(1, round(len(rows) * share))
    assert rows["day"][training].max() < rows["day"][held].min()
    assert len(training) + len(held) + gap == len(rows)
    between = rows["day"].between(rows["day"][training].max(), rows["day"][held].min())
    assert between.sum() == gap + 2


@pytest.mark.parametrize("word", ["valid", "validation", "val", "dev", "Validation", "valid_set"])
def test_predefined_rows_are_those_that_the_column_names(word: str) -> None:
    """Those called `val`, `dev` or `Validation` once trained, and others were drawn to watch."""
    rows = pd.DataFrame({"part": ["train", word, "train", "training"] * 4 + ["test"]})
    split = Split(kind="predefined", column="part")
    rows = rows[parts(rows, split) == "training"]
    training, held = watched(rows, split, 0.2, 0)
    assert held is not None
    assert set(rows["part"].iloc[held]) == {word}
    assert set(rows["part"].iloc[training]) == {"train", "training"}


def test_of_parts_without_one_to_watch_rows_are_drawn() -> None:
    rows = pd.DataFrame({"part": ["train"] * 50})
    training, held = watched(rows, Split(kind="predefined", column="part"), 0.2, 1)
    assert held is not None
    assert (len(training), len(held)) == (40, 10)
    assert held.tolist() != list(range(40, 50))


@given(
    names=st.lists(st.sampled_from("aaaabbc"), min_size=10, max_size=80),
    share=SHARES,
    seed=st.integers(0, 9),
)
def test_a_stratified_split_is_watched_on_all_classes(
    names: list[str], share: float, seed: int
) -> None:
    """Single draws once left the rare class out of what decides when to stop."""
    rows = pd.DataFrame({"kind": names})
    training, held = watched(rows, Split(stratify="kind"), share, seed)
    assert held is not None
    assert sorted([*training, *held]) == list(range(len(rows)))
    count = max(1, round(len(rows) * share))
    assert len(held) == count
    counts = rows["kind"].value_counts()
    drawn = rows["kind"][held].value_counts()
    for name, total in counts.items():
        assert abs(drawn.get(name, 0) - total * count / len(rows)) < 1


@given(days=st.lists(st.integers(0, 9), min_size=20, max_size=60), share=SHARES)
def test_rows_of_one_time_stay_together(days: list[int], share: float) -> None:
    rows = pd.DataFrame({"day": days})
    split = Split(kind="temporal", column="day", test=share)
    try:
        training, held = watched(rows, split, share, 0)
        assigned = parts(rows, split)
    except BadData as error:
        assert "at least one row" in str(error) or "leave rows to train on" in str(error)
        return
    assert held is not None
    assert rows["day"][training].max() < rows["day"][held].min()
    assert rows["day"][assigned == "training"].max() < rows["day"][assigned == "test"].min()


def test_windows_are_watched_behind_the_gap_of_the_split() -> None:
    extent = Extent(length=4, lookback=4, step=1, before=4, horizons=(2,))
    for gap in (0, 7):
        training, held = last_share(np.arange(100), 0.2, extent, gap)
        assert held is not None
        assert held.min() == 80
        assert held.min() - extent.before - (training.max() + extent.after) == gap


def test_other_splits_draw_single_rows_and_without_a_share_none() -> None:
    rows = pd.DataFrame({"x": range(100)})
    training, held = watched(rows, Split(), 0.25, 3)
    assert held is not None
    assert len(held) == 25
    assert sorted([*training, *held]) == list(range(100))
    assert not np.array_equal(held, np.arange(75, 100))
    assert watched(rows, Split(), 0.0, 3)[1] is None

"""Guards look at rows that are set aside among the training rows, as they do at test rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from throughline.errors import BadData
from throughline.guards.set_aside import still_apart
from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.protocol import Guards, Split
from throughline.pipeline.schema.targets import Target

WAVE = np.random.default_rng(0).normal(size=205)
SLIDING = pd.DataFrame({f"x{i}": WAVE[i : i + 200] for i in range(6)})
ROWS = SLIDING.assign(person=np.arange(200) // 5, y=np.arange(200) % 2)
RANDOM = np.random.default_rng(1).permutation(200)
TRAINED, HELD = np.sort(RANDOM[40:]), np.sort(RANDOM[:40])


def left(columns: list[str], trained: Any = TRAINED, held: Any = HELD, **guards: Any) -> Any:
    view = SimpleNamespace(
        columns={name: Column() for name in columns}, inputs=None, target=Target(columns=["y"]),
        targets={}, task="binary", split=Split(guards=Guards(**guards)),
    )  # fmt: skip
    samples: Any = SimpleNamespace(guarded=ROWS, summary={"dropped": []})
    return still_apart(samples, trained, held, view, "training.validation")


def test_groups_on_both_sides_stop() -> None:
    with pytest.raises(BadData, match="groups of 'person' have rows in both parts"):
        left(["x0"], grouped_by=["person"])


def test_windows_that_overlap_stop_and_are_called_what_they_are() -> None:
    columns = [f"x{i}" for i in range(6)]
    with pytest.raises(BadData, match=r"of 40 training\.validation rows are windows of 6 values"):
        left(columns)
    later = np.arange(160, 200)
    assert np.array_equal(left(columns, np.arange(155), later), later)


def test_rows_that_are_dropped_are_no_longer_set_aside() -> None:
    kept = left(["x0"], TRAINED, HELD, grouped_by=["person"], groups="warn")
    assert np.array_equal(kept, HELD)
    persons = ROWS["person"].to_numpy()
    # Of one person all rows are set aside, of another some.
    held = np.array([*range(5), 6, 7])
    kept = left(
        ["x0"], np.setdiff1d(np.arange(200), held), held, grouped_by=["person"], groups="drop"
    )
    assert persons[kept].tolist() == [0] * 5


def test_nothing_left_is_said() -> None:
    with pytest.raises(BadData, match="must leave rows"):
        left(["x0"], np.arange(1, 200), np.arange(1), grouped_by=["person"], groups="drop")

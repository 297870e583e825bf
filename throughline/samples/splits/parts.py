"""The split of the clean rows into training, test and gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData, BadPipeline, nearest
from throughline.pipeline.schema.protocol import Split
from throughline.samples.splits import drawn
from throughline.samples.splits.named import TEST, TRAIN, VALIDATION, part_named
from throughline.samples.times import moments

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("training", "test", "gap")


def parts(rows: pd.DataFrame, split: Split) -> np.ndarray:
    """The part of each row.

    Args:
        rows: clean rows in the file's order.
        split: how they are divided.

    Returns:
        object array of shape (rows,) holding `training`, `test` or `gap`.

    Raises:
        BadPipeline: a column that the rows do not have.
        BadData: a part that would have no rows, classes too small to stratify.
    """
    for column in (split.column, split.stratify):
        if column is not None and column not in rows.columns:
            raise BadPipeline(
                f"split: the rows have no column '{column}'", remedy=nearest(column, rows.columns)
            )
    assigned = np.full(len(rows), "training", dtype=object)
    if split.kind == "predefined":
        assigned = _predefined(rows, split)
    elif split.kind == "first":
        order = np.arange(len(rows))
        if split.shuffle is not None:
            np.random.RandomState(split.shuffle).shuffle(order)
        assigned[order[split.train :]] = "test"
    elif split.kind == "temporal":
        assigned = _temporal(rows, split)
    elif split.test:
        assigned[_drawn(rows, split)] = "test"
    for part in ("training", "test"):
        if part == "test" and split.kind == "shuffled" and split.test == 0:
            continue
        if not (assigned == part).any():
            raise BadData(
                f"The split must give the {part} part at least one row",
                f"0 of {len(rows)} rows",
                "Change `split`, or bring more rows",
            )
    return assigned


def _drawn(rows: pd.DataFrame, split: Split) -> np.ndarray:
    share = int(split.test) if split.test >= 1 else split.test
    try:
        if split.kind == "grouped":
            return drawn.grouped(drawn.present(rows, split.column), share, split.seed)
        if split.stratify:
            return drawn.stratified(drawn.present(rows, split.stratify), share, split.seed)
        return drawn.shuffled(len(rows), share, split.seed)
    except ValueError as error:
        raise BadData(
            f"The rows cannot be split: {error}", f"{len(rows)} rows", "Change `split`"
        ) from None


def _predefined(rows: pd.DataFrame, split: Split) -> np.ndarray:
    said = rows[split.column].astype(str)
    named = {value: part_named(value) for value in said.unique()}
    strange = [value for value, part in named.items() if part is None]
    if strange:
        raise BadData(
            f"Column '{split.column}' must say 'train', 'test' or 'gap' in each row", strange[0]
        )
    # Choices are made by cross-validation, so rows that were set aside for them train as well,
    # unless there are no others to test with.
    tests = TEST if TEST in named.values() else VALIDATION
    parts = {value: "test" if part == tests else part for value, part in named.items()}
    return said.map(parts).replace([TRAIN, VALIDATION], "training").to_numpy(dtype=object)


def _temporal(rows: pd.DataFrame, split: Split) -> np.ndarray:
    assert split.column is not None
    times = moments(rows[split.column], split.column, "split.column")
    count = int(split.test) if split.test >= 1 else round(len(rows) * split.test)
    assigned = np.full(len(rows), "training", dtype=object)
    test, gap = drawn.latest(times, count, split.gap)
    assigned[test] = "test"
    assigned[gap] = "gap"
    return assigned

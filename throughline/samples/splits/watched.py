"""The training rows that are set aside to watch a training, by the protocol of the split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData
from throughline.samples.splits import drawn
from throughline.samples.splits.named import VALIDATION, part_named
from throughline.samples.times import moments

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.protocol import Split


def watched(
    rows: pd.DataFrame, split: Split, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Row numbers to train on and to watch.

    The rows to watch are as far from those that are trained on as the test rows are: whole groups
    of a grouped split, the latest of a temporal one with its gap, those that a predefined column
    names. Otherwise they are drawn, not taken from the end: a file sorted by class would be
    watched on one class only. Where the split is stratified, so is the draw.

    Args:
        rows: the training rows.
        split: how the test rows were parted from them.
        share: of the rows or groups to watch; 0 for none.
        seed: of the draw.

    Returns:
        Both sorted; None where nothing is watched.

    Raises:
        BadData: a part that would have no rows.
    """
    if not share:
        return np.arange(len(rows)), None
    if split.kind == "grouped":
        held = _groups(rows[split.column].to_numpy(), share, seed)
        kept = ~held
    elif split.kind == "temporal" and split.column is not None:
        times = moments(rows[split.column], split.column, "split.column")
        held, between = drawn.latest(times, max(1, round(len(rows) * share)), split.gap)
        kept = ~(held | between)
    else:
        held = _named(rows, split)
        if not held.any():
            held[_drawn(rows, split, share, seed)] = True
        kept = ~held
    if not kept.any():
        raise BadData(
            "training.validation must leave rows to train on",
            f"{len(rows)} rows, {int(held.sum())} of them to watch",
            "Lower it, or bring more rows or groups",
        )
    return np.flatnonzero(kept), np.flatnonzero(held)


def _drawn(rows: pd.DataFrame, split: Split, share: float, seed: int) -> np.ndarray:
    if split.stratify is not None:
        return drawn.evenly(rows[split.stratify].to_numpy(), share, seed)
    return np.random.default_rng(seed).permutation(len(rows))[: max(1, round(len(rows) * share))]


def _groups(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Whether a row belongs to one of the drawn groups."""
    _, numbers = np.unique(groups.astype(str), return_inverse=True)
    count = int(numbers.max()) + 1
    chosen = np.random.default_rng(seed).permutation(count)[: max(1, round(count * share))]
    return np.isin(numbers, chosen)


def _named(rows: pd.DataFrame, split: Split) -> np.ndarray:
    if split.kind != "predefined":
        return np.zeros(len(rows), bool)
    # An array of its own: what pandas gives may not be written to.
    said = rows[split.column].astype(str).to_numpy(dtype=object)
    return np.isin(said, [value for value in set(said) if part_named(value) == VALIDATION])

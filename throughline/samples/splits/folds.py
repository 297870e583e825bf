"""Folds of the training rows: K-fold, iterated, stratified, grouped, temporal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from throughline.errors import BadData, BadPipeline, nearest
from throughline.pipeline.schema.protocol import CrossValidation, Split
from throughline.samples.splits import drawn
from throughline.samples.times import moments

if TYPE_CHECKING:
    import pandas as pd


class Fold(NamedTuple):
    """Numbers of one fold's samples.

    Attributes:
        training: of the samples that are trained on.
        validation: of those that score.
        repeat: counts the shuffles of iterated K-fold from 0.
        rows: for windows, whether each row of the series may be fitted on.
    """

    training: np.ndarray
    validation: np.ndarray
    repeat: int
    rows: np.ndarray | None = None


def following(protocol: CrossValidation, split: Split) -> CrossValidation:
    """The protocol, with what it leaves open as the split has it.

    A fold's validation rows are to be as far from its training rows as the test rows are: whole
    groups of a grouped split, the later rows of a temporal one, behind its gap.
    """
    said: dict[str, str | int | None] = {}
    if protocol.group is None and protocol.temporal is None:
        if split.kind == "grouped":
            said["group"] = split.column
        elif split.kind == "temporal":
            said["temporal"] = split.column
    if split.kind == "temporal" and "gap" not in protocol.model_fields_set:
        said["gap"] = split.gap
    return protocol.model_copy(update=said)


def folds(
    rows: pd.DataFrame, labels: np.ndarray | None, protocol: CrossValidation, split: Split
) -> list[Fold]:
    """The folds of a protocol.

    Args:
        rows: the training rows.
        labels: the class of each row for classification, whose shares the folds then keep unless
            the protocol says `stratify: false`; None for regression.
        protocol: how many folds, how often, in what manner.
        split: how the test rows were parted; see `following`.

    Raises:
        BadPipeline: a column that the rows do not have, or `stratify` without classes.
        BadData: fewer rows or groups than folds.
    """
    protocol = following(protocol, split)
    column = protocol.group or protocol.temporal
    if column is not None and column not in rows.columns:
        raise BadPipeline(
            f"cross_validation: the rows have no column '{column}'",
            remedy=nearest(column, rows.columns),
        )
    if protocol.stratify and labels is None:
        raise BadPipeline("cross_validation.stratify needs classes", remedy="Remove it")
    stratify = labels is not None and protocol.stratify is not False
    numbers = np.arange(len(rows))
    result = []
    try:
        for repeat in range(protocol.repeats):
            seed = protocol.seed + repeat if protocol.shuffle else None
            if protocol.temporal:
                column = protocol.temporal
                times = moments(rows[column], column, "cross_validation.temporal")
                numbers = np.argsort(times, kind="stable")
                behind = drawn.temporal_folds(len(rows), protocol.folds, protocol.gap)
                pairs = drawn.earlier(behind, times[numbers])
            elif protocol.group:
                groups = drawn.present(rows, protocol.group)
                pairs = drawn.grouped_folds(groups, protocol.folds, seed)
            elif labels is not None and stratify:
                pairs = drawn.stratified_folds(labels, protocol.folds, seed)
            else:
                pairs = drawn.plain_folds(len(rows), protocol.folds, seed)
            result += [Fold(numbers[train], numbers[held], repeat) for train, held in pairs]
    except BadData:
        raise
    except ValueError as error:
        raise BadData(
            f"The training rows cannot be folded: {error}",
            f"{len(rows)} rows",
            "Lower `cross_validation.folds`, or bring more rows",
        ) from None
    return result

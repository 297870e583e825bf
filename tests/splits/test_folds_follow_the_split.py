"""Folds are as far from the rows they are trained on as the test rows are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.schema.protocol import CrossValidation, Split
from throughline.samples.splits.folds import folds

ROWS = pd.DataFrame({"person": np.arange(60) % 12, "day": np.arange(60)[::-1] // 2})


def test_persons_of_a_grouped_split_stay_whole() -> None:
    """They stood in every fold: a score of 1.0, and .30 on the test rows."""
    split = Split(kind="grouped", column="person")
    for fold in folds(ROWS, np.arange(60) % 2, CrossValidation(folds=4), split):
        assert set(ROWS["person"][fold.training]).isdisjoint(ROWS["person"][fold.validation])


def test_days_of_a_temporal_split_are_later_behind_its_gap() -> None:
    split = Split(kind="temporal", column="day", gap=6)
    for fold in folds(ROWS, None, CrossValidation(folds=4), split):
        newest, oldest = ROWS["day"][fold.training].max(), ROWS["day"][fold.validation].min()
        assert oldest - newest > 6 // 2


def test_days_are_not_cut_in_two() -> None:
    rows = pd.DataFrame({"day": np.arange(60) // 7})
    for fold in folds(rows, None, CrossValidation(folds=4, temporal="day"), Split()):
        assert rows["day"][fold.training].max() < rows["day"][fold.validation].min()


def test_what_the_protocol_says_goes_first() -> None:
    protocol = CrossValidation(folds=4, temporal="day", gap=2)
    split = Split(kind="temporal", column="person", gap=9)
    (fold, *_) = folds(ROWS, None, protocol, split)
    assert ROWS["day"][fold.validation].min() - ROWS["day"][fold.training].max() == 2


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("temporal", {"repeats": 2}, "one way to draw them"),
        ("temporal", {"stratify": True}, "cannot be stratified"),
        ("grouped", {"stratify": True}, "cannot be stratified"),
        ("shuffled", {"group": "who", "stratify": True}, "'stratify' has no effect"),
    ],
)
def test_what_does_not_fit_the_split_is_said(
    kind: str, settings: dict[str, Any], message: str
) -> None:
    document = {
        "title": "t",
        "task": "binary",
        "source": {"file": "t.csv"},
        "target": "y",
        "columns": {"x": {}},
        "split": {"kind": kind} | ({} if kind == "shuffled" else {"column": "who"}),
        "cross_validation": settings,
    }
    with pytest.raises(ValidationError, match=message):
        Pipeline.model_validate(document)

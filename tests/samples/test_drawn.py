"""Our draws are scikit-learn's, row by row: every digest of prepared data hangs on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import model_selection

from throughline.errors import BadData
from throughline.pipeline.schema.protocol import CrossValidation, Split
from throughline.samples.splits import drawn
from throughline.samples.splits.folds import folds
from throughline.samples.splits.parts import parts

SEEDS = range(60)
SHARES: tuple[float | int, ...] = (0.1, 0.2, 0.25, 1 / 3, 0.5, 13, 40)


def rows_of(seed: int) -> tuple[int, float | int, np.random.Generator]:
    """A number of rows and a share of them, other ones for each seed."""
    generator = np.random.default_rng(seed)
    return int(generator.integers(60, 700)), SHARES[seed % len(SHARES)], generator


def labels_of(seed: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """Classes as numbers, texts or truth values; ties in their counts for some seeds."""
    if seed % 4 == 0:
        return np.arange(count) % (2 + seed % 5)
    names = np.array([["b", "a", "c"], [3, 1, 2], [True, False, True]][seed % 3])
    return names[generator.choice(3, count, p=[0.6, 0.25, 0.15])]


def same(ours: Iterable[Any], theirs: Iterable[Any]) -> bool:
    """Whether pairs of row numbers are equal, order included."""
    pairs = list(zip(ours, theirs, strict=True))
    return bool(pairs) and all(
        np.array_equal(a, b) for our, their in pairs for a, b in zip(our, their, strict=True)
    )


@pytest.mark.parametrize("seed", SEEDS)
class TestASplit:
    def test_draws_like_train_test_split(self, seed: int) -> None:
        count, share, _ = rows_of(seed)
        _, test = model_selection.train_test_split(
            np.arange(count), test_size=share, random_state=seed
        )
        assert np.array_equal(drawn.shuffled(count, share, seed), test)

    def test_keeps_classes_like_train_test_split(self, seed: int) -> None:
        count, share, generator = rows_of(seed)
        labels = labels_of(seed, count, generator)
        _, test = model_selection.train_test_split(
            np.arange(count), test_size=share, random_state=seed, stratify=labels
        )
        assert np.array_equal(drawn.stratified(labels, share, seed), test)

    def test_keeps_groups_like_group_shuffle_split(self, seed: int) -> None:
        count, share, generator = rows_of(seed)
        groups = generator.integers(0, 45, count) * 7
        share = share if share < 1 else 13
        splitter = model_selection.GroupShuffleSplit(1, test_size=share, random_state=seed)
        _, test = next(splitter.split(groups, groups=groups))
        assert np.array_equal(drawn.grouped(groups, share, seed), test)


@pytest.mark.parametrize("seed", [None, *SEEDS])
class TestFolds:
    def test_are_those_of_k_fold(self, seed: int | None) -> None:
        count, _, _ = rows_of(seed or 0)
        number, shuffle = 2 + count % 9, seed is not None
        splitter = model_selection.KFold(number, shuffle=shuffle, random_state=seed)
        theirs = splitter.split(np.arange(count))
        assert same(drawn.plain_folds(count, number, seed), theirs)

    @pytest.mark.filterwarnings("ignore:The least populated", "ignore:A class has only")
    def test_are_those_of_stratified_k_fold(self, seed: int | None) -> None:
        count, _, generator = rows_of(seed or 0)
        labels = labels_of(seed or 0, count, generator)
        number, shuffle = 2 + count % 9, seed is not None
        splitter = model_selection.StratifiedKFold(number, shuffle=shuffle, random_state=seed)
        theirs = splitter.split(labels, labels)
        assert same(drawn.stratified_folds(labels, number, seed), theirs)

    def test_are_those_of_group_k_fold(self, seed: int | None) -> None:
        count, _, generator = rows_of(seed or 0)
        names = np.array([f"group {number}" for number in range(23)])
        groups = names[generator.integers(0, 23, count)]
        number, shuffle = 2 + count % 9, seed is not None
        splitter = model_selection.GroupKFold(number, shuffle=shuffle, random_state=seed)
        theirs = splitter.split(groups, groups=groups)
        assert same(drawn.grouped_folds(groups, number, seed), theirs)

    def test_are_those_of_time_series_split(self, seed: int | None) -> None:
        count, _, _ = rows_of(seed or 0)
        number, gap = 2 + count % 9, count % 4
        theirs = model_selection.TimeSeriesSplit(number, gap=gap).split(np.arange(count))
        assert same(drawn.temporal_folds(count, number, gap), theirs)


class TestWhatCannotBeDivided:
    ROWS = pd.DataFrame(
        {
            "kind": ["a"] * 5 + ["b"],
            "owner": ["x", "y", None, "x", "y", "z"],
            "year": range(2000, 2006),
        }
    )

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"test": 0.2, "stratify": "kind"}, "class 'b' has one row and needs two"),
            ({"test": 1, "stratify": "owner"}, "'owner' is missing in 1 of the rows"),
            ({"test": 6}, "a test part of 6 leaves a part empty"),
            ({"kind": "grouped", "test": 1, "column": "owner"}, "'owner' is missing in 1"),
        ],
    )
    def test_is_said_of_a_split(self, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(BadData, match=message):
            parts(self.ROWS, Split(**settings))

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"folds": 7}, "7 folds need as many rows, and there are 6"),
            ({"folds": 3, "group": "kind"}, "3 folds need as many groups, and there are 2"),
            ({"folds": 2, "group": "owner"}, "'owner' is missing in 1"),
            ({"folds": 6, "temporal": "year"}, "7 folds need as many rows"),
        ],
    )
    def test_is_said_of_folds(self, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(BadData, match=message):
            folds(self.ROWS, None, CrossValidation(**settings), Split())

    def test_is_said_of_small_classes(self) -> None:
        labels = np.array([0, 0, 0, 1, 1, 2])
        with pytest.raises(BadData, match="4 folds need as many rows of a class"):
            folds(self.ROWS, labels, CrossValidation(folds=4), Split())
        with pytest.warns(UserWarning, match="A class has only 1 rows"):
            folds(self.ROWS, labels, CrossValidation(folds=3), Split())

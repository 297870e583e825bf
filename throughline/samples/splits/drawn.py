"""Seeded draws of rows: the very rows that scikit-learn's splitters of the same seed draw.

Without its import, which takes longer than all that `prepare` does with a small table. Tests hold
each function against the splitter that it names.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Pair = tuple[np.ndarray, np.ndarray]


def shuffled(count: int, share: float | int, seed: int) -> np.ndarray:
    """The test part of `train_test_split` without classes.

    Args:
        count: rows, or groups.
        share: of them, or how many.
        seed: of the permutation.

    Raises:
        ValueError: a part that would be empty.
    """
    return np.random.RandomState(seed).permutation(count)[: _held_out(count, share)]


def stratified(labels: np.ndarray, share: float | int, seed: int) -> np.ndarray:
    """The test part of `train_test_split` that keeps the shares of the classes.

    Args:
        labels: the class of each row.
        share: of the rows, or how many.
        seed: of the permutations.

    Raises:
        ValueError: a class of one row, a part with fewer rows than classes.
    """
    test_count = _held_out(len(labels), share)
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        raise ValueError(f"class '{classes[counts.argmin()]}' has one row and needs two")
    if min(test_count, len(labels) - test_count) < len(classes):
        raise ValueError(
            f"{len(classes)} classes need as many rows in each part, and the parts have "
            f"{len(labels) - test_count} and {test_count}"
        )
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    generator = np.random.RandomState(seed)
    training = _allotted(counts, len(labels) - test_count, generator)
    tested = _allotted(counts - training, test_count, generator)
    kept, held = [], []
    for rows, first, second in zip(members, training, tested, strict=True):
        drawn = rows[generator.permutation(len(rows))]
        kept.append(drawn[:first])
        held.append(drawn[first : first + second])
    # The training rows are shuffled first, which moves the generator on.
    generator.permutation(np.concatenate(kept))
    return np.asarray(generator.permutation(np.concatenate(held)))


def grouped(groups: np.ndarray, share: float | int, seed: int) -> np.ndarray:
    """The test part of `GroupShuffleSplit`: the rows of so many whole groups.

    Raises:
        ValueError: a part that would be empty.
    """
    classes, codes = np.unique(groups, return_inverse=True)
    return np.flatnonzero(np.isin(codes, shuffled(len(classes), share, seed)))


def plain_folds(count: int, folds: int, seed: int | None) -> Iterator[Pair]:
    """The pairs of `KFold`, in the order of the rows without a seed.

    Raises:
        ValueError: fewer rows than folds.
    """
    _enough(folds, count, "rows")
    order = np.arange(count)
    if seed is not None:
        np.random.RandomState(seed).shuffle(order)
    number = np.empty(count, dtype=np.int64)
    for fold, members in enumerate(np.array_split(order, folds)):
        number[members] = fold
    return _pairs(number, folds)


def stratified_folds(labels: np.ndarray, folds: int, seed: int | None) -> Iterator[Pair]:
    """The pairs of `StratifiedKFold`.

    Raises:
        ValueError: every class has fewer rows than folds.
    """
    _enough(folds, len(labels), "rows")
    _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    # Classes are numbered in the order in which they appear.
    codes = np.argsort(np.argsort(first))[codes]
    counts = np.bincount(codes)
    _enough(folds, int(counts.max()), "rows of a class")
    if folds > counts.min():
        warnings.warn(
            f"A class has only {counts.min()} rows, fewer than the {folds} folds", stacklevel=2
        )
    ordered = np.sort(codes)
    shares = [np.bincount(ordered[fold::folds], minlength=len(counts)) for fold in range(folds)]
    generator = np.random.RandomState(seed)
    number = np.empty(len(labels), dtype=np.int64)
    for place, allotted in enumerate(np.transpose(shares)):
        members = np.arange(folds).repeat(allotted)
        if seed is not None:
            generator.shuffle(members)
        number[codes == place] = members
    return _pairs(number, folds)


def grouped_folds(groups: np.ndarray, folds: int, seed: int | None) -> Iterator[Pair]:
    """The pairs of `GroupKFold`: no group in two folds.

    Raises:
        ValueError: fewer groups than folds.
    """
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    _enough(folds, len(counts), "groups")
    fold_of = np.empty(len(counts), dtype=np.int64)
    if seed is not None:
        order = np.random.RandomState(seed).permutation(len(counts))
        for fold, members in enumerate(np.array_split(order, folds)):
            fold_of[members] = fold
    else:
        # The largest groups first, each to the fold that has fewest rows so far.
        rows = np.zeros(folds, dtype=np.int64)
        for group in np.argsort(counts, kind="stable")[::-1]:
            fold_of[group] = rows.argmin()
            rows[fold_of[group]] += counts[group]
    return _pairs(fold_of[codes], folds)


def temporal_folds(count: int, folds: int, gap: int) -> Iterator[Pair]:
    """The pairs of `TimeSeriesSplit`: each fold is validated on the rows behind its training.

    Raises:
        ValueError: too few rows.
    """
    _enough(folds + 1, count, "rows")
    size = count // (folds + 1)
    if count - gap - size * folds <= 0:
        raise ValueError(f"{folds} folds of {size} rows and a gap of {gap} need more rows")
    every = np.arange(count)
    return (
        (every[: start - gap], every[start : start + size])
        for start in range(count - folds * size, count, size)
    )


def earlier(pairs: Iterable[Pair], times: np.ndarray) -> Iterator[Pair]:
    """The pairs less the training rows that are of the time at which the validation rows begin.

    Args:
        pairs: positions in the order of the times.
        times: sorted.

    Raises:
        ValueError: no training row is left.
    """
    for training, validation in pairs:
        kept = training[times[training] < times[validation[0]]]
        if not len(kept):
            raise ValueError(f"no row is earlier than {times[validation[0]]}")
        yield kept, validation


def latest(times: np.ndarray, count: int, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are the latest, and which lie in the gap before them.

    Rows of one time stay together, so there may be more than `count` of the latest.

    Args:
        times: of all rows, in any order.
        count: at least so many, where there are so many.
        gap: rows before them.

    Returns:
        Two boolean arrays of shape (rows,).
    """
    order = np.argsort(times, kind="stable")
    held, between = np.zeros(len(times), bool), np.zeros(len(times), bool)
    first = len(times) - min(count, len(times))
    if first < len(times):
        first = int(np.searchsorted(times[order], times[order[first]]))
    held[order[first:]] = True
    between[order[max(0, first - gap) : first]] = True
    return held, between


def evenly(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of the rows in which every class has its share, to a row.

    Systematic sampling of the rows in the order of their classes, shuffled within each (Cochran,
    Sampling Techniques, chapter 8). Unlike `stratified` it draws from classes of a single row, too,
    as a fold's part of the training rows may have them.

    Args:
        labels: the class of each row.
        share: of the rows.
        seed: of the draw.

    Returns:
        Row numbers, one at least.
    """
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(labels))
    _, codes = np.unique(labels, return_inverse=True)
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    count = max(1, round(len(labels) * share))
    places = (np.arange(count) + generator.random()) * (len(labels) / count)
    return np.asarray(by_class[places.astype(np.int64)])


def present(rows: pd.DataFrame, column: str | None) -> np.ndarray:
    """A column by which rows are divided.

    Raises:
        ValueError: rows without a value.
    """
    assert column is not None
    missing = int(rows[column].isna().sum())
    if missing:
        raise ValueError(f"'{column}' is missing in {missing} of the rows")
    return np.asarray(rows[column].to_numpy())


def _held_out(count: int, share: float | int) -> int:
    """How many of `count` are the test part."""
    held = share if isinstance(share, int) else math.ceil(share * count)
    if not 0 < held < count:
        raise ValueError(f"a test part of {share} leaves a part empty")
    return held


def _allotted(counts: np.ndarray, draws: int, generator: np.random.RandomState) -> np.ndarray:
    """How many of each class are drawn: nearest to its share, ties by chance."""
    exact = counts / counts.sum() * draws
    allotted = np.floor(exact)
    missing = int(draws - allotted.sum())
    remainder = exact - allotted
    for value in np.unique(remainder)[::-1]:
        if missing <= 0:
            break
        (tied,) = np.where(remainder == value)
        chosen = generator.choice(tied, size=min(len(tied), missing), replace=False)
        allotted[chosen] += 1
        missing -= len(chosen)
    return np.asarray(allotted, dtype=np.int64)


def _enough(folds: int, count: int, what: str) -> None:
    if folds > count:
        raise ValueError(f"{folds} folds need as many {what}, and there are {count}")


def _pairs(number: np.ndarray, folds: int) -> Iterator[Pair]:
    """Training and validation rows of each fold, in the order of the rows."""
    return (
        (np.flatnonzero(number != fold), np.flatnonzero(number == fold)) for fold in range(folds)
    )

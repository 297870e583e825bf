"""In which order rows are visited: a table of permutations made from the seed alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from throughline.errors import BadData
from throughline.training.engine.runs import Array, Rows, Weights
from throughline.training.engine.state import Held

LARGEST_TABLE = 64 * 2**20


def epochs_at_once(rows: int, epochs: int) -> int:
    """Epochs whose row numbers fit a table of `LARGEST_TABLE` bytes."""
    return max(1, min(epochs, LARGEST_TABLE // (4 * max(rows, 1))))


def roomy(count: int) -> int:
    """`count`, rounded up by a sixteenth at most.

    A program is compiled for the shape of its table, not for the number of its steps; so folds
    and learning curves whose sizes differ a little share one.
    """
    grain = 1 << max(0, count.bit_length() - 5)
    return -(-count // grain) * grain


def batches(
    rows: Rows, seed: int, first: int, epochs: int, batch: int, steps: int, rest: int, shuffle: bool
) -> tuple[Array, Array]:
    """Row numbers of every batch of some epochs.

    An epoch's order depends on the seed and the epoch's number only, so a training that goes on
    after a kill sees the same batches.

    Args:
        rows: row numbers to visit.
        seed: of the order.
        first: number of the first epoch, from 0.
        epochs: how many epochs.
        batch: rows in a batch.
        steps: batches in an epoch, the rest not counted; missing rows repeat the last one.
        rest: rows in a last batch of its own size; 0 when there is none.
        shuffle: a new permutation for each epoch, else the order of `rows`.

    Returns:
        int32 arrays of shape (epochs, steps, batch) and (epochs, rest).
    """
    table = np.empty((epochs, len(rows)), np.int32)
    for i in range(epochs):
        generator = np.random.default_rng([seed, first + i])
        table[i] = rows[generator.permutation(len(rows))] if shuffle else rows
    last = table[:, len(rows) - rest :]
    full = table[:, : len(rows) - rest]
    missing = steps * batch - full.shape[1]
    if missing:
        full = np.concatenate([full, np.repeat(table[:, -1:], missing, axis=1)], axis=1)
    return full.reshape(epochs, steps, batch), last


def longer(table: Array, epochs: int) -> Array:
    """A table filled up with epochs that are not visited, so that its shape stays the same."""
    return np.concatenate([table, np.zeros((epochs - len(table), *table.shape[1:]), np.int32)])


def in_batches(rows: Rows, batch: int, steps: int) -> Array:
    """Row numbers as (steps, batch), filled up with the last one."""
    filled = np.full(steps * batch, rows[-1] if len(rows) else 0, np.int32)
    filled[: len(rows)] = rows
    return filled.reshape(steps, batch)


def held_out(rows: Rows | None, most: int, batch: int, padded: bool) -> Held:
    """Rows that are only measured, in batches.

    Args:
        rows: row numbers; none where the run has none.
        most: rows that a run of the program has at most.
        batch: rows in a batch; 0 when no run has any.
        padded: whether the last batch is filled up.
    """
    held = np.zeros(0, np.int32) if rows is None or not batch else np.asarray(rows)
    steps = roomy(-(-most // batch)) if batch else 0
    rest = 0 if padded or not batch else len(held) % batch
    last = held[len(held) - rest :].astype(np.int32)
    return Held(in_batches(held, max(batch, 1), steps), last, np.int32(len(held)))


def class_weights(
    target: Any, train_rows: Rows, weights: str | Mapping[int | str, float]
) -> Weights:
    """A weight for every row from the weight of its class.

    Args:
        target: class numbers of shape (rows,) or (rows, 1), or one-hot rows.
        train_rows: rows whose class counts make `balanced` weights.
        weights: `balanced`, n / (classes x count of the class), or a weight for each class
            number; a class that is not named weighs 1, as in Keras.

    Returns:
        float32 array of shape (rows,).
    """
    classes = target.argmax(1) if target.ndim == 2 and target.shape[1] > 1 else target.reshape(-1)
    classes = classes.astype(np.int64)
    if isinstance(weights, str):
        present, counts = np.unique(classes[train_rows], return_counts=True)
        balanced = len(train_rows) / (len(present) * counts)
        weights = {int(c): float(w) for c, w in zip(present, balanced, strict=True)}
    by_class = np.ones(int(classes.max()) + 1, np.float32)
    for name, weight in weights.items():
        if not str(name).isdecimal() or int(name) >= len(by_class):
            raise BadData(
                f"training.class_weight should name classes 0 to {len(by_class) - 1}", name
            )
        by_class[int(name)] = weight
    every: Weights = by_class[classes]
    return every

"""What the compiled training loop reads and carries, and what it is compiled for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

Tensor = Any
Tensors = list[Tensor]


class Held(NamedTuple):
    """Rows that are only measured: `rows` is (steps, batch), `rest` a last batch of its own size.

    `rows` holds those of `rest`, too, filled up, for what treats rows one by one.
    """

    rows: Tensor
    rest: Tensor
    count: Tensor


class Data(NamedTuple):
    """What a training reads; the same tensors serve all runs that share them."""

    inputs: Tensors
    target: Tensor
    weight: Tensor
    validation: Held
    watched: Held


class Order(NamedTuple):
    """Which rows go into which batch: `full` is (epochs, steps, batch), `rest` the last batch."""

    full: Tensor
    rest: Tensor
    count: Tensor
    epochs: Tensor


class State(NamedTuple):
    """All that changes while training; enough to go on from."""

    trainable: Tensors
    fixed: Tensors
    optimizer: Tensors
    stopping: Any
    plateau: Any
    epoch: Tensor
    stopped: Tensor
    bad_step: Tensor


class Each(NamedTuple):
    """What runs that are trained together do not share; every tensor has their leading axis."""

    state: State
    data: Tensors
    order: Order


@dataclass(frozen=True)
class Shape:
    """What a compiled program is specialised for.

    Args:
        batch: rows in a batch.
        validation_batch: rows in a batch of validation; 0 when nothing is validated.
        watched_batch: rows in a batch of those that are watched apart; 0 when none are.
        padded: the last batch is filled up with rows of weight zero, which leaves every result
            as it is for layers and losses that treat rows one by one; else it has its own size.
        padded_held: the same for batches that are only measured.
        weighted: rows carry weights.
        xla: compiled by XLA.
    """

    batch: int
    validation_batch: int
    watched_batch: int
    padded: bool
    padded_held: bool
    weighted: bool
    xla: bool

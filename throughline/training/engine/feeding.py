"""What runs are fed: arrays on the device, weights of rows, and which rows make which batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.preprocessing.sparse import Sparse
from throughline.samples.windows.gathered import Ahead, Windowed
from throughline.training.engine import permutations
from throughline.training.engine.backends import Backend
from throughline.training.engine.runs import Rows, Run, Weights
from throughline.training.engine.state import Data, Held, Order, Shape

if TYPE_CHECKING:
    from throughline.pipeline.schema.training import Training


@dataclass
class Feeding:
    """What the runs of one program share of their data.

    Args:
        names: of the network's inputs, in its order.
        training: the section.
        shape: what is fixed at compile time.
        most_rows: that a run trains on.
        most_validated: that a run only measures.
        most_watched: that a run watches.
        backend: of Keras.
    """

    names: Sequence[str]
    training: Training
    shape: Shape
    most_rows: int
    most_validated: int
    most_watched: int
    backend: Backend
    arrays: dict[int, Any] = field(default_factory=dict)

    def data(self, run: Run) -> Data:
        """What a run reads, on the device."""
        return Data(
            [self.on_device(run.inputs[name]) for name in self.names],
            self.on_device(run.target),
            self.backend.device_array(self.weight(run)),
            *(Held(*map(self.backend.device_array, held)) for held in self.measured(run)),
        )

    def measured(self, run: Run) -> tuple[Held, Held]:
        """The rows that are only measured, and those that are watched."""
        shape, padded = self.shape, self.shape.padded_held
        return (
            permutations.held_out(
                run.validation_rows, self.most_validated, shape.validation_batch, padded
            ),
            permutations.held_out(run.watched_rows, self.most_watched, shape.watched_batch, padded),
        )

    def on_device(self, array: Any) -> Any:
        """An array or windows as tensors, each put there once."""
        key = id(array)
        if key not in self.arrays:
            if isinstance(array, Windowed | Ahead | Sparse):
                # Windows that share a series share its tensor too.
                self.arrays[key] = array.on_device(self.on_device)
            else:
                self.arrays[key] = self.backend.device_array(plain(array))
        return self.arrays[key]

    def weight(self, run: Run) -> Weights:
        """What each row counts; one number that nothing reads where all count alike."""
        if not self.shape.weighted:
            return np.ones(1, np.float32)
        weight = np.ones(len(run.target), np.float32)
        if self.training.class_weight is not None:
            weight *= permutations.class_weights(
                run.target, run.train_rows, self.training.class_weight
            )
        if run.sample_weight is not None:
            weight *= run.sample_weight.astype(np.float32).reshape(-1)
        return weight

    def tables(self, run: Run, first: int, most: int, count: int) -> Order:
        """Which rows go into which batch, for `count` epochs in a table of `most`, on the host."""
        batch = self.shape.batch
        steps = permutations.roomy(-(-self.most_rows // batch))
        tables = permutations.batches(
            run.train_rows, run.seed, first, count, batch, steps, self.rest(run),
            self.training.shuffle,
        )  # fmt: skip
        full, last = (permutations.longer(table, permutations.roomy(most)) for table in tables)
        return Order(full, last, np.int32(len(run.train_rows)), np.int32(count))

    def rest(self, run: Run) -> int:
        """Rows of a last batch of its own size; 0 when there is none."""
        return 0 if self.shape.padded else len(run.train_rows) % self.shape.batch

    def rests(self, run: Run) -> tuple[int, ...]:
        """Rows of every last batch of its own size."""
        return self.rest(run), *(len(held.rest) for held in self.measured(run))


def most(rows: Iterable[Rows | None]) -> int:
    """The largest number of rows; 0 without any."""
    return max((len(each) for each in rows if each is not None), default=0)


def plain(array: Any) -> Any:
    """Numbers as the device takes them: no float64, which XLA and JAX would not use anyway."""
    return array.astype(np.float32) if array.dtype == np.float64 else array

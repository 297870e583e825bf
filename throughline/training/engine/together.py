"""Several runs in one call of the compiled program, side by side along a leading axis."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline
from throughline.preprocessing.sparse import Sparse
from throughline.samples.windows.gathered import Ahead, Windowed
from throughline.training.divergence import Diverged
from throughline.training.engine import permutations
from throughline.training.engine.feeding import plain
from throughline.training.engine.runs import Array, Fitted, Run
from throughline.training.engine.stacked import PerRun, blocks, joined, split
from throughline.training.engine.state import Data, Each, Held, Order, State
from throughline.training.engine.trainer import SECONDS_A_CALL, Trainer, Watcher
from throughline.training.private_keras import calls, every_layer

if TYPE_CHECKING:
    from throughline.training.checkpoints import Checkpoints

# Bytes of weights, optimizer states and one batch's activations that go side by side.
LARGEST_TOGETHER = 2 * 2**30


def fitted_together(
    trainer: Trainer,
    runs: Sequence[Run],
    predictions: bool,
    watcher: Watcher | None = None,
    checkpoints: Checkpoints | None = None,
) -> list[Fitted]:
    """Train runs side by side, as many at once as memory and equal last batches allow.

    Args:
        trainer: of all of them.
        runs: what is trained.
        predictions: whether the validation rows are predicted at the end.
        watcher: like that of `engine.fit`. Default: none.
        checkpoints: of the call. Default: none.

    Returns:
        One result a run, in their order.

    Raises:
        BadPipeline: a layer that the backend cannot vectorise.
        Diverged: when a loss is NaN or infinite; of the first run, and what became of all others.
    """
    by_rest: dict[tuple[int, ...], list[int]] = {}
    for i, run in enumerate(runs):
        by_rest.setdefault(trainer.feeding.rests(run), []).append(i)
    most = runs_at_once(trainer)
    results: dict[int, Fitted | Diverged] = {}
    for positions in by_rest.values():
        for first in range(0, len(positions), most):
            some = positions[first : first + most]
            group = _Group(trainer, [runs[i] for i in some], checkpoints)
            results |= zip(some, group.fitted(predictions, watcher), strict=True)
    every = [results[i] for i in range(len(runs))]
    for one in every:
        if isinstance(one, Diverged):
            one.together = every
            raise one
    return [one for one in every if not isinstance(one, Diverged)]


def runs_at_once(trainer: Trainer) -> int:
    """How many runs `LARGEST_TOGETHER` bytes hold; 1 at least."""
    model, batch = trainer.model, trainer.shape.batch
    values = sum(int(np.prod(v.shape)) for v in (*model.variables, *trainer.optimizer.variables))
    # The best weights of early stopping, old and new state at once.
    values *= 4 if trainer.program.stopping else 2
    for layer in every_layer(model):
        for output in (tensor for _, outputs in calls(layer) for tensor in outputs):
            # Forwards and backwards.
            values += 2 * batch * int(np.prod([size or 1 for size in output.shape[1:]]))
    return max(1, LARGEST_TOGETHER // (4 * values))


class _Group:
    """Runs whose states are stacked."""

    def __init__(
        self, trainer: Trainer, runs: Sequence[Run], checkpoints: Checkpoints | None
    ) -> None:
        self.trainer = trainer
        self.runs = runs
        self.checkpoints = checkpoints
        self.own, self.shared = split(self._data())
        self.histories: list[list[Array]] = []
        self.failed: dict[int, Diverged] = {}

    def _data(self) -> Data:
        """What the runs read, of which each array is on the device once."""
        trainer, runs, put = self.trainer, self.runs, self._put
        measured = zip(*map(trainer.feeding.measured, runs), strict=True)
        return Data(
            [blocks([run.inputs[name] for run in runs], put) for name in trainer.feeding.names],
            blocks([run.target for run in runs], put),
            blocks([trainer.feeding.weight(run) for run in runs], put),
            *(
                Held(*(PerRun(put(np.stack(parts))) for parts in zip(*each, strict=True)))
                for each in measured
            ),
        )

    def _put(self, array: Any) -> Any:
        if isinstance(array, Windowed | Ahead | Sparse):
            return array.on_device(self._put)
        return self.trainer.backend.device_array(plain(array))

    def fitted(self, predictions: bool, watcher: Watcher | None) -> list[Fitted | Diverged]:
        """Train until every run has ended."""
        from keras import ops

        began = time.perf_counter()
        state, trainer = self._start(), self.trainer
        watched = watcher is not None or self.checkpoints is not None
        most = permutations.epochs_at_once(trainer.most_rows, trainer.epochs)
        count = 1 if watched else most
        while (left := self._left(state)).any():
            call_began = time.perf_counter()
            count = min(count, most, int(left.max()))
            counts = np.minimum(left, count)
            firsts, tables = self._tables(state, counts, most)
            stacked = map(trainer.backend.device_array, map(np.stack, zip(*tables, strict=True)))
            with _vectorised():
                state, history = trainer.program.run_together(
                    Each(state, self.own, Order(*stacked)), self.shared
                )
            self._note(state, np.asarray(ops.convert_to_numpy(history)), firsts, tables, counts)
            if watched:
                self._tell(state, left, watcher)
                seconds = max(time.perf_counter() - call_began, 1e-6) / count
                count = max(1, min(2 * count, int(SECONDS_A_CALL / seconds)))
        return [
            self.failed.get(i) or self._result(state, i, predictions, began)
            for i in range(len(self.runs))
        ]

    def _start(self) -> State:
        from keras import ops, tree

        states = []
        for run in self.runs:
            state = self.trainer.start(run)
            history: list[Array] = []
            if self.checkpoints:
                state, history = self.checkpoints.load(run, state)
            states.append(state)
            self.histories.append(history)
        stacked: State = tree.map_structure(lambda *values: ops.stack(values), *states)
        return stacked

    def _left(self, state: State) -> np.ndarray:
        """How many epochs each run may still train; none after its end."""
        from keras import ops

        ended = np.asarray(ops.convert_to_numpy(state.stopped)).copy()
        ended[list(self.failed)] = True
        left = self.trainer.epochs - np.asarray(ops.convert_to_numpy(state.epoch))
        return np.where(ended, 0, left)

    def _tables(
        self, state: State, counts: np.ndarray, most: int
    ) -> tuple[np.ndarray, list[Order]]:
        """Of every run the epochs that it has trained, and the order of rows in its next ones."""
        from keras import ops

        firsts = np.asarray(ops.convert_to_numpy(state.epoch))
        return firsts, [
            self.trainer.feeding.tables(run, int(first), most, int(count))
            for run, first, count in zip(self.runs, firsts, counts, strict=True)
        ]

    def _note(
        self,
        state: State,
        rows: np.ndarray,
        firsts: np.ndarray,
        tables: Sequence[Order],
        counts: np.ndarray,
    ) -> None:
        """Keep the curves of the epochs that were trained, and which runs diverged in them."""
        from keras import ops

        ran = np.asarray(ops.convert_to_numpy(state.epoch)) - firsts
        bad = np.asarray(ops.convert_to_numpy(state.bad_step))
        for i in np.flatnonzero(counts).tolist():
            self.histories[i].append(rows[i, : ran[i]])
            if bad[i] >= 0:
                first, done, step = int(firsts[i]), int(ran[i]), int(bad[i])
                self.failed[i] = self.trainer.diverged(self.runs[i], tables[i], first, done, step)

    def _one(self, state: State, position: int) -> State:
        from keras import tree

        one: State = tree.map_structure(lambda value: value[position], state)
        return one

    def _tell(self, state: State, before: np.ndarray, watcher: Watcher | None) -> None:
        """Keep the states, and let the watcher know."""
        after = self._left(state)
        for i in np.flatnonzero(before).tolist():
            run, ended = self.runs[i], not after[i]
            if self.checkpoints and i not in self.failed:
                self.checkpoints.save(run, self._one(state, i), self.histories[i], ended)
            if watcher:
                last = self.histories[i][-1][-1]
                latest = self.trainer.latest(last)
                watcher(run, sum(map(len, self.histories[i])), latest, ended)

    def _result(self, state: State, position: int, predictions: bool, began: float) -> Fitted:
        data: Data = joined([values[position] for values in self.own], self.shared)
        history = np.concatenate(self.histories[position])
        one, run = self._one(state, position), self.runs[position]
        return self.trainer.result(run, one, history, data, predictions, began)


@contextmanager
def _vectorised() -> Iterator[None]:
    """Say what to do about a layer that the backend cannot vectorise."""
    try:
        yield
    except NotImplementedError as error:
        raise BadPipeline(
            "cross_validation.runs: together needs layers that can be vectorised",
            str(error),
            "Set it to processes or in-turn",
        ) from error

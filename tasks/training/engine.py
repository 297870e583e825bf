"""Train folds, repeats, seeds and sweep points of one architecture by one compiled program."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.errors import BadData
from tasks.training import backends, objects, order, programs, watch
from tasks.training.divergence import Diverged
from tasks.training.program import Data, Order, Program, Shape, State, columns
from tasks.training.runs import Array, Fitted, Run, Weights

if TYPE_CHECKING:
    import keras

    from tasks.training.settings import Choice, Training

VALIDATION_BATCH = 512
VALIDATION_GRAIN = 64
ROWS_MIX = (
    "BatchNormalization",
    "ActivityRegularization",
    "MixUp",
    "CutMix",
)


def fit(
    build: Callable[[int], keras.Model],
    training: Training,
    runs: Sequence[Run],
    *,
    loss: Choice,
    metrics: Sequence[Choice] = (),
    epochs: int | None = None,
    predictions: bool = True,
    xla: bool | None = None,
) -> list[Fitted]:
    """Train every run.

    Args:
        build: makes the network with the weights of a seed.
        training: the `training:` section.
        runs: what is trained; all have inputs of the same shape.
        loss: a Keras loss; `training.loss` goes before it.
        metrics: Keras metrics; `training.metrics` go before them.
        epochs: how many epochs. Default: `training.max_epochs`.
        predictions: whether the validation rows are predicted at the end. Default: true.
        xla: compile by XLA. Default: where it measures faster.

    Returns:
        One result a run, in their order; each is what the run would give alone.

    Raises:
        Diverged: when a loss is NaN or infinite.
        BadData: when a run has no rows to train on.
    """
    if not runs:
        return []
    _check_rows(runs)
    trainer = _Trainer(build, training, runs, loss, metrics, epochs, xla)
    return [trainer.fitted(run, predictions) for run in runs]


def _check_rows(runs: Sequence[Run]) -> None:
    for i, run in enumerate(runs):
        if not len(run.train_rows):
            raise BadData(f"run {i} should have rows to train on", "none")


class _Trainer:
    """What the runs share: the compiled program and the arrays on the device."""

    def __init__(
        self,
        build: Callable[[int], keras.Model],
        training: Training,
        runs: Sequence[Run],
        loss: Choice,
        metrics: Sequence[Choice],
        epochs: int | None,
        xla: bool | None,
    ) -> None:
        self.build = build
        self.training = training
        self.runs = runs
        self.epochs = training.max_epochs if epochs is None else epochs
        self.backend = backends.current()
        self.arrays: dict[int, Any] = {}
        self.model = build(runs[0].seed)
        self.template_seed: int | None = runs[0].seed
        self.optimizer = self._optimizer(self.model)
        example = self._example()
        self.loss = objects.loss(training.loss or loss, *example)
        chosen = metrics if training.metrics is None else training.metrics
        self.metrics = objects.metrics(chosen, *example)
        self.padded = rows_apart(self.model)
        self.most_rows = max(len(run.train_rows) for run in runs)
        validated = [len(run.validation_rows) for run in runs if run.validation_rows is not None]
        self.most_validated = max(validated, default=0)
        self.shape = self._shape(xla)
        self.program = programs.shared(self._key(loss, chosen), self._program)
        self.rate = self.program.start_rate(self.optimizer)

    def _optimizer(self, model: keras.Model) -> Any:
        optimizer = self.backend.stateless(objects.optimizer(self.training))
        optimizer.build(model.trainable_variables)
        return optimizer

    def _example(self) -> tuple[Any, Any]:
        """Two rows of targets and outputs, from which Keras resolves `accuracy`."""
        from keras import ops

        run = self.runs[0]
        rows = np.resize(run.train_rows, 2)
        names = [tensor.name.split(":")[0] for tensor in self.model.inputs]
        inputs = [
            ops.cast(ops.convert_to_tensor(run.inputs[name][rows]), tensor.dtype)
            for name, tensor in zip(names, self.model.inputs, strict=True)
        ]
        x = inputs[0] if len(inputs) == 1 else inputs
        return ops.convert_to_tensor(_plain(run.target)[rows]), self.model(x, training=False)

    def _shape(self, xla: bool | None) -> Shape:
        batch = self.training.batch_size
        size = self.most_rows if batch == "all" else min(batch, self.most_rows)
        weighted = self.training.class_weight is not None or any(
            run.sample_weight is not None for run in self.runs
        )
        held = -(-self.most_validated // VALIDATION_GRAIN) * VALIDATION_GRAIN
        validation = min(max(size, VALIDATION_BATCH), held)
        return Shape(size, validation, self.padded, weighted, True if xla is None else xla)

    def _key(self, loss: Choice, metrics: Sequence[Choice]) -> str | None:
        """What the program depends on; runs and calls that agree in it share one."""
        rule = self.training.epochs
        target = self.runs[0].target
        return programs.key(
            self.model,
            self.optimizer,
            [
                self.training.loss or loss,
                list(metrics),
                self.training.schedule,
                None if isinstance(rule, int) else rule.model_dump(exclude={"max"}),
                [list(target.shape[1:]), str(target.dtype)],
                dataclasses.astuple(self.shape),
            ],
        )

    def _program(self) -> Program:
        names = columns(self.metrics, self.shape.validation_batch > 0)
        return Program(
            self.model, self.optimizer, self.loss, self.metrics, self.backend, self.shape,
            stopping=watch.stopping(self.training, names),
            plateau=watch.plateau(self.training, names),
        )  # fmt: skip

    def fitted(self, run: Run, predictions: bool) -> Fitted:
        """Train one run."""
        began = time.perf_counter()
        data = self._data(run)
        state = self._start(run)
        history: list[Array] = []
        at_once = order.epochs_at_once(len(run.train_rows), self.epochs)
        for first in range(0, self.epochs, at_once):
            count = min(at_once, self.epochs - first)
            state, rows = self._epochs(run, state, data, first, at_once, count)
            history.append(rows)
            if bool(state.stopped):
                break
        return self._result(run, state, np.concatenate(history), data, predictions, began)

    def _epochs(
        self, run: Run, state: State, data: Data, first: int, at_once: int, count: int
    ) -> tuple[State, Array]:
        """Some epochs in one call of the program; raises when the loss is not finite."""
        from keras import ops

        batch = self.shape.batch
        rest = 0 if self.padded else len(run.train_rows) % batch
        steps = order.roomy(-(-self.most_rows // batch))
        full, last = order.batches(
            run.train_rows, run.seed, first, at_once, batch, steps, rest, self.training.shuffle
        )
        integer = [np.int32(len(run.train_rows)), np.int32(count)]
        tensors = [self.backend.device_array(array) for array in (full, last, *integer)]
        state, history = self.program.run(state, data, Order(*tensors))
        ran = int(state.epoch) - first
        bad = int(state.bad_step)
        if bad >= 0:
            rows = full[ran - 1][bad] if bad * batch < len(run.train_rows) - rest else last[ran - 1]
            raise Diverged(first + ran, bad + 1, rows, run)
        return state, np.asarray(ops.convert_to_numpy(history))[:ran]

    def _data(self, run: Run) -> Data:
        names = [tensor.name.split(":")[0] for tensor in self.model.inputs]
        inputs = [self._on_device(run.inputs[name]) for name in names]
        batch = self.shape.validation_batch
        rows = np.zeros(0, np.int32) if run.validation_rows is None else run.validation_rows
        steps = order.roomy(-(-self.most_validated // batch)) if batch else 0
        table = order.in_batches(rows, max(batch, 1), steps)
        return Data(
            inputs,
            self._on_device(run.target),
            self.backend.device_array(self._weight(run)),
            self.backend.device_array(table),
            self.backend.device_array(np.int32(len(rows))),
        )

    def _on_device(self, array: Array) -> Any:
        key = id(array)
        if key not in self.arrays:
            self.arrays[key] = self.backend.device_array(_plain(array))
        return self.arrays[key]

    def _weight(self, run: Run) -> Weights:
        if not self.shape.weighted:
            return np.ones(1, np.float32)
        weight = np.ones(len(run.target), np.float32)
        if self.training.class_weight is not None:
            weight *= order.class_weights(run.target, run.train_rows, self.training.class_weight)
        if run.sample_weight is not None:
            weight *= run.sample_weight.astype(np.float32).reshape(-1)
        return weight

    def _start(self, run: Run) -> State:
        """Weights of the run's seed, and an optimizer that has seen nothing."""
        model, optimizer = self.model, self.program.optimizer
        if self.template_seed != run.seed:
            model = self.build(run.seed)
            if getattr(optimizer, "use_ema", False) or "ScheduleFree" in type(optimizer).__name__:
                optimizer = self._optimizer(model)
        variables = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        values = [[variable.value + 0 for variable in group] for group in variables]
        if self.program.rate_index is not None:
            values[2][self.program.rate_index] = self.rate
        return self.program.start(*values)

    def _result(
        self, run: Run, state: State, history: Array, data: Data, predictions: bool, began: float
    ) -> Fitted:
        from keras import ops

        trainable, fixed, best = state.trainable, state.fixed, len(history)
        if self.program.stopping:
            kept = list(state.stopping[3])
            trainable, fixed = kept[: len(trainable)], kept[len(trainable) :]
            best = int(state.stopping[2]) + 1
        ids = [id(v) for v in self.model.trainable_variables + self.model.non_trainable_variables]
        values = dict(zip(ids, [*trainable, *fixed], strict=True))
        weights = [np.asarray(ops.convert_to_numpy(values[id(v)])) for v in self.model.weights]
        names = enumerate(self.program.columns)
        curves = {name: [float(v) for v in history[:, i]] for i, name in names}
        seconds = time.perf_counter() - began
        predicted = None
        if predictions and run.validation_rows is not None and len(run.validation_rows):
            predicted = self._predicted(trainable, fixed, data, len(run.validation_rows))
        return Fitted(weights, curves, best, len(history), seconds, predicted)

    def _predicted(self, trainable: Any, fixed: Any, data: Data, count: int) -> Array:
        from keras import ops

        parts = [
            ops.convert_to_numpy(self.program.predict(trainable, fixed, data.inputs, rows))
            for rows in data.validation_rows[: -(-count // self.shape.validation_batch)]
        ]
        return np.concatenate(parts)[:count]


def rows_apart(model: keras.Model) -> bool:
    """Whether every layer treats rows one by one, so that padding a batch changes nothing."""
    for layer in model._flatten_layers():
        if layer is model:
            continue
        kind = type(layer)
        if not kind.__module__.startswith("keras.") or kind.__name__ in ROWS_MIX:
            return False
        if getattr(layer, "activity_regularizer", None) or getattr(layer, "stateful", False):
            return False
    return True


def _plain(array: Array) -> Array:
    """Numbers as the device takes them: no float64, which XLA and JAX would not use anyway."""
    return array.astype(np.float32) if array.dtype == np.float64 else array

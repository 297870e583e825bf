"""One architecture's compiled program and the runs that go through it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.figures.learned import figures
from throughline.training.divergence import Diverged
from throughline.training.engine import backends, permutations, programs, watch
from throughline.training.engine.feeding import Feeding, most, plain
from throughline.training.engine.program import Program, watched_columns
from throughline.training.engine.runs import Array, Fitted, Run
from throughline.training.engine.state import Data, Order, Shape, State
from throughline.training.network.heads import Answers
from throughline.training.network.heads import figures as figures_of_heads
from throughline.training.network.layers import (
    called_on_rows,
    carried,
    refuse_assigned,
    rows_apart,
)
from throughline.training.network.linear_start import begin_linear
from throughline.training.objects import losses, optimizers
from throughline.training.private_keras import averages, track
from throughline.training.xla import whether

if TYPE_CHECKING:
    import keras

    from throughline.pipeline.schema.training import Choice, Training
    from throughline.training.checkpoints import Checkpoints
    from throughline.training.engine.program import Answer
    from throughline.training.network.heads import Head

VALIDATION_BATCH = 512
VALIDATION_GRAIN = 64
SECONDS_A_CALL = 1.0

Watcher = Callable[[Run, int, dict[str, float], bool], None]


class Trainer:
    """What the runs share: the compiled program and the arrays on the device."""

    def __init__(
        self,
        build: Callable[[int], keras.Model],
        training: Training,
        runs: Sequence[Run],
        loss: Choice,
        metrics: Sequence[Choice],
        answer: str | None,
        heads: Sequence[Head],
        epochs: int | None,
        xla: bool | None,
    ) -> None:
        self.build = build
        self.training = training
        self.runs = runs
        self.heads = heads
        self.answer: Answer | None = answer
        self.epochs = training.max_epochs if epochs is None else epochs
        self.backend = backends.current()
        self.model = build(runs[0].seed)
        self.template_seed: int | None = runs[0].seed
        self.optimizer = self._optimizer(self.model)
        example = self._example()
        chosen = metrics if training.metrics is None else training.metrics
        if heads:
            from throughline.training.objects.judges import judges

            self.loss, self.metrics = judges(heads, *example)
            self.answer = Answers(heads) if any(head.activation for head in heads) else None
        else:
            self.loss = losses.loss_of(training.loss or loss, *example)
            self.metrics = losses.metrics_of(chosen, *example)
        self.figures = figures_of_heads(training, heads) or figures(training, loss, metrics)
        apart = losses.rows_apart(self.loss, *example)
        self.padded = apart and rows_apart(self.model)
        self.padded_held = apart and rows_apart(self.model, training=False)
        self.most_rows = max(len(run.train_rows) for run in runs)
        self.most_validated = most(run.validation_rows for run in runs)
        watching = watch.looks_at_validation(training)
        self.most_watched = most(run.watched_rows for run in runs) if watching else 0
        self.shape = self._shape(xla)
        names = [tensor.name.split(":")[0] for tensor in self.model.inputs]
        most_held = (self.most_rows, self.most_validated, self.most_watched)
        self.feeding = Feeding(names, training, self.shape, *most_held, self.backend)
        self.key = self._key(loss, chosen)
        self.program = programs.shared(self.key, self._program)
        self.rate = self.program.start_rate(self.optimizer)

    def _optimizer(self, model: keras.Model) -> Any:
        optimizer = self.backend.stateless(optimizers.optimizer(self.training))
        optimizer.build(model.trainable_variables)
        track(optimizer)
        return optimizer

    def _example(self) -> tuple[Any, Any]:
        """Two rows of targets and outputs, from which Keras resolves `accuracy`."""
        from keras import ops

        run = self.runs[0]
        rows = np.resize(run.train_rows, self.model.inputs[0].shape[0] or 2)
        names = [tensor.name.split(":")[0] for tensor in self.model.inputs]
        inputs = [
            ops.cast(ops.convert_to_tensor(run.inputs[name][rows]), tensor.dtype)
            for name, tensor in zip(names, self.model.inputs, strict=True)
        ]
        x = inputs[0] if len(inputs) == 1 else inputs
        model = self.model
        variables = (model.trainable_variables, model.non_trainable_variables)
        values = [[variable.value for variable in group] for group in variables]
        with called_on_rows():
            refuse_assigned(model, x)
            # Without a trace: a recurrent layer draws a dropout's mask also where it only answers.
            answers, _ = model.stateless_call(*values, x, training=False)
        return ops.convert_to_tensor(plain(run.target)[rows]), answers

    def _shape(self, xla: bool | None) -> Shape:
        batch = self.training.batch_size
        size = self.most_rows if batch == "all" else min(batch, self.most_rows)
        weighted = self.training.class_weight is not None or any(
            run.sample_weight is not None for run in self.runs
        )
        # A sum over a batch, or what mixes its rows, compares with batches of the same size only.
        alike = not self.padded_held or self.loss.reduction == "sum"
        at_once = size if alike else max(size, VALIDATION_BATCH)
        validation, watched = (
            min(at_once, -(-count // VALIDATION_GRAIN) * VALIDATION_GRAIN)
            for count in (self.most_validated, self.most_watched)
        )
        steps = self.epochs * -(-self.most_rows // size)
        by_xla = whether(xla, self.training, self.model, steps)
        return Shape(size, validation, watched, self.padded, self.padded_held, weighted, by_xla)

    def _key(self, loss: Choice, metrics: Sequence[Choice]) -> str | None:
        """What the program depends on; runs and calls that agree in it share one."""
        if losses.own_code(self.training) or any(map(losses.own_code, self.heads)):
            return None
        rule = self.training.epochs
        target = self.runs[0].target
        return programs.key(
            self.model,
            self.optimizer,
            [
                self.training.loss or loss,
                list(metrics),
                list(self.heads) or self.answer,
                self.training.schedule,
                None if isinstance(rule, int) else rule.model_dump(exclude={"max"}),
                [list(target.shape[1:]), str(target.dtype)],
                dataclasses.astuple(self.shape),
            ],
        )

    def _program(self) -> Program:
        names = watched_columns(self.metrics, self.shape)
        return Program(
            self.model, self.optimizer, self.loss, self.metrics, self.backend, self.shape,
            answer=self.answer,
            stopping=watch.stopping(self.training, names, self.figures),
            plateau=watch.plateau(self.training, names, self.figures),
        )  # fmt: skip

    def fitted(
        self,
        run: Run,
        predictions: bool,
        watcher: Watcher | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> Fitted:
        """Train one run."""
        began = time.perf_counter()
        data = self.feeding.data(run)
        state = self.start(run)
        history: list[Array] = []
        if checkpoints:
            state, history = checkpoints.load(run, state)
        watched = watcher is not None or checkpoints is not None
        most = permutations.epochs_at_once(len(run.train_rows), self.epochs)
        count = 1 if watched else most
        while (first := int(state.epoch)) < self.epochs and not bool(state.stopped):
            call_began = time.perf_counter()
            count = min(count, most, self.epochs - first)
            state, rows = self._epochs(run, state, data, first, most, count)
            history.append(rows)
            ended = bool(state.stopped) or int(state.epoch) >= self.epochs
            if checkpoints:
                checkpoints.save(run, state, history, ended)
            if watcher:
                curves = self.latest(rows[-1])
                watcher(run, int(state.epoch), curves, ended)
            if watched:
                # As many epochs a call as give a sign of life about once a second.
                seconds = max(time.perf_counter() - call_began, 1e-6) / count
                count = max(1, min(2 * count, int(SECONDS_A_CALL / seconds)))
        return self.result(run, state, np.concatenate(history), data, predictions, began)

    def _epochs(
        self, run: Run, state: State, data: Data, first: int, most: int, count: int
    ) -> tuple[State, Array]:
        """Some epochs in one call of the program; raises when the loss is not finite."""
        from keras import ops

        tables = self.feeding.tables(run, first, most, count)
        tensors = Order(*map(self.backend.device_array, tables))
        state, history = self.program.run(state, data, tensors)
        ran = int(state.epoch) - first
        bad = int(state.bad_step)
        if bad >= 0:
            raise self.diverged(run, tables, first, ran, bad)
        return state, np.asarray(ops.convert_to_numpy(history))[:ran]

    def latest(self, row: Array) -> dict[str, float]:
        """A row of the history by the names of its columns, less those that are only watched."""
        return dict(zip(self.program.columns, map(float, row), strict=False))

    def diverged(self, run: Run, tables: Order, first: int, ran: int, bad: int) -> Diverged:
        """What to say of a batch whose loss is not finite."""
        own_batches = len(run.train_rows) - self.feeding.rest(run)
        table = tables.full if bad * self.shape.batch < own_batches else tables.rest
        rows = table[ran - 1][bad] if table is tables.full else table[ran - 1]
        return Diverged(first + ran, bad + 1, rows, run)

    def start(self, run: Run) -> State:
        """Weights of the run's seed, and an optimizer that has seen nothing."""
        from keras import ops

        model, optimizer = self.model, self.program.optimizer
        linear = self.training.start == "linear"
        if self.template_seed != run.seed or linear:
            model = self.build(run.seed)
            if getattr(optimizer, "use_ema", False) or "ScheduleFree" in type(optimizer).__name__:
                optimizer = self._optimizer(model)
        if linear:
            begin_linear(model, run)
        fixed = [*model.non_trainable_variables, *carried(model)]
        variables = (model.trainable_variables, fixed, optimizer.variables)
        values = [[variable.value + 0 for variable in group] for group in variables]
        if self.program.rate_index is not None:
            rate = self.rate
            if run.learning_rate is not None:
                rate = ops.convert_to_tensor(run.learning_rate, dtype="float32")
            values[2][self.program.rate_index] = rate
        return self.program.start(*values)

    def result(
        self, run: Run, state: State, history: Array, data: Data, predictions: bool, began: float
    ) -> Fitted:
        """What a run that has ended gives."""
        from keras import ops

        trainable, fixed, best = state.trainable, state.fixed, len(history)
        if self.program.stopping:
            kept = list(state.stopping[3])
            trainable, fixed = kept[: len(trainable)], kept[len(trainable) :]
            best = int(state.stopping[2]) + 1
        trainable = averages(self.program.optimizer, state.optimizer) or trainable
        own = self.model.trainable_variables + self.model.non_trainable_variables
        # The states that are carried come last and are no weights.
        values = dict(zip(map(id, own), [*trainable, *fixed], strict=False))
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
            for rows in data.validation.rows[: -(-count // self.shape.validation_batch)]
        ]
        # Mixed precision predicts in bfloat16, which is no type of NumPy's own.
        return np.concatenate(parts)[:count].astype(np.float32, copy=False)

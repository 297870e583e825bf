"""The training loop as one compiled program: epochs x steps, then validation, then the watch.

Everything is a pure function of tensors, so one program serves every fold, repeat and seed of an
architecture, and the same code runs on TensorFlow and on JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from throughline.samples.windows.gathered import rows_of
from throughline.training.engine.backends import Backend
from throughline.training.engine.stacked import joined
from throughline.training.engine.state import Data, Each, Held, Order, Shape, State
from throughline.training.engine.tally import Tally, batch_loss
from throughline.training.engine.watch import EarlyStopping, Plateau
from throughline.training.network.layers import carried, max_pooling
from throughline.training.private_keras import rate_variable

if TYPE_CHECKING:
    import keras

Tensor = Any
Tensors = list[Tensor]
# An activation of Keras, by its name or a function of tensors.
Answer = str | Callable[[Tensor], Tensor]


def columns(metrics: list[Any], validated: bool) -> list[str]:
    """Names of the history's columns."""
    names = ["loss", *(metric.name for metric in metrics)]
    return [*names, *(f"val_{name}" for name in names if validated)]


def watched_columns(metrics: list[Any], shape: Shape) -> list[str]:
    """What a rule that watches the epochs may ask for, each name in its column of the history.

    Rows that are watched apart have their curves behind all others. Those of the validation rows
    then only score, and have no name here.
    """
    printed = columns(metrics, shape.validation_batch > 0)
    if not shape.watched_batch:
        return printed
    own = columns(metrics, validated=False)
    hidden = ["" if name.startswith("val_") else name for name in printed]
    return [*hidden, *(f"val_{name}" for name in own)]


@dataclass
class Program:
    """A compiled training loop for one architecture.

    Args:
        model: the network; its variables are only a template.
        optimizer: a built, stateless Keras optimizer.
        loss: a Keras loss.
        metrics: Keras metrics.
        backend: of Keras.
        shape: what is fixed at compile time.
        answer: what makes answers of the network's logits. Default: nothing.
        stopping: early stopping. Default: none.
        plateau: ReduceLROnPlateau. Default: none.
    """

    model: keras.Model
    optimizer: Any
    loss: Any
    metrics: list[Any]
    backend: Backend
    shape: Shape
    answer: Answer | None = None
    stopping: EarlyStopping | None = None
    plateau: Plateau | None = None

    def __post_init__(self) -> None:
        self.run = self.backend.compile(self._run, self.shape.xla)
        self.run_together = self.backend.compile(self._run_together, self.shape.xla)
        # One call a training: compiling it by XLA would cost more than it gains.
        self.predict = self.backend.compile(self._predict, xla=False)
        self.step: Callable[..., Any] = self._step
        if max_pooling(self.model) and not self.shape.xla:
            self.step = self.backend.apart(self._step)
        self.tally = Tally(self.metrics)
        self.columns = columns(self.metrics, self.shape.validation_batch > 0)
        self.width = len(watched_columns(self.metrics, self.shape))
        self.states = carried(self.model)
        self.dtypes = [tensor.dtype for tensor in self.model.inputs]
        rate = rate_variable(self.optimizer)
        self.rate_index = next(
            (i for i, v in enumerate(self.optimizer.variables) if v is rate), None
        )

    def start_rate(self, optimizer: Any) -> Tensor | None:
        """The learning rate another optimizer of the same kind starts with."""
        if self.rate_index is None:
            return None
        return optimizer.variables[self.rate_index].value + 0

    def start(self, trainable: Tensors, fixed: Tensors, optimizer: Tensors) -> State:
        """The state before the first epoch."""
        from keras import ops

        stopping = self.stopping.start([*trainable, *fixed]) if self.stopping else ()
        plateau = self.plateau.start() if self.plateau else ()
        zero = ops.convert_to_tensor(0, "int32")
        return State(
            trainable, fixed, optimizer, stopping, plateau,
            zero, ops.convert_to_tensor(False, "bool"), ops.convert_to_tensor(-1, "int32"),
        )  # fmt: skip

    def _run(self, state: State, data: Data, order: Order) -> tuple[State, Tensor]:
        """`order.epochs` epochs; returns the state and the history, one row an epoch."""
        from keras import ops

        history = ops.zeros((order.full.shape[0], self.width), "float32")

        def going(done: Tensor, history: Tensor, state: State) -> Tensor:
            healthy = ops.logical_and(state.bad_step < 0, ops.logical_not(state.stopped))
            return ops.logical_and(done < order.epochs, healthy)

        def epoch(done: Tensor, history: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
            state, row = self._epoch(state, data, order, done)
            history = ops.slice_update(history, (done, 0), ops.expand_dims(row, 0))
            return done + 1, history, self._after_epoch(state, row)

        zero = ops.convert_to_tensor(0, "int32")
        _, history, state = ops.while_loop(going, epoch, (zero, history, state))
        return state, history

    def _run_together(self, each: Each, shared: Any) -> tuple[State, Tensor]:
        """Like `_run` for several runs at once; a run that has ended waits for the others."""
        from keras import ops

        def one(each: Each) -> tuple[State, Tensor]:
            return self._run(each.state, joined(each.data, shared), each.order)

        runs, epochs = each.order.full.shape[:2]
        history = ops.zeros((runs, epochs, self.width), "float32")
        result: tuple[State, Tensor] = self.backend.each(one, each, (each.state, history))
        return result

    def _epoch(self, state: State, data: Data, order: Order, done: Tensor) -> tuple[State, Tensor]:
        from keras import ops

        batch = self.shape.batch
        steps = order.count // batch
        if self.shape.padded:
            steps = (order.count + batch - 1) // batch
        every = order.full[done]

        def going(step: Tensor, sums: Any, state: State) -> Tensor:
            return ops.logical_and(step < steps, state.bad_step < 0)

        def one(step: Tensor, sums: Any, state: State) -> tuple[Tensor, Any, State]:
            rows = every[step]
            valid = None
            if self.shape.padded:
                valid = ops.cast(ops.arange(batch) < order.count - step * batch, "float32")
            state, sums = self.step(state, sums, data, rows, valid, step)
            return step + 1, sums, state

        zero = ops.convert_to_tensor(0, "int32")
        sums = self.tally.start()
        step, sums, state = ops.while_loop(going, one, (zero, sums, state))
        if order.rest.shape[1]:
            # A batch after a bad one would hide where it was; its update is thrown away anyway.
            bad = state.bad_step
            state, sums = self._step(state, sums, data, order.rest[done], None, step)
            state = state._replace(bad_step=ops.where(bad >= 0, bad, state.bad_step))
        results = self.tally.results(sums)
        if batch := self.shape.validation_batch:
            results += self._measured(state, data, data.validation, batch)
        if batch := self.shape.watched_batch:
            results += self._measured(state, data, data.watched, batch)
        return state, ops.stack(results)

    def _step(
        self, state: State, sums: Any, data: Data, rows: Tensor, valid: Tensor | None, step: Tensor
    ) -> tuple[State, Any]:
        from keras import ops

        x, y = self._batch(data, rows)
        weight = rows_of(data.weight, rows, self.backend.gather) if self.shape.weighted else None

        def loss(trainable: Tensors) -> tuple[Tensor, Any]:
            prediction, fixed, extra = self._called(trainable, state.fixed, x, training=True)
            value = batch_loss(self.loss, y, prediction, weight, valid, extra)
            return self.optimizer.scale_loss(value), (value, prediction, fixed)

        _, (value, prediction, fixed), gradients = self.backend.gradient(loss, state.trainable)
        trainable, optimizer = self.optimizer.stateless_apply(
            state.optimizer, gradients, state.trainable
        )
        bad = ops.where(ops.isfinite(value), state.bad_step, step)
        sums = self.tally.added(sums, value, y, self._answered(prediction), valid)
        state = state._replace(
            trainable=list(trainable), fixed=list(fixed), optimizer=list(optimizer), bad_step=bad
        )
        return state, sums

    def _batch(self, data: Data, rows: Tensor) -> tuple[Any, Tensor]:
        from keras import ops

        gathered = [
            ops.cast(rows_of(array, rows, self.backend.gather), dtype)
            for array, dtype in zip(data.inputs, self.dtypes, strict=True)
        ]
        x = gathered[0] if len(gathered) == 1 else gathered
        return x, rows_of(data.target, rows, self.backend.gather)

    def _measured(self, state: State, data: Data, held: Held, batch: int) -> Tensors:
        """Loss and metrics of rows that are not trained on, in batches."""
        from keras import ops

        padded, count = self.shape.padded_held, held.count

        def added(sums: Any, rows: Tensor, valid: Tensor | None) -> Any:
            x, y = self._batch(data, rows)
            prediction, _, extra = self._called(state.trainable, state.fixed, x, training=False)
            value = batch_loss(self.loss, y, prediction, None, valid, extra)
            return self.tally.added(sums, value, y, self._answered(prediction), valid)

        def one(step: Tensor, sums: Any) -> tuple[Tensor, Any]:
            valid = None
            if padded:
                valid = ops.cast(ops.arange(batch) < count - step * batch, "float32")
            return step + 1, added(sums, held.rows[step], valid)

        zero = ops.convert_to_tensor(0, "int32")
        steps = (count + batch - 1) // batch if padded else count // batch
        _, sums = ops.while_loop(lambda step, _: step < steps, one, (zero, self.tally.start()))
        if held.rest.shape[0]:
            sums = added(sums, held.rest, None)
        return self.tally.results(sums)

    def _after_epoch(self, state: State, row: Tensor) -> State:
        """Let early stopping and the plateau rule look at the epoch's row of the history."""
        from keras import ops

        if self.stopping:
            weights = [*state.trainable, *state.fixed]
            watched, stopped = self.stopping.after(state.stopping, row, state.epoch, weights)
            state = state._replace(stopping=watched, stopped=stopped)
        if self.plateau and self.rate_index is not None:
            optimizer = list(state.optimizer)
            rate = optimizer[self.rate_index]
            plateau, rate = self.plateau.after(state.plateau, row, rate)
            optimizer[self.rate_index] = rate
            state = state._replace(plateau=plateau, optimizer=optimizer)
        return state._replace(epoch=ops.add(state.epoch, 1))

    def _predict(self, trainable: Tensors, fixed: Tensors, inputs: Tensors, rows: Tensor) -> Tensor:
        """The network's output for some rows."""
        from keras import ops

        gathered = [
            ops.cast(rows_of(array, rows, self.backend.gather), dtype)
            for array, dtype in zip(inputs, self.dtypes, strict=True)
        ]
        x = gathered[0] if len(gathered) == 1 else gathered
        return self._answered(self._called(trainable, fixed, x, training=False)[0])

    def _answered(self, prediction: Tensor) -> Tensor:
        """The answers, of which metrics judge; the loss may want logits."""
        import keras

        return keras.activations.get(self.answer)(prediction) if self.answer else prediction

    def _called(
        self, trainable: Tensors, fixed: Tensors, x: Any, training: bool
    ) -> tuple[Tensor, Tensors, Tensors]:
        """Output, `fixed` one step on, and penalties; states that are carried end `fixed`."""
        import keras

        model = self.model
        if not self.states:
            called: tuple[Tensor, Tensors, Tensors] = model.stateless_call(
                trainable, fixed, x, training=training, return_losses=True
            )
            return called
        own = [*model.non_trainable_variables, *self.states]
        pairs = zip([*model.trainable_variables, *own], [*trainable, *fixed], strict=True)
        with keras.StatelessScope(state_mapping=list(pairs), collect_losses=True) as scope:
            output = model.call(x, training=training)
            extra = model.losses
        return output, [scope.get_current_value(variable) for variable in own], extra

"""Train folds, repeats, seeds and sweep points of one architecture by one compiled program."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.errors import BadData
from throughline.training.checkpoints import Checkpoints
from throughline.training.engine.devices import POLICIES
from throughline.training.engine.runs import Fitted, Run
from throughline.training.engine.together import fitted_together
from throughline.training.engine.trainer import Trainer, Watcher

if TYPE_CHECKING:
    import keras

    from throughline.pipeline.schema.training import Choice, Training
    from throughline.training.network.heads import Head


def fit(
    build: Callable[[int], keras.Model],
    training: Training,
    runs: Sequence[Run],
    *,
    loss: Choice,
    metrics: Sequence[Choice] = (),
    answer: str | None = None,
    heads: Sequence[Head] = (),
    epochs: int | None = None,
    predictions: bool = True,
    xla: bool | None = None,
    watcher: Watcher | None = None,
    checkpoints: Path | None = None,
    began: float | None = None,
    together: bool = False,
    only: Sequence[int] | None = None,
) -> list[Fitted]:
    """Train every run.

    Args:
        build: makes the network with the weights of a seed.
        training: the `training:` section.
        runs: what is trained; all have inputs of the same shape.
        loss: a Keras loss; `training.loss` goes before it.
        metrics: Keras metrics; `training.metrics` go before them.
        answer: the activation that makes answers of the network's logits, for metrics and
            predictions. Default: the network gives answers.
        heads: of several targets, each with a loss, metrics and an activation of its own, in the
            place of the three before. Default: there is one target.
        epochs: how many epochs. Default: `training.max_epochs`.
        predictions: whether the validation rows are predicted at the end. Default: true.
        xla: compile by XLA. Default: where it measures faster.
        watcher: is told the run, its epochs so far, their last curves and whether the run has
            ended, about once a second. Default: none.
        checkpoints: folder from which a killed call goes on, if data, settings and seed are the
            same; who calls deletes it. A network with layers of your own goes without, since
            nothing says whether their code is the same. Default: none.
        began: when the work began of which this call is a part, by `time.monotonic`; whatever
            ends 10 s later is kept. Default: now.
        together: side by side in one call of the program, as many as memory allows. Default: in
            turn.
        only: positions of the runs that this process trains. Default: all.

    Returns:
        One result a run, in their order; each is what the run would give alone.

    Raises:
        Diverged: when a loss is NaN or infinite.
        BadData: when a run has no rows to train on.
    """
    if not runs:
        return []
    _check_rows(runs)
    with _precision(training.precision):
        trainer = Trainer(build, training, runs, loss, metrics, answer, heads, epochs, xla)
        kept = _checkpoints(checkpoints, trainer, began)
        if only is not None:
            runs = [runs[i] for i in only]
        if together:
            return fitted_together(trainer, runs, predictions, watcher, kept)
        found: list[Fitted] = []
        for run in runs:
            found.append(trainer.fitted(run, predictions, watcher, kept))
        return found


def _checkpoints(folder: Path | None, trainer: Trainer, began: float | None) -> Checkpoints | None:
    import keras

    if folder is None or trainer.key is None:
        return None
    library = f"{keras.backend.backend()} {keras.__version__}"
    settings = trainer.training.model_dump_json()
    depends_on = "\n".join([library, trainer.key, settings, str(trainer.epochs)])
    return Checkpoints(folder, depends_on, began=began)


@contextlib.contextmanager
def _precision(precision: str) -> Iterator[None]:
    """Networks built inside compute in this precision."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _check_rows(runs: Sequence[Run]) -> None:
    for i, run in enumerate(runs):
        if not len(run.train_rows):
            raise BadData(f"run {i} should have rows to train on", "none")

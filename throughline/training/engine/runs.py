"""What goes into a training and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from throughline.figures.figure import Figure
from throughline.preprocessing.sparse import Sparse
from throughline.samples.samples import Divisor
from throughline.samples.windows.gathered import Ahead, Windowed

Array = npt.NDArray[np.generic]
Rows = npt.NDArray[np.integer]
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Run:
    """One training: a fold, a repeat, a seed or a point of a sweep.

    Args:
        inputs: the model's inputs by name; arrays that several runs share are put on the device
            once. Windows are not made: they are gathered from their series batch by batch.
        target: what is learned, a row for each row of the inputs.
        train_rows: row numbers that are trained on.
        validation_rows: row numbers that are only measured. Default: none.
        seed: of weights, shuffling and dropout.
        sample_weight: a weight for each row of the inputs. Default: none.
        learning_rate: in place of the optimizer's, which is no schedule. Default: the optimizer's.
        watched_rows: row numbers that early stopping and the plateau rule watch, so that those of
            `validation_rows` only score. Default: `validation_rows` are watched.
    """

    inputs: Mapping[str, Array | Windowed | Sparse]
    target: Array | Ahead
    train_rows: Rows
    validation_rows: Rows | None
    seed: int
    sample_weight: Array | None = None
    learning_rate: float | None = None
    watched_rows: Rows | None = None


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Args:
        weights: in the order of `model.get_weights()`.
        history: loss and metrics, one value an epoch; validation under `val_...`.
        best_epoch: epoch whose weights these are, counted from 1.
        epochs_run: epochs that were trained.
        seconds: time of the training alone.
        validation_predictions: the network's output for `validation_rows`. Default: none.
    """

    weights: list[Array]
    history: dict[str, list[float]]
    best_epoch: int
    epochs_run: int
    seconds: float
    validation_predictions: Array | None = field(default=None, repr=False)


def in_unit(
    history: dict[str, list[float]], divide: Divisor, figures: Mapping[str, Figure]
) -> dict[str, list[float]]:
    """The curves of a scaled target, in the target's own unit.

    Args:
        history: loss and metrics, one value an epoch; validation under `val_...`.
        divide: what the target was divided by, or each of several, before whose figures its name
            stands.
        figures: what is measured, by name.
    """
    if divide == 1.0:
        return history
    found = {}
    for curve, values in history.items():
        name = curve.removeprefix("val_")
        own = divide if isinstance(divide, float) else divide.get(name.partition(".")[0], 1.0)
        found[curve] = figures[name].in_unit(values, own)
    return found

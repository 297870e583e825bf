"""Early stopping and ReduceLROnPlateau inside the compiled program.

Both follow Keras' callbacks of the same name, as a few scalars that the loop over epochs carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, listed
from throughline.pipeline.schema.training import Epochs
from throughline.training.network import heads, spec
from throughline.training.objects import optimizers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from throughline.figures.figure import Figure
    from throughline.pipeline.schema.targets import NamedTarget
    from throughline.pipeline.schema.training import Training

MODES = ("min", "max")

Tensor = Any
Tensors = list[Tensor]


@dataclass(frozen=True)
class EarlyStopping:
    """Keep the best epoch's weights; stop after `patience` epochs without improvement.

    Args:
        column: which curve is watched, as a column of the history.
        largest: whether larger is better.
        patience: epochs without improvement.
        min_delta: least change that counts.
    """

    column: int
    largest: bool
    patience: int
    min_delta: float

    def start(self, weights: Tensors) -> tuple[Tensor, Tensor, Tensor, Tensors]:
        """Best value, epochs waited, best epoch (from 0), best weights."""
        from keras import ops

        worst = ops.convert_to_tensor(float("inf"), "float32")
        zero = ops.convert_to_tensor(0, "int32")
        return worst, zero, zero, list(weights)

    def after(
        self,
        state: tuple[Tensor, Tensor, Tensor, Tensors],
        row: Tensor,
        epoch: Tensor,
        weights: Tensors,
    ) -> tuple[tuple[Tensor, Tensor, Tensor, Tensors], Tensor]:
        """The state after an epoch, and whether training ends."""
        from keras import ops

        best, waited, best_epoch, kept = state
        value = -row[self.column] if self.largest else row[self.column]
        better = value < best - self.min_delta
        waited = ops.where(better, 0, waited + 1)
        kept = [ops.where(better, new, old) for new, old in zip(weights, kept, strict=True)]
        state = (
            ops.where(better, value, best),
            waited,
            ops.where(better, epoch, best_epoch),
            kept,
        )
        exhausted = ops.logical_and(waited >= self.patience, epoch > 0)
        return state, ops.logical_and(exhausted, ops.logical_not(better))


@dataclass(frozen=True)
class Plateau:
    """Multiply the learning rate by `factor` after `patience` epochs without improvement.

    Args:
        column: which curve is watched, as a column of the history.
        largest: whether larger is better.
        factor: what the rate is multiplied by.
        patience: epochs without improvement.
        min_delta: least change that counts.
        cooldown: epochs after a change in which nothing is counted.
        min_lr: the least rate.
    """

    column: int
    largest: bool
    factor: float
    patience: int
    min_delta: float
    cooldown: int
    min_lr: float

    def start(self) -> tuple[Tensor, Tensor, Tensor]:
        """Best value, epochs waited, epochs of cooldown left."""
        from keras import ops

        zero = ops.convert_to_tensor(0, "int32")
        return ops.convert_to_tensor(float("inf"), "float32"), zero, zero

    def after(
        self, state: tuple[Tensor, Tensor, Tensor], row: Tensor, rate: Tensor
    ) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        """The state after an epoch, and the learning rate of the next."""
        from keras import ops

        best, waited, cooling = state
        value = -row[self.column] if self.largest else row[self.column]
        was_cooling = cooling > 0
        cooling = ops.maximum(cooling - 1, 0)
        waited = ops.where(was_cooling, 0, waited)
        better = value < best - self.min_delta
        counted = ops.logical_and(ops.logical_not(better), cooling <= 0)
        waited = ops.where(better, 0, ops.where(counted, waited + 1, waited))
        lower = ops.logical_and(counted, waited >= self.patience)
        reduced = ops.maximum(rate * self.factor, ops.cast(self.min_lr, rate.dtype))
        rate = ops.where(lower, reduced, rate)
        cooling = ops.where(lower, self.cooldown, cooling)
        waited = ops.where(lower, 0, waited)
        return (ops.where(better, value, best), waited, cooling), rate


def stopping(
    training: Training, columns: list[str], figures: Mapping[str, Figure]
) -> EarlyStopping | None:
    """The early stopping that `training.epochs` asks for.

    Args:
        training: the section.
        columns: names of the history's columns.
        figures: what is measured, by name.

    Returns:
        The rule, or none.

    Raises:
        BadPipeline: when a curve is watched that is not measured.
    """
    rule = training.epochs
    if not isinstance(rule, Epochs) or rule.patience is None:
        return None
    column = _column(rule.monitor, columns, "training.epochs.monitor")
    watched = figures[rule.monitor.removeprefix("val_")]
    return EarlyStopping(column, bool(watched.rises), rule.patience, rule.min_delta)


def looks_at_validation(training: Training) -> bool:
    """Whether a rule watches a curve of rows that are not trained on."""
    return bool(_watched_curves(training))


def check(training: Training) -> list[str]:
    """What is wrong with what is watched, a sentence each."""
    curves = _watched_curves(training)
    if not curves or training.validation:
        return []
    return [
        f"training.validation should be a share of the rows, for {listed(curves)} is watched. "
        "Set it, or watch `loss`."
    ]


def check_targets(training: Training, targets: Mapping[str, NamedTarget]) -> list[str]:
    """Curves that are watched and that none of several targets has, a sentence each."""
    try:
        own = list(heads.figures(training, heads.of_targets(targets)))
    except BadPipeline as error:
        return [str(error)]
    rule, plateau = training.epochs, optimizers.plateau(training) or {}
    asked = {f"training.schedule.{optimizers.PLATEAU}": plateau.get("monitor")}
    if isinstance(rule, Epochs):
        asked["training.epochs"] = rule.monitor
    known = [*own, *(f"val_{name}" for name in own)]
    return [
        str(spec.unknown(f"{place}.monitor should be a curve", monitor, known))
        for place, monitor in asked.items()
        if targets and monitor is not None and monitor not in known
    ]


def _watched_curves(training: Training) -> list[str]:
    rule, monitors = training.epochs, [str((optimizers.plateau(training) or {}).get("monitor", ""))]
    if isinstance(rule, Epochs) and rule.patience is not None:
        monitors.append(rule.monitor)
    return [name for name in monitors if name.startswith("val_")]


def plateau(
    training: Training, columns: list[str], figures: Mapping[str, Figure]
) -> Plateau | None:
    """The ReduceLROnPlateau that `training.schedule` asks for, like `stopping`."""
    rule = optimizers.plateau(training)
    if rule is None:
        return None
    monitor = str(rule.pop("monitor"))
    column = _column(monitor, columns, f"training.schedule.{optimizers.PLATEAU}.monitor")
    rises = figures[monitor.removeprefix("val_")].rises
    mode = str(rule.pop("mode"))
    if mode in MODES:
        rises = mode == "max"
    if rises is None:
        raise BadPipeline(
            f"training.schedule.{optimizers.PLATEAU}.mode must say whether a larger {monitor} is "
            "better: `max` or `min`; Keras does not",
            mode,
        )
    return Plateau(column, rises, **rule)


def _column(monitor: str, columns: list[str], place: str) -> int:
    if monitor not in columns:
        columns = [name for name in columns if name]
        remedy = "Set training.validation to a share of the rows" if "val_" in monitor else ""
        raise BadPipeline(f"{place} should be one of {listed(columns)}", monitor, remedy)
    return columns.index(monitor)

"""Cross-validation: folds, preprocessing refitted in each, one engine for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.training.fold_arrays import TrainingRows
from tasks.training.fold_rows import PreparedRows
from tasks.training.intervals import corrected_interval, limits_of, paired_verdict
from tasks.training.runs import in_unit
from tasks.training.side_by_side import Group, SideBySide

if TYPE_CHECKING:
    from tasks.config.protocol import CrossValidation
    from tasks.training.runs import Fitted
    from tasks.training.windows import WindowData

HIGHER_IS_BETTER = ("accuracy", "auc", "precision", "recall", "f1", "r2")


@dataclass(frozen=True)
class Folded:
    """The trainings of all folds.

    Attributes:
        histories: one a training, loss and metrics for each epoch; in the target's own unit.
        best_epochs: the epoch whose weights each training kept.
        sizes: training and validation rows of a fold, on average.
        protocol: folds and repeats.
        chosen: the epoch that the averaged validation curve chose, if the file asks for that.
        monitor: the curve that chose it.
        learning_curve: for each training size the scores of the folds.
    """

    histories: Sequence[dict[str, list[float]]]
    best_epochs: Sequence[int]
    sizes: tuple[float, float]
    protocol: CrossValidation
    chosen: int | None
    monitor: str
    learning_curve: Sequence[dict[str, Any]] = field(default_factory=list)

    @property
    def curves(self) -> dict[str, list[float]]:
        """The mean over all trainings, for as many epochs as all of them ran."""
        epochs = min(len(history["loss"]) for history in self.histories)
        return {
            name: np.mean([history[name][:epochs] for history in self.histories], axis=0).tolist()
            for name in self.histories[0]
        }

    def values(self, metric: str) -> np.ndarray:
        """The score of every training on its validation rows, at the epoch that counts."""
        epochs = [self.chosen or best for best in self.best_epochs]
        pairs = zip(self.histories, epochs, strict=True)
        return np.array([history[f"val_{metric}"][epoch - 1] for history, epoch in pairs])

    @property
    def metrics(self) -> list[str]:
        """The names of what is measured on validation rows."""
        names = self.histories[0]
        return [name.removeprefix("val_") for name in names if name.startswith("val_")]

    def same_folds(self, other: Folded) -> bool:
        """Whether both were trained on the same rows, so that scores can be paired."""
        same = self.protocol.model_copy(update={"runs": other.protocol.runs}) == other.protocol
        return same and len(self.histories) == len(other.histories)

    def as_json(self) -> dict[str, Any]:
        """For scores.json."""
        return {
            "folds": self.protocol.folds,
            "repeats": self.protocol.repeats,
            "epochs": {
                "chosen": self.chosen,
                "monitor": self.monitor,
                "best": list(self.best_epochs),
            },
            "metrics": {
                name: summary(name, self.values(name), self.sizes) for name in self.metrics
            },
            "curves": self.curves,
            "learning_curve": list(self.learning_curve),
        }


def summary(metric: str, values: np.ndarray, sizes: tuple[float, float]) -> dict[str, Any]:
    """Mean, sd and the corrected 95 % interval of the folds' scores."""
    low, high = corrected_interval(values, *sizes, within=limits_of(metric))
    return {
        "values": values.tolist(),
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)),
        "low": float(low),
        "high": float(high),
    }


def paired(candidate: Folded, reference: Folded) -> dict[str, Any]:
    """Candidate minus reference on the same folds, metric by metric, with a verdict."""
    return {
        name: paired_verdict(
            candidate.values(name),
            reference.values(name),
            *candidate.sizes,
            higher_is_better=is_higher_better(name),
        )
        for name in candidate.metrics
        if name in reference.metrics
    }


def is_higher_better(metric: str) -> bool:
    """Whether a larger value of a metric is the better one."""
    return any(part in metric for part in HIGHER_IS_BETTER)


def fold_and_fit(
    view: Any,
    data: TrainingRows | WindowData,
    protocol: CrossValidation,
    default_seed: int,
    repeats: int | None = None,
    trainings: SideBySide | None = None,
) -> Folded:
    """Train every fold of a protocol.

    Args:
        view: a pipeline with `columns`, `inputs`, `network`, `target`, `task`, `training`.
        data: its training rows.
        protocol: the folds.
        default_seed: for a pipeline that sets none.
        repeats: trainings of each fold with different seeds. Default: `training.repeats`.
        trainings: of the stage, with its checkpoints and processes. Default: of this call.
    """
    if trainings is None:
        with SideBySide() as own:
            return fold_and_fit(view, data, protocol, default_seed, repeats, own)
    from tasks.splits.folds import folds
    from tasks.training.windows import PreparedWindows, WindowData

    prepared: Any
    drawn: Sequence[Any]
    if isinstance(data, WindowData):
        prepared = PreparedWindows(view, data)
        drawn = prepared.folds(protocol)
    else:
        classes = view.task in ("binary", "multiclass")
        labels = data.target.array(data.rows).ravel() if classes else None
        drawn = folds(data.rows, labels, protocol)
        prepared = PreparedRows(view, data)
    repeats = repeats or view.training.repeats
    groups = prepared.grouped(drawn, default_seed, repeats)
    divides = [divide for _, runs, divide in groups for _ in runs]
    fit = partial(trainings.fit, how=protocol.runs)
    fitted = fit([Group(*group[:2]) for group in groups], title="folds")
    histories = [in_unit(f.history, d) for f, d in zip(fitted, divides, strict=True)]
    epochs = view.training.epochs
    chooses = not isinstance(epochs, int) and epochs.choose == "cross_validation"
    monitor = "val_loss" if isinstance(epochs, int) else epochs.monitor
    folded = Folded(
        histories,
        [f.best_epoch for f in fitted],
        (
            float(np.mean([len(fold.training) for fold in drawn])),
            float(np.mean([len(fold.validation) for fold in drawn])),
        ),
        protocol,
        _chosen(histories, monitor) if chooses else None,
        monitor,
        [_at_size(prepared, drawn, size, default_seed, fit) for size in protocol.sizes],
    )
    return folded


def training_figures(
    view: Any, data: TrainingRows, default_seed: int, trainings: SideBySide
) -> dict[str, float]:
    """Loss and metrics of one training on all rows, as recorded while its best epoch ran.

    Args:
        view: a pipeline with `columns`, `inputs`, `network`, `target`, `task`, `training`.
        data: its training rows.
        default_seed: for a pipeline that sets none.
        trainings: of the stage.
    """
    from tasks.splits.folds import Fold

    every = np.arange(len(data.rows))
    drawn = [Fold(every, every, 0)]
    ((learner, runs, divide),) = PreparedRows(view, data).grouped(drawn, default_seed, 1)
    (fitted,) = trainings.fit([Group(learner, runs)], "in-turn", "all rows")
    history = in_unit(fitted.history, divide)
    names = [name for name in history if not name.startswith("val_")]
    return {name: history[name][fitted.best_epoch - 1] for name in names}


def _chosen(histories: Sequence[dict[str, list[float]]], monitor: str) -> int:
    """The epoch, counted from 1, at which the averaged validation curve is best."""
    curve = np.mean([history[monitor] for history in histories], axis=0)
    best = curve.argmax() if is_higher_better(monitor) else curve.argmin()
    return int(best) + 1


def _at_size(
    prepared: Any,
    drawn: Sequence[Any],
    size: float | int,
    default_seed: int,
    fit: Callable[..., list[Fitted]],
) -> dict[str, Any]:
    """One point of the learning curve: every fold trained on a part of its training rows."""
    smaller = []
    for number, fold in enumerate(drawn):
        count = int(size) if size > 1 else max(1, round(len(fold.training) * size))
        generator = np.random.default_rng((default_seed, number))
        chosen = generator.permutation(fold.training)[:count]
        smaller.append(fold._replace(training=np.sort(chosen)))
    groups = [Group(*group[:2]) for group in prepared.grouped(smaller, default_seed, 1)]
    fitted = fit(groups, title=f"folds of {count} rows")
    metrics = [name for name in fitted[0].history if not name.startswith("val_")]
    sizes = (float(len(smaller[0].training)), float(len(smaller[0].validation)))

    def at_best(name: str) -> dict[str, Any]:
        values = np.array([f.history[name][f.best_epoch - 1] for f in fitted])
        return summary(name.removeprefix("val_"), values, sizes)

    return {
        "rows": len(smaller[0].training),
        "training": {name: at_best(name) for name in metrics},
        "validation": {name: at_best(f"val_{name}") for name in metrics},
    }

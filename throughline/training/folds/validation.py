"""Cross-validation: folds, preprocessing refitted in each, one engine for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline
from throughline.figures.figure import Figure
from throughline.figures.learned import figures, problems
from throughline.pipeline.problem import PROBLEMS
from throughline.training.engine.runs import in_unit
from throughline.training.folds.fold_arrays import TrainingRows
from throughline.training.folds.fold_rows import PreparedRows
from throughline.training.folds.intervals import corrected_interval, paired_verdict
from throughline.training.search.side_by_side import Group, SideBySide, fine

if TYPE_CHECKING:
    from throughline.pipeline.schema.protocol import CrossValidation
    from throughline.samples.splits.folds import Fold
    from throughline.training.engine.runs import Fitted
    from throughline.training.folds.fold_windows import WindowData
    from throughline.training.search.side_by_side import Outcome


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
        figures: what is measured, by name.
        learning_curve: for each training size the scores of the folds.
    """

    histories: Sequence[dict[str, list[float]]]
    best_epochs: Sequence[int]
    sizes: tuple[float, float]
    protocol: CrossValidation
    chosen: int | None
    monitor: str
    figures: Mapping[str, Figure]
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
                name: summary(self.figures[name], self.values(name), self.sizes)
                for name in self.metrics
            },
            "curves": self.curves,
            "learning_curve": list(self.learning_curve),
        }


def summary(figure: Figure, values: np.ndarray, sizes: tuple[float, float]) -> dict[str, Any]:
    """Mean, sd and the corrected 95 % interval of the folds' scores."""
    low, high = corrected_interval(values, *sizes, within=figure.limits)
    return {
        "values": values.tolist(),
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)),
        "low": float(low),
        "high": float(high),
    }


def paired(candidate: Folded, reference: Folded) -> dict[str, Any]:
    """Candidate minus reference on the same folds, metric by metric, with a verdict.

    A figure of which nobody says which way it is better has no verdict.
    """
    return {
        name: paired_verdict(
            candidate.values(name),
            reference.values(name),
            *candidate.sizes,
            higher_is_better=rises,
        )
        for name in candidate.metrics
        if name in reference.metrics and (rises := candidate.figures[name].rises) is not None
    }


class Planned:
    """The trainings that score one pipeline, or one point of a sweep, before they are trained.

    Args:
        view: a pipeline with `columns`, `inputs`, `network`, `target`, `task`, `training`.
        data: its training rows.
        protocol: the folds.
        default_seed: for a pipeline that sets none.
        repeats: trainings of each fold with different seeds. Default: `training.repeats`.
    """

    def __init__(
        self,
        view: Any,
        data: TrainingRows | WindowData,
        protocol: CrossValidation,
        default_seed: int,
        repeats: int | None = None,
    ) -> None:
        self.view = view
        self.data = data
        self.protocol = protocol
        self.default_seed = default_seed
        self.repeats = repeats or view.training.repeats
        # Of each part the divisor of every run's errors, and a fold's rows.
        self.divides: list[list[float]] = []
        self.sizes: list[tuple[float, float]] = []

    def __len__(self) -> int:
        return 1 + len(self.protocol.sizes)

    def parts(self) -> Iterator[list[Group]]:
        """The folds, then those of each size of the learning curve, made when asked for."""
        prepared, drawn = self._drawn()
        training = float(np.mean([len(fold.training) for fold in drawn]))
        validation = float(np.mean([len(fold.validation) for fold in drawn]))
        self.sizes.append((training, validation))
        yield self._part(prepared, drawn, self.repeats)
        for size in self.protocol.sizes:
            first, *others = _smaller(drawn, size, self.default_seed)
            self.sizes.append((float(len(first.training)), float(len(first.validation))))
            yield self._part(prepared, [first, *others], 1)

    def _drawn(self) -> tuple[Any, Sequence[Any]]:
        from throughline.training.folds.fold_windows import PreparedWindows

        if isinstance(self.data, TrainingRows):
            return PreparedRows(self.view, self.data), self.of_rows(self.data)
        windows = PreparedWindows(self.view, self.data)
        return windows, windows.folds(self.protocol)

    def of_rows(self, data: TrainingRows) -> Sequence[Fold]:
        """The folds of rows."""
        from throughline.samples.splits.folds import folds

        classes = self.view.task in ("binary", "multiclass")
        labels = data.target.array(data.rows).ravel() if classes else None
        return folds(data.rows, labels, self.protocol, self.view.split)

    def _part(self, prepared: Any, drawn: Sequence[Any], repeats: int) -> list[Group]:
        groups = prepared.grouped(drawn, self.default_seed, repeats)
        self.divides.append([divide for _, runs, divide in groups for _ in runs])
        return [Group(*group[:2]) for group in groups]

    def folded(self, outcomes: Sequence[Outcome]) -> Folded:
        """What the trainings came to.

        Args:
            outcomes: of each part.

        Raises:
            Diverged: when a training did.
        """
        fitted, *smaller = [fine(outcome) for outcome in outcomes]
        figures = figures_of(self.view)
        histories = _in_unit(fitted, self.divides[0], figures)
        epochs = self.view.training.epochs
        chooses = not isinstance(epochs, int) and epochs.choose == "cross_validation"
        monitor = "val_loss" if isinstance(epochs, int) else epochs.monitor
        return Folded(
            histories,
            [f.best_epoch for f in fitted],
            self.sizes[0],
            self.protocol,
            _chosen(histories, monitor, figures) if chooses else None,
            monitor,
            figures,
            [
                _at_size(*part, figures)
                for part in zip(smaller, self.divides[1:], self.sizes[1:], strict=True)
            ],
        )


def all_folded(planned: Sequence[Planned], trainings: SideBySide) -> Iterator[Folded]:
    """Train what is planned as one list, as the protocol of the first says; in order."""
    parts = (part for each in planned for part in each.parts())
    count = sum(map(len, planned))
    outcomes = trainings.each(parts, planned[0].protocol.runs, "folds", count)
    for each in planned:
        yield each.folded(list(islice(outcomes, len(each))))


def on_all_rows(view: Any, data: TrainingRows, default_seed: int) -> tuple[Group, float]:
    """One training on all rows, and the divisor of its errors.

    Args:
        view: a pipeline with `columns`, `inputs`, `network`, `target`, `task`, `training`.
        data: its training rows.
        default_seed: for a pipeline that sets none.
    """
    from throughline.samples.splits.folds import Fold

    every = np.arange(len(data.rows))
    drawn = [Fold(every, every, 0)]
    ((learner, runs, divide),) = PreparedRows(view, data).grouped(drawn, default_seed, 1)
    return Group(learner, runs), divide


def figures_of(view: Any) -> dict[str, Figure]:
    """The figures of a pipeline's trainings, by the names of their curves.

    Raises:
        BadPipeline: one of them cannot be judged, or not in the target's unit.
    """
    problem = PROBLEMS[view.task]
    scaled = view.target.scale is not None
    for found in problems(view.training, problem.loss, problem.metrics, scaled):
        raise BadPipeline(found)
    return figures(view.training, problem.loss, problem.metrics)


def training_figures(
    fitted: Fitted, divide: float, figures: Mapping[str, Figure]
) -> dict[str, float]:
    """Loss and metrics of a training's own rows, as recorded while its best epoch ran."""
    history = in_unit(fitted.history, divide, figures)
    names = [name for name in history if not name.startswith("val_")]
    return {name: history[name][fitted.best_epoch - 1] for name in names}


def _in_unit(
    fitted: Sequence[Fitted], divides: Sequence[float], figures: Mapping[str, Figure]
) -> list[dict[str, list[float]]]:
    pairs = zip(fitted, divides, strict=True)
    return [in_unit(f.history, divide, figures) for f, divide in pairs]


def _chosen(
    histories: Sequence[dict[str, list[float]]], monitor: str, figures: Mapping[str, Figure]
) -> int:
    """The epoch, counted from 1, at which the averaged validation curve is best."""
    curve = np.mean([history[monitor] for history in histories], axis=0)
    return figures[monitor.removeprefix("val_")].best(curve.tolist()) + 1


def _smaller(drawn: Sequence[Any], size: float | int, default_seed: int) -> list[Any]:
    """Every fold with a part of its training rows."""
    smaller = []
    for number, fold in enumerate(drawn):
        count = int(size) if size > 1 else max(1, round(len(fold.training) * size))
        generator = np.random.default_rng((default_seed, number))
        chosen = generator.permutation(fold.training)[:count]
        smaller.append(fold._replace(training=np.sort(chosen)))
    return smaller


def _at_size(
    fitted: Sequence[Fitted],
    divides: Sequence[float],
    sizes: tuple[float, float],
    figures: Mapping[str, Figure],
) -> dict[str, Any]:
    """One point of the learning curve: every fold trained on a part of its training rows."""
    histories = _in_unit(fitted, divides, figures)
    metrics = [name for name in histories[0] if not name.startswith("val_")]
    pairs = [(f.best_epoch - 1, history) for f, history in zip(fitted, histories, strict=True)]

    def at_best(name: str) -> dict[str, Any]:
        values = np.array([history[name][epoch] for epoch, history in pairs])
        return summary(figures[name.removeprefix("val_")], values, sizes)

    return {
        "rows": int(sizes[0]),
        "training": {name: at_best(name) for name in metrics},
        "validation": {name: at_best(f"val_{name}") for name in metrics},
    }

"""What the trainings of all folds came to: scores, curves, the epoch that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.figures.figure import Figure
from throughline.training.folds.intervals import corrected_interval, paired_verdict

if TYPE_CHECKING:
    from throughline.pipeline.schema.protocol import CrossValidation


@dataclass(frozen=True)
class Folded:
    """The trainings of all folds.

    Attributes:
        histories: one a training, loss and metrics for each epoch; in the target's own unit.
        best_epochs: the epoch at which each training is scored, which its validation rows had no
            part in choosing.
        sizes: training and validation rows of a fold, on average.
        protocol: folds and repeats.
        chosen: the epoch that the averaged validation curve chose, if the file asks for that.
        monitor: the curve that chose it.
        figures: what is measured, by name.
        learning_curve: for each training size the scores of the folds.
        seeds: trainings of each fold, one after the other. Default: 1.
    """

    histories: Sequence[dict[str, list[float]]]
    best_epochs: Sequence[int]
    sizes: tuple[float, float]
    protocol: CrossValidation
    chosen: int | None
    monitor: str
    figures: Mapping[str, Figure]
    learning_curve: Sequence[dict[str, Any]] = field(default_factory=list)
    seeds: int = 1

    @property
    def curves(self) -> dict[str, list[float]]:
        """The mean over all trainings, for as many epochs as all of them ran."""
        epochs = min(len(history["loss"]) for history in self.histories)
        return {
            name: np.mean([history[name][:epochs] for history in self.histories], axis=0).tolist()
            for name in self.histories[0]
        }

    def values(self, metric: str) -> np.ndarray:
        """The score of every training on its validation rows, at its epoch."""
        pairs = zip(self.histories, self.best_epochs, strict=True)
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
                name: summary(self.figures[name], self.values(name), self.sizes, self.seeds)
                for name in self.metrics
            },
            "curves": self.curves,
            "learning_curve": list(self.learning_curve),
        }


def summary(
    figure: Figure, values: np.ndarray, sizes: tuple[float, float], seeds: int = 1
) -> dict[str, Any]:
    """Mean and sd of all trainings' scores, and the corrected 95 % interval of the folds'."""
    low, high = corrected_interval(of_folds(values, seeds), *sizes, within=figure.limits)
    return {
        "values": values.tolist(),
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)),
        "low": float(low),
        "high": float(high),
    }


def of_folds(values: np.ndarray, seeds: int) -> np.ndarray:
    """The mean score of each fold, (folds,).

    Trainings of one fold with several seeds are validated on the same rows, so they are one sample
    of rows: as scores of their own they would make a 95 % interval of five folds cover 88 %.

    Args:
        values: of every training, those of a fold one after the other.
        seeds: trainings of each fold.
    """
    return np.asarray(values.reshape(-1, seeds).mean(axis=1))


def paired(candidate: Folded, reference: Folded) -> dict[str, Any]:
    """Candidate minus reference on the same folds, metric by metric, with a verdict.

    A figure of which nobody says which way it is better has no verdict.
    """
    return {
        name: paired_verdict(
            of_folds(candidate.values(name), candidate.seeds),
            of_folds(reference.values(name), reference.seeds),
            *candidate.sizes,
            higher_is_better=rises,
        )
        for name in candidate.metrics
        if name in reference.metrics and (rises := candidate.figures[name].rises) is not None
    }


def best_epoch(
    histories: Sequence[dict[str, list[float]]], monitor: str, figures: Mapping[str, Figure]
) -> int:
    """The epoch, counted from 1, at which the averaged curve is best."""
    curve = np.mean([history[monitor] for history in histories], axis=0)
    return figures[monitor.removeprefix("val_")].best(curve.tolist()) + 1


def epochs_by_others(
    histories: Sequence[dict[str, list[float]]],
    folds: Sequence[tuple[int, int]],
    monitor: str,
    figures: Mapping[str, Figure],
) -> list[int]:
    """For each training the epoch that the other folds of its shuffle choose.

    An epoch that a fold's own validation rows help to choose flatters its score. In another shuffle
    those rows are validated, too, so its folds have no say. Of pure noise .504 is right by this,
    .584 by the epochs at which each fold is best (`python -m benchmarks.stopping`).

    Args:
        histories: a training each.
        folds: of each training the shuffle and the number of its fold.
        monitor: the curve that chooses.
        figures: what is measured, by name.
    """
    chosen: dict[tuple[int, int], int] = {}
    for shuffle, number in dict.fromkeys(folds):
        others = [
            history
            for history, (other, n) in zip(histories, folds, strict=True)
            if other == shuffle and n != number
        ]
        chosen[shuffle, number] = best_epoch(others, monitor, figures)
    return [chosen[fold] for fold in folds]


def at_size(
    histories: Sequence[dict[str, list[float]]],
    epochs: Sequence[int],
    sizes: tuple[float, float],
    figures: Mapping[str, Figure],
) -> dict[str, Any]:
    """One point of the learning curve: every fold trained on a part of its training rows."""
    metrics = [name for name in histories[0] if not name.startswith("val_")]

    def at_best(name: str) -> dict[str, Any]:
        pairs = zip(histories, epochs, strict=True)
        values = np.array([history[name][epoch - 1] for history, epoch in pairs])
        return summary(figures[name.removeprefix("val_")], values, sizes)

    return {
        "rows": int(sizes[0]),
        "training": {name: at_best(name) for name in metrics},
        "validation": {name: at_best(f"val_{name}") for name in metrics},
    }

"""Cross-validation: folds, preprocessing refitted in each, one engine for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadPipeline
from throughline.figures.figure import Figure
from throughline.figures.learned import figures, problems
from throughline.pipeline.problem import PROBLEMS
from throughline.pipeline.several_targets import of_each
from throughline.training.engine import watch
from throughline.training.engine.runs import in_unit
from throughline.training.folds.folded import Folded, at_size, best_epoch, epochs_by_others
from throughline.training.network import heads
from throughline.training.search.side_by_side import Group, SideBySide, fitted_or_raised

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.protocol import CrossValidation
    from throughline.samples.samples import Divisor, Samples
    from throughline.samples.splits.folds import Fold
    from throughline.training.engine.runs import Fitted, Run
    from throughline.training.learner import Learner
    from throughline.training.search.side_by_side import Outcome


class Planned:
    """The trainings that score one pipeline, or one point of a sweep, before they are trained.

    Args:
        view: a pipeline with `columns`, `inputs`, `network`, `target`, `task`, `training`.
        samples: its prepared data.
        protocol: the folds.
        default_seed: for a pipeline that sets none.
        repeats: trainings of each fold with different seeds. Default: `training.repeats`.
    """

    def __init__(
        self,
        view: Pipeline,
        samples: Samples,
        protocol: CrossValidation,
        default_seed: int,
        repeats: int | None = None,
    ) -> None:
        self.view = view
        self.samples = samples
        self.protocol = protocol
        self.default_seed = default_seed
        self.repeats = repeats or view.training.repeats
        # Of each part the divisor of every run's errors, and a fold's rows.
        self.divides: list[list[Divisor]] = []
        self.sizes: list[tuple[float, float]] = []
        # Of each fold the shuffle that it is of, and its number.
        self.folds: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return 1 + len(self.protocol.sizes)

    def parts(self) -> Iterator[list[Group]]:
        """The folds, then those of each size of the learning curve, made when asked for.

        Raises:
            BadPipeline: rows are to be watched, and none are set aside for that.
        """
        for problem in watch.check(self.view.training):
            raise BadPipeline(problem)
        drawn = self.samples.folds(self.view, self.protocol)
        training = float(np.mean([len(fold.training) for fold in drawn]))
        validation = float(np.mean([len(fold.validation) for fold in drawn]))
        self.sizes.append((training, validation))
        self.folds = [(fold.repeat, n) for n, fold in enumerate(drawn)]
        yield self._part(drawn, self.repeats)
        for size in self.protocol.sizes:
            first, *others = _smaller(drawn, size, self.default_seed)
            self.sizes.append((float(len(first.training)), float(len(first.validation))))
            yield self._part([first, *others], 1)

    def _part(self, drawn: Sequence[Fold], repeats: int) -> list[Group]:
        groups = grouped(self.view, self.samples, drawn, self.default_seed, repeats)
        self.divides.append([divide for _, runs, divide in groups for _ in runs])
        return [Group(*group[:2]) for group in groups]

    def folded(self, outcomes: Sequence[Outcome]) -> Folded:
        """What the trainings came to.

        Args:
            outcomes: of each part.

        Raises:
            Diverged: when a training did.
        """
        figures = figures_of(self.view)
        (histories, scored), *smaller = [
            self._scored(fitted_or_raised(outcome), divides, figures)
            for outcome, divides in zip(outcomes, self.divides, strict=True)
        ]
        return Folded(
            histories,
            scored,
            self.sizes[0],
            self.protocol,
            best_epoch(histories, self._monitor, figures) if self._chooses else None,
            self._monitor,
            figures,
            [
                at_size(*part, sizes, figures)
                for part, sizes in zip(smaller, self.sizes[1:], strict=True)
            ],
            len(histories) // len(self.folds),
        )

    @property
    def _monitor(self) -> str:
        epochs = self.view.training.epochs
        return "val_loss" if isinstance(epochs, int) else str(epochs.monitor)

    @property
    def _chooses(self) -> bool:
        """Whether the folds choose the epoch."""
        epochs = self.view.training.epochs
        return not isinstance(epochs, int) and epochs.choose == "cross_validation"

    def _scored(
        self, fitted: Sequence[Fitted], divides: Sequence[Divisor], figures: Mapping[str, Figure]
    ) -> tuple[list[dict[str, list[float]]], list[int]]:
        """The curves of some trainings, and the epoch at which each is scored."""
        pairs = zip(fitted, divides, strict=True)
        histories = [in_unit(f.history, divide, figures) for f, divide in pairs]
        if not self._chooses:
            return histories, [f.best_epoch for f in fitted]
        each = len(fitted) // len(self.folds)
        folds = [fold for fold in self.folds for _ in range(each)]
        return histories, epochs_by_others(histories, folds, self._monitor, figures)


def all_folded(planned: Sequence[Planned], trainings: SideBySide) -> Iterator[Folded]:
    """Train what is planned as one list, as the protocol of the first says; in order."""
    parts = (part for each in planned for part in each.parts())
    count = sum(map(len, planned))
    outcomes = trainings.each(parts, planned[0].protocol.runs, "folds", count)
    for each in planned:
        yield each.folded(list(islice(outcomes, len(each))))


def on_everything(view: Pipeline, samples: Samples, default_seed: int) -> tuple[Group, Divisor]:
    """One training on all training samples, and the divisor of its errors.

    Args:
        view: a pipeline with `columns`, `inputs`, `network`, `target`, `task`, `training`.
        samples: its prepared data.
        default_seed: for a pipeline that sets none.
    """
    ((learner, runs, divide),) = grouped(view, samples, [samples.everything()], default_seed, 1)
    return Group(learner, runs), divide


def grouped(
    view: Pipeline, samples: Samples, drawn: Sequence[Fold], default_seed: int, repeats: int
) -> list[tuple[Learner, list[Run], Divisor]]:
    """The trainings of folds, in order, in groups that share one network shape and target scaling.

    Args:
        view: a pipeline with `columns`, `inputs`, `network`, `target`, `task`, `training`.
        samples: its prepared data.
        drawn: the folds.
        default_seed: for a pipeline that sets none.
        repeats: trainings of each fold, with different seeds.
    """
    from throughline.training.engine.runs import Run
    from throughline.training.learner import learner_of

    folding = samples.folding(view)
    groups: list[tuple[Learner, list[Run], Divisor]] = []
    for fold in drawn:
        arrays = folding.arrays(fold)
        answers, divide = folding.answers(fold)
        learns = learner_of(view, samples, arrays, default_seed)
        first = learns.seed + fold.repeat * repeats
        runs = []
        for seed in range(first, first + repeats):
            trained, held = folding.parted(fold, seed)
            runs.append(
                Run(
                    arrays.inputs, answers, trained, fold.validation, seed,
                    folding.weights, watched_rows=held,
                )
            )  # fmt: skip
        if groups and groups[-1][0].builds_like(learns) and groups[-1][2] == divide:
            groups[-1][1].extend(runs)
        else:
            groups.append((learns, runs, divide))
    return groups


def figures_of(view: Pipeline) -> dict[str, Figure]:
    """The figures of a pipeline's trainings, by the names of their curves.

    Raises:
        BadPipeline: one of them cannot be judged, or not in the target's unit.
    """
    for name, each in of_each(view).items():
        problem, scaled = PROBLEMS[each.task], each.target.scale is not None
        for found in problems(each.training, problem.loss, problem.metrics, scaled, name):
            raise BadPipeline(found)
    if view.targets:
        return heads.figures(view.training, heads.of_targets(view.targets))
    return figures(view.training, problem.loss, problem.metrics)


def training_figures(
    fitted: Fitted, divide: Divisor, figures: Mapping[str, Figure]
) -> dict[str, float]:
    """Loss and metrics of a training's own rows, as recorded while its best epoch ran."""
    history = in_unit(fitted.history, divide, figures)
    names = [name for name in history if not name.startswith("val_")]
    return {name: history[name][fitted.best_epoch - 1] for name in names}


def _smaller(drawn: Sequence[Fold], size: float | int, default_seed: int) -> list[Fold]:
    """Every fold with a part of its training rows."""
    smaller = []
    for number, fold in enumerate(drawn):
        count = int(size) if size > 1 else max(1, round(len(fold.training) * size))
        generator = np.random.default_rng((default_seed, number))
        chosen = generator.permutation(fold.training)[:count]
        smaller.append(fold._replace(training=np.sort(chosen)))
    return smaller

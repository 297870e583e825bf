"""Whether trainings go together, in processes or in turn; the results are the same."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from throughline.errors import BadPipeline
from throughline.training.divergence import Diverged
from throughline.training.search import work

if TYPE_CHECKING:
    from throughline.pipeline.schema.protocol import How
    from throughline.training.engine.runs import Fitted, Run
    from throughline.training.learner import Learner
    from throughline.training.search.processes import Workers

    Outcome = list[Fitted] | Diverged


class Group(NamedTuple):
    """Runs that one learner trains."""

    learner: Learner
    runs: Sequence[Run]


class SideBySide:
    """The trainings of a stage; worker processes, once started, serve all of them.

    Args:
        checkpoints: folder of what is done, from which a killed stage goes on. Default: none.
    """

    def __init__(self, checkpoints: Path | None = None) -> None:
        self.checkpoints = checkpoints
        self.began = time.monotonic()
        self.workers: Workers | None = None

    def __enter__(self) -> SideBySide:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.workers is not None:
            self.workers.close()
            self.workers = None

    def each(
        self, parts: Iterable[Sequence[Group]], how: How, title: str, count: int = 1
    ) -> Iterator[Outcome]:
        """Train points of a sweep, or variants, as one list of runs; one that diverges ends alone.

        Args:
            parts: the groups of each; taken one after the other, so that the arrays of few of them
                are in memory at once.
            how: `together`, `processes`, `in-turn`, or `auto` for the one that is quickest, which
                is judged by the first part.
            title: of the progress bar.
            count: how many parts there are.

        Returns:
            For each part, in order and as soon as it is there, one result a run or the divergence.

        Raises:
            BadPipeline: when runs cannot go together that should.
        """
        left = iter(parts)
        first = next(left, None)
        if first is None:
            return iter(())
        if how == "auto":
            how = chosen(first, count)
        left = chain([first], left)
        del first
        if how == "processes":
            return self._in_processes(left, title, count)
        if how == "together":
            return self._together(list(left), title)
        return self._in_turn(left, title)

    def _in_turn(self, parts: Iterable[Sequence[Group]], title: str) -> Iterator[Outcome]:
        for groups in parts:
            fitted: list[Fitted] = []
            try:
                for learner, runs in groups:
                    fitted += learner.fit(
                        runs, title=title, checkpoints=self.checkpoints, began=self.began
                    )
            except Diverged as error:
                yield error
            else:
                yield fitted

    def _together(self, parts: Sequence[Sequence[Group]], title: str) -> Iterator[Outcome]:
        ended: list[list[Fitted | Diverged]] = [[] for _ in parts]
        for (learner, runs), owners in merged(parts):
            try:
                fitted: Sequence[Fitted | Diverged] = learner.fit(
                    runs, title=title, checkpoints=self.checkpoints, began=self.began,
                    together=True,
                )  # fmt: skip
            except Diverged as error:
                fitted = error.together
            for owner, one in zip(owners, fitted, strict=True):
                ended[owner].append(one)
        for some in ended:
            wrong = next((one for one in some if isinstance(one, Diverged)), None)
            yield wrong or [one for one in some if not isinstance(one, Diverged)]

    def _in_processes(
        self, parts: Iterator[Sequence[Group]], title: str, count: int
    ) -> Iterator[Outcome]:
        from throughline.training.engine.devices import configured
        from throughline.training.search.processes import Workers

        if self.workers is None or self.workers.closed:
            self.workers = Workers(configured(), *places())
        return self.workers.each(parts, self.checkpoints, self.began, title, count)


def fitted_or_raised(outcome: Outcome) -> list[Fitted]:
    """The results of runs of which none diverged.

    Raises:
        Diverged: when one did.
    """
    if isinstance(outcome, Diverged):
        raise outcome
    return outcome


def merged(parts: Sequence[Sequence[Group]]) -> list[tuple[Group, list[int]]]:
    """Groups of one network as one, whatever unit their targets are in and whosever they are.

    Args:
        parts: the groups of each.

    Returns:
        Groups, with the part of each of their runs.

    Raises:
        BadPipeline: when no two runs share a network and its initial weights' source.
    """
    found: list[tuple[Group, list[int]]] = []
    for number, groups in enumerate(parts):
        for group in groups:
            if group.learner.training.warm_up is not None:
                raise BadPipeline(
                    "Trainings with a warm-up cannot go together: each goes on from its own",
                    "cross_validation.runs: together",
                    "Set it to processes or in-turn",
                )
            own = [number] * len(group.runs)
            fits = [i for i, one in enumerate(found) if _go_together(*one, group, number)]
            if fits:
                other, owners = found[fits[0]]
                runs = [*rated(other), *rated(group)]
                found[fits[0]] = Group(other.learner, runs), [*owners, *own]
            else:
                found.append((group, own))
    if all(len(owners) == 1 for _, owners in found):
        raise BadPipeline(
            "Only trainings of one network with the same shapes can go together; here each fold "
            "has another (a vocabulary, categories or word vectors of its own)",
            "cross_validation.runs: together",
            "Set it to processes or in-turn",
        )
    return found


def _go_together(other: Group, owners: Sequence[int], group: Group, number: int) -> bool:
    """Whether a part's group joins another one, so that each run stays what it is alone."""
    if not other.learner.builds_like(group.learner):
        return False
    if number in owners:
        return True
    return other.learner.likeness == group.learner.likeness and _sizes(other) == _sizes(group)


def _sizes(group: Group) -> tuple[int, int, int]:
    """What shapes of batches follow from."""
    from throughline.training.engine.feeding import most

    return (
        most(run.train_rows for run in group.runs),
        most(run.validation_rows for run in group.runs),
        most(run.watched_rows for run in group.runs),
    )


def rated(group: Group) -> list[Run]:
    """The runs of a group, each with the learning rate that its learner has."""
    rate = group.learner.rate
    return [
        run if run.learning_rate is not None else replace(run, learning_rate=rate)
        for run in group.runs
    ]


def chosen(groups: Sequence[Group], parts: int = 1) -> How:
    """The way that is quickest, by a rule that knows no clock; the reasons are in docs/backends.md.

    Where ways differ in the last bit, the rule hangs on the pipeline alone, so that bits repeat
    from machine to machine; processes give the same bits, so it may look at cores and memory.

    Args:
        groups: runs, with the learner that trains them.
        parts: how many times as many there are in all. Default: 1.
    """
    count, _ = places()
    runs = parts * sum(len(group.runs) for group in groups)
    if count > 1 and runs > 1 and work.is_long(groups, parts) and work.fits_memory(groups, count):
        return "processes"
    return "in-turn"


def places() -> tuple[int, list[str]]:
    """How many processes there may be, and the GPUs they are on, one for each."""
    from throughline.training.engine.devices import configured, gpus

    if found := gpus():
        return len(found), found
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // max(1, int(configured().get("threads", 1)))), []

"""Whether trainings go together, in processes or in turn; the results are the same."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from tasks.errors import BadPipeline
from tasks.training import work

if TYPE_CHECKING:
    from tasks.config.protocol import How
    from tasks.training.learner import Learner
    from tasks.training.processes import Workers
    from tasks.training.runs import Fitted, Run


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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.workers is not None:
            self.workers.close()
            self.workers = None

    def fit(self, groups: Sequence[Group], how: How, title: str) -> list[Fitted]:
        """Train the runs of all groups.

        Args:
            groups: runs, with the learner that trains them.
            how: `together`, `processes`, `in-turn`, or `auto` for the one that is quickest.
            title: of the progress bar.

        Returns:
            One result a run, in the groups' order.

        Raises:
            BadPipeline: when runs cannot go together that should.
        """
        if how == "auto":
            how = chosen(groups)
        if how == "processes":
            return self._in_processes(groups, title)
        together = how == "together"
        fitted: list[Fitted] = []
        for group in _merged(groups) if together else groups:
            fitted += group.learner.fit(
                group.runs, title=title, checkpoints=self.checkpoints, began=self.began,
                together=together,
            )  # fmt: skip
        return fitted

    def _in_processes(self, groups: Sequence[Group], title: str) -> list[Fitted]:
        from tasks.training.devices import configured
        from tasks.training.processes import Workers

        if self.workers is None:
            self.workers = Workers(configured(), *places())
        return self.workers.fit(groups, self.checkpoints, self.began, title)


def _merged(groups: Sequence[Group]) -> list[Group]:
    """Groups of one network as one, whatever unit their targets are in.

    Raises:
        BadPipeline: when no two runs share a network and its initial weights' source.
    """
    merged: list[Group] = []
    for learner, runs in groups:
        if learner.training.warm_up is not None:
            raise BadPipeline(
                "Trainings with a warm-up cannot go together: each goes on from its own",
                "cross_validation.runs: together",
                "Set it to processes or in-turn",
            )
        if merged and merged[-1].learner.builds_like(learner):
            merged[-1] = Group(merged[-1].learner, [*merged[-1].runs, *runs])
        else:
            merged.append(Group(learner, list(runs)))
    if all(len(group.runs) == 1 for group in merged):
        raise BadPipeline(
            "Only trainings of one network with the same shapes can go together; here each fold "
            "has another (a vocabulary, categories or word vectors of its own)",
            "cross_validation.runs: together",
            "Set it to processes or in-turn",
        )
    return merged


def chosen(groups: Sequence[Group]) -> How:
    """The way that is quickest, by a rule that knows no clock; the reasons are in docs/backends.md.

    Where ways differ in the last bit, the rule hangs on the pipeline alone, so that bits repeat
    from machine to machine; processes give the same bits, so it may look at cores and memory.
    """
    count, _ = places()
    runs = sum(len(group.runs) for group in groups)
    if count > 1 and runs > 1 and work.is_long(groups) and work.fits_memory(groups, count):
        return "processes"
    return "in-turn"


def places() -> tuple[int, list[str]]:
    """How many processes there may be, and the GPUs they are on, one for each."""
    from tasks.training.devices import configured, gpus

    if found := gpus():
        return len(found), found
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // max(1, int(configured().get("threads", 1)))), []

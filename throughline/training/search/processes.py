"""Trainings in processes of their own: one for each core, or one for each GPU."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import ThroughlineError, shorten
from throughline.training.divergence import Diverged
from throughline.training.progress import counted
from throughline.training.search import handover

if TYPE_CHECKING:
    from throughline.training.engine.runs import Fitted, Run
    from throughline.training.learner import Learner

WORKER = "throughline.training.search.worker"


class DeadWorker(ThroughlineError, ChildProcessError):
    """A process that trained ended before its time; give it more memory, or train in turn."""


class Workers:
    """Processes that train runs; they live until the context ends, with what they compiled.

    Args:
        settings: of `devices.configure`.
        count: how many processes.
        gpus: numbers of the GPUs, one for each process. Default: none.
    """

    def __init__(self, settings: Mapping[str, Any], count: int, gpus: Sequence[str] = ()) -> None:
        self.logs = tempfile.TemporaryDirectory(prefix="throughline-workers-")
        self.count = count
        self.closed = False
        self.answers: SimpleQueue[tuple[int, str]] = SimpleQueue()
        self.processes = [
            self._started(settings, i, gpus[i] if gpus else None) for i in range(count)
        ]
        self.free = list(range(count))
        for i in range(count):
            Thread(target=self._listen, args=(i,), daemon=True).start()

    def _started(
        self, settings: Mapping[str, Any], number: int, gpu: str | None
    ) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        if gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = gpu
        with self._log(number).open("w", encoding="utf-8") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", WORKER, json.dumps(dict(settings))],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                env=environment, text=True,
            )  # fmt: skip

    def _log(self, number: int) -> Path:
        return Path(self.logs.name) / f"{number}.log"

    def _listen(self, number: int) -> None:
        output = self.processes[number].stdout
        assert output is not None
        for line in output:
            self.answers.put((number, line))
        self.answers.put((number, ""))

    def each(
        self,
        parts: Iterator[Sequence[tuple[Learner, Sequence[Run]]]],
        checkpoints: Path | None,
        began: float | None,
        title: str,
        count: int = 1,
    ) -> Iterator[list[Fitted] | Diverged]:
        """Train every run, each by the next process that is free.

        Args:
            parts: of each the runs, with the learner that trains them; the next one is taken when
                a process would wait.
            checkpoints: folder from which a killed call goes on.
            began: when the work began of which this call is a part.
            title: of the progress bar.
            count: how many parts there are. Default: 1.

        Returns:
            For each part, in order, one result a run, each what it would be in this process; or
            the divergence of the first run whose loss is NaN or infinite.

        Raises:
            DeadWorker: a process ended before its time.
        """
        settings = {"checkpoints": checkpoints and str(checkpoints.absolute()), "began": began}
        taken = (_Part(groups, settings) for groups in parts)
        opened: deque[_Part] = deque(islice(taken, 1))
        busy: dict[int, tuple[_Part, int]] = {}
        try:
            with counted(title, count * sum(len(part.jobs) for part in opened)) as ended:
                while opened:
                    self._hand_out(opened, taken, busy)
                    if busy:
                        self._hear(busy)
                        ended()
                    while opened and opened[0].is_done:
                        yield opened.popleft().outcome()
                        opened.extend(islice(taken, 0 if opened else 1))
        finally:
            for part in opened:
                part.folder.cleanup()
            if busy:
                # Their answers would be taken for those of the next call.
                self.close()

    def _hand_out(
        self, opened: deque[_Part], taken: Iterator[_Part], busy: dict[int, tuple[_Part, int]]
    ) -> None:
        """A job for each process that is free, of the next part when the others have none left."""
        while self.free:
            part = next((part for part in opened if part.waiting), None)
            if part is None:
                more = list(islice(taken, 1))
                if not more:
                    return
                opened.extend(more)
                continue
            number, job = self.free.pop(0), part.waiting.popleft()
            busy[number] = part, job
            self._ask(number, *part.jobs[job])

    def _hear(self, busy: dict[int, tuple[_Part, int]]) -> None:
        """Wait until a process has ended its job."""
        number, line = self.answers.get()
        if not line:
            raise self._dead(number)
        part, job = busy.pop(number)
        self.free.append(number)
        part.ended(job, json.loads(line))

    def _ask(self, number: int, folder: Path, position: int) -> None:
        channel = self.processes[number].stdin
        assert channel is not None
        with contextlib.suppress(BrokenPipeError):  # The end of its output says so too.
            channel.write(json.dumps([str(folder), position]) + "\n")
            channel.flush()

    def _dead(self, number: int) -> DeadWorker:
        code = self.processes[number].wait()
        said = self._log(number).read_text(encoding="utf-8", errors="replace").splitlines()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        last = f"It last said: {shorten(said[-1])}; it" if said else "It"
        return DeadWorker(
            "Every process should train its share of the runs to the end",
            f"process {number + 1} of {self.count} ended by {how}",
            f"{last} may lack memory; set cross_validation.runs to in-turn",
        )

    def close(self) -> None:
        """End the processes."""
        if self.closed:
            return
        self.closed = True
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
            for channel in (process.stdin, process.stdout):
                assert channel is not None
                with contextlib.suppress(BrokenPipeError):
                    channel.close()
        self.logs.cleanup()


class _Part:
    """Runs as files, and what became of them.

    Args:
        groups: the runs, with the learner that trains them.
        settings: of the call.
    """

    def __init__(
        self, groups: Sequence[tuple[Learner, Sequence[Run]]], settings: Mapping[str, Any]
    ) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="throughline-runs-")
        self.jobs: list[tuple[Path, int]] = []
        self.runs: list[Run] = []
        for i, (learner, some) in enumerate(groups):
            folder = Path(self.folder.name, str(i))
            folder.mkdir()
            handover.write(folder, learner, some, settings)
            self.jobs += [(folder, position) for position in range(len(some))]
            self.runs += some
        self.waiting = deque(range(len(self.jobs)))
        self.under_way = len(self.jobs)
        self.failed: dict[int, dict[str, Any]] = {}

    @property
    def is_done(self) -> bool:
        """Whether every run has ended or will not begin."""
        return not self.under_way

    def ended(self, job: int, problem: dict[str, Any] | None) -> None:
        """Take note of what a process answers."""
        self.under_way -= 1
        if problem is not None:
            # Runs after it would not be trained in turn either; those before it go on.
            self.failed[job] = problem
            self.under_way -= len(self.waiting)
            self.waiting.clear()

    def outcome(self) -> list[Fitted] | Diverged:
        """One result a run, or the divergence of the first run that has one."""
        with self.folder:
            if not self.failed:
                return [handover.read_fitted(*job) for job in self.jobs]
        problem = self.failed[min(self.failed)]
        if "message" in problem:
            raise ThroughlineError(problem["message"])
        rows = np.array(problem["rows"])
        return Diverged(problem["epoch"], problem["step"], rows, self.runs[min(self.failed)])

"""Trainings in processes of their own: one for each core, or one for each GPU."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from tasks.errors import ThroughlineError, shorten
from tasks.training import handover
from tasks.training.divergence import Diverged
from tasks.training.progress import counted

if TYPE_CHECKING:
    from tasks.training.learner import Learner
    from tasks.training.runs import Fitted, Run


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
                [sys.executable, "-m", "tasks.training.worker", json.dumps(dict(settings))],
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

    def fit(
        self,
        groups: Sequence[tuple[Learner, Sequence[Run]]],
        checkpoints: Path | None,
        began: float | None,
        title: str,
    ) -> list[Fitted]:
        """Train every run, each by the next process that is free.

        Args:
            groups: runs, with the learner that trains them.
            checkpoints: folder from which a killed call goes on.
            began: when the work began of which this call is a part.
            title: of the progress bar.

        Returns:
            One result a run, in the groups' order; each is what it would be in this process.

        Raises:
            DeadWorker: a process ended before its time.
            Diverged: when a loss is NaN or infinite; the first run of which it is so.
        """
        settings = {"checkpoints": checkpoints and str(checkpoints.absolute()), "began": began}
        with tempfile.TemporaryDirectory(prefix="throughline-runs-") as name:
            jobs: list[tuple[Path, int]] = []
            runs: list[Run] = []
            for i, (learner, some) in enumerate(groups):
                folder = Path(name, str(i))
                folder.mkdir()
                handover.write(folder, learner, some, settings)
                jobs += [(folder, position) for position in range(len(some))]
                runs += some
            with counted(title, len(jobs)) as ended:
                failed = self._worked(jobs, ended)
            if failed:
                raise _error(runs[min(failed)], failed[min(failed)])
            return [handover.read_fitted(*job) for job in jobs]

    def _worked(
        self, jobs: Sequence[tuple[Path, int]], ended: Callable[[], None]
    ) -> dict[int, dict[str, Any]]:
        """Hand the jobs out, and say which of them failed and why."""
        failed: dict[int, dict[str, Any]] = {}
        waiting = list(range(len(jobs)))
        busy: dict[int, int] = {}
        while waiting or busy:
            while waiting and self.free:
                number, job = self.free.pop(0), waiting.pop(0)
                busy[number] = job
                self._ask(number, *jobs[job])
            number, line = self.answers.get()
            if not line:
                raise self._dead(number)
            job = busy.pop(number)
            self.free.append(number)
            ended()
            if (problem := json.loads(line)) is not None:
                # Runs after it would not be trained in turn either; those before it go on.
                failed[job] = problem
                waiting.clear()
        return failed

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
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
            for channel in (process.stdin, process.stdout):
                assert channel is not None
                with contextlib.suppress(BrokenPipeError):
                    channel.close()
        self.logs.cleanup()


def _error(run: Run, problem: Mapping[str, Any]) -> ThroughlineError:
    import numpy as np

    if "message" in problem:
        return ThroughlineError(problem["message"])
    return Diverged(problem["epoch"], problem["step"], np.array(problem["rows"]), run)

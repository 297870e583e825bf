"""Processes that stay warm: each imports TensorFlow once and then runs stage after stage."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from pathlib import Path

from throughline import processor
from throughline.cache import CACHE
from throughline.running import work
from throughline.running.work import STOPPED, Outcome

LOGS = CACHE / "flows"
# What a stage may have of a worker's deaths before its own is the cause.
MOST_DEATHS = 2
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}


class Pool:
    """A process pool that is replaced when one of its processes dies.

    Args:
        root: the folder in which stages run.
        count: how many processes.
        environment: variables for them.
    """

    def __init__(self, root: Path, count: int, environment: dict[str, str]) -> None:
        self._root = root.resolve()
        self._count = count
        self._environment = QUIET | environment
        self._guard = threading.Lock()
        self._stopped = False
        self._executor = self._fresh()

    def _fresh(self) -> ProcessPoolExecutor:
        logs = str(self._root / LOGS)
        # Inherited: a script that starts flows may import numpy before `work.begin` runs.
        os.environ.update(processor.AT_START)
        return ProcessPoolExecutor(
            self._count,
            mp_context=get_context("spawn"),
            initializer=work.begin,
            initargs=(str(self._root), logs, self._environment),
        )

    def load(self, modules: tuple[str, ...]) -> None:
        """Have every process import modules that its stages will need."""
        for _ in range(self._count):
            self._executor.submit(work.load, modules)

    def run(self, command: str, folder: Path | None = None) -> Outcome:
        """Run a stage's command in the next free process and wait for its outcome.

        The death of a process ends all that run in its pool; each is tried again, because which
        of them was the cause cannot be known, until it has seen `MOST_DEATHS` deaths.
        """
        for _ in range(MOST_DEATHS):
            if self._stopped:
                return STOPPED
            with self._guard:
                executor = self._executor
            try:
                future: Future[Outcome] = executor.submit(work.run, command, str(folder or ""))
                return future.result()
            except BrokenProcessPool:
                with self._guard:
                    if self._executor is executor and not self._stopped:
                        self._executor = self._fresh()
        return Outcome(0.0, 0.0, "its process was killed; is there memory enough?")

    def stop(self) -> None:
        """Begin no stage any more, nor another process."""
        with self._guard:
            self._stopped = True

    def close(self) -> None:
        """End the processes."""
        self._executor.shutdown(wait=True, cancel_futures=True)


class Workers:
    """The processes of a flow: some for any stage, and one for each GPU that trains.

    Whoever trains on a GPU takes its memory for the life of the process, so the slot of a GPU is a
    process that owns it, and the others do not see any.

    Args:
        root: the repository.
        count: processes for any stage.
        device: `device` of params.yaml; with `cpu` no GPU is used.
    """

    def __init__(self, root: Path, count: int, device: str) -> None:
        gpus = gpu_ids() if device != "cpu" else []
        self._any = Pool(root, count, {"CUDA_VISIBLE_DEVICES": "-1"} if gpus else {})
        self._gpus = [Pool(root, 1, {"CUDA_VISIBLE_DEVICES": gpu}) for gpu in gpus]
        self._free = list(self._gpus)
        self._slots = threading.Semaphore(len(gpus))
        self._guard = threading.Lock()
        self._stopped = False

    @property
    def gpu_slots(self) -> int:
        """How many stages may train on a GPU at the same time; 0 without GPU."""
        return len(self._gpus)

    def load(self, modules: tuple[str, ...]) -> None:
        """Import modules ahead of need."""
        self._any.load(modules)

    def run(self, command: str, trains: bool, folder: Path | None = None) -> Outcome:
        """Run a stage's command; one that trains waits for a GPU's slot where there are GPUs.

        Args:
            command: as it stands in `dvc.yaml`.
            trains: whether it may use a GPU.
            folder: the repository that the stage works on. Default: the flow's own.
        """
        if self._stopped:
            return STOPPED
        if not (trains and self._gpus):
            return self._any.run(command, folder)
        with self._slots:
            with self._guard:
                pool = self._free.pop()
            try:
                return pool.run(command, folder)
            finally:
                with self._guard:
                    self._free.append(pool)

    def stop(self) -> None:
        """End all processes at once, whatever they do, and begin no stage any more."""
        self._stopped = True
        for pool in (self._any, *self._gpus):
            pool.stop()
        for process in active_children():
            process.kill()

    def close(self) -> None:
        """End all processes."""
        for pool in (self._any, *self._gpus):
            pool.close()


def gpu_ids() -> list[str]:
    """The GPUs that this process may use: those that the environment names, or all."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [gpu for gpu in named.split(",") if gpu and gpu != "-1"]
    devices = list(Path("/dev").glob("nvidia[0-9]*"))
    return [str(number) for number in range(len(devices))]

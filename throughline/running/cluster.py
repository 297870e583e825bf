"""Stages on the workers of a Dask cluster: on this machine, or on all that share its folder."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline import processor
from throughline.cache import CACHE
from throughline.errors import ThroughlineError
from throughline.running import work
from throughline.running.work import STOPPED, Outcome
from throughline.running.workers import QUIET

if TYPE_CHECKING:
    from distributed import Client

# `--on dask` starts a cluster on this machine; an address names one that runs.
OWN = "dask"
GPU = "GPU"
START_SECONDS = 60
# Pages about tasks, open to every account of the machine; nobody looks at them.
NO_PAGES: dict[str, list[str]] = {
    f"distributed.{kind}.http.routes": [] for kind in ("scheduler", "worker", "nanny")
}


class NoCluster(ThroughlineError):
    """No Dask cluster can be used; the message says why."""


class Cluster:
    """Runs stages as `throughline.running.workers.Workers` does, in Dask's processes.

    A worker runs one stage at a time in the repository's folder, which all machines of the cluster
    reach under the same path. DVC's records are written by the flow alone. A worker that shall
    train on a GPU is started with `--resources "GPU=1"` and sees that GPU only. Whoever may speak
    to a scheduler may have it run any code: a cluster of one's own takes nobody without the
    certificate that is made for it and lies in memory alone; another one is its owner's to guard.

    Args:
        root: the repository.
        count: workers of a cluster of one's own.
        address: `dask` for one's own cluster, or that of a scheduler, such as tcp://node:8786.

    Raises:
        NoCluster: the extra `dask` is not installed, or nothing answers there.
    """

    def __init__(self, root: Path, count: int, address: str) -> None:
        self._root = root.resolve()
        self._stopped = False
        self._running: set[Any] = set()
        try:
            import dask
            from distributed import Client, LocalCluster
        except ImportError:
            raise NoCluster(
                "Stages on Dask need the extra 'dask'", remedy="`pip install throughline[dask]`"
            ) from None
        self._own = None
        # Dask imports numpy before a worker can be told anything.
        os.environ.update(processor.AT_START)
        if address == OWN:
            with dask.config.set(NO_PAGES):
                self._own = LocalCluster(
                    n_workers=count,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address=None,
                    silence_logs=logging.ERROR,
                    # A new certificate for all of them.
                    security=True,
                )
        try:
            self._client: Client = Client(self._own or address, timeout=START_SECONDS)
        except (OSError, ValueError) as error:
            raise NoCluster(f"A Dask scheduler must answer at {address}: {error}") from error
        self._client.register_plugin(_begin(str(self._root), str(self._root / CACHE / "flows")))
        known = self._client.scheduler_info(n_workers=-1)["workers"].values()
        self.gpu_slots = int(sum(worker["resources"].get(GPU, 0) for worker in known))

    def load(self, modules: tuple[str, ...]) -> None:
        """Import modules ahead of need, on all workers."""
        from distributed import fire_and_forget

        for address in self._client.scheduler_info(n_workers=-1)["workers"]:
            future = self._client.submit(work.load, modules, workers=[address], pure=False)
            fire_and_forget(future)

    def run(self, command: str, trains: bool, folder: Path | None = None) -> Outcome:
        """Run a stage's command on a free worker; see `throughline.running.workers.Workers.run`."""
        from distributed import CancelledError, KilledWorker

        if self._stopped:
            return STOPPED
        future = self._client.submit(
            work.run,
            command,
            str(folder or ""),
            # The same command may have something else to do now.
            pure=False,
            resources={GPU: 1} if trains and self.gpu_slots else None,
        )
        self._running.add(future)
        try:
            outcome: Outcome = future.result()
        except KilledWorker:
            return Outcome(0.0, 0.0, "its process was killed; is there memory enough?")
        except CancelledError:
            return STOPPED
        finally:
            self._running.discard(future)
        return outcome

    def stop(self) -> None:
        """Take back what the cluster has not begun and begin nothing any more."""
        self._stopped = True
        self._client.cancel(list(self._running))

    def close(self) -> None:
        """Leave the cluster; end it if it is one's own."""
        self._client.close()
        if self._own is not None:
            self._own.close()


def _begin(root: str, logs: str) -> Any:
    """What makes every worker of the cluster, also one that comes later, a worker for stages."""
    from distributed import WorkerPlugin

    class Begin(WorkerPlugin):  # type: ignore[misc]
        name = "throughline"

        def setup(self, worker: Any) -> None:
            if os.environ.get(work.LOG_VARIABLE, "").startswith(logs):
                os.chdir(root)
                return
            work.begin(root, logs, QUIET)

    return Begin()

"""Stages in the processes of a Ray cluster: of this machine, or of all that share its folder."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from throughline import processor
from throughline.cache import CACHE
from throughline.running import work
from throughline.running.cluster import NoCluster
from throughline.running.work import STOPPED, Outcome
from throughline.running.workers import MOST_DEATHS, QUIET

# `--on ray` starts a cluster on this machine; `ray://node:10001` names one that runs.
OWN = "ray"
SCHEME = "ray://"
# Nothing is sent anywhere; what Ray logs of itself is no user's.
SILENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}


def is_ray(address: str) -> bool:
    """Whether an address of `--on` means Ray."""
    return address == OWN or address.startswith(SCHEME)


class RayCluster:
    """Runs stages as `throughline.running.workers.Workers` does, in Ray's processes.

    The flow's tasks stay in the flow, which alone writes DVC's records; `prefect-ray`, which would
    send whole tasks away, is not needed. A stage that trains asks for a GPU where the cluster has
    one, and Ray shows it that one only.

    Args:
        root: the repository, under the same path on all machines.
        count: processes of a cluster of one's own.
        address: `ray` for one's own cluster, or that of one that runs, such as ray://node:10001.

    Raises:
        NoCluster: the extra `ray` is not installed, or nothing answers there.
    """

    def __init__(self, root: Path, count: int, address: str) -> None:
        self._root = root.resolve()
        self._stopped = False
        self._running: set[Any] = set()
        # Ray reads them when it is imported; its processes inherit them.
        os.environ.update(SILENT | processor.AT_START)
        if address == OWN:
            # Whoever may speak to a cluster may have it run any command.
            os.environ["RAY_AUTH_MODE"] = "token"
            # Once for this process: Ray keeps the one that it read first.
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_urlsafe(32))
        try:
            import ray
        except ImportError:
            raise NoCluster(
                "Stages on Ray need the extra 'ray'", remedy="`pip install throughline[ray]`"
            ) from None
        self._ray = ray
        own = {"num_cpus": count, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        try:
            ray.init(
                **own if address == OWN else {"address": address},
                log_to_driver=False,
                logging_level="error",
            )
        except Exception as error:
            # Of its own, of sockets, or none but `Exception`, where its processes start too slowly.
            message = " ".join(str(error).split())
            raise NoCluster(f"A Ray cluster must answer at {address}", message) from error
        self.gpu_slots = int(ray.cluster_resources().get("GPU", 0))
        self._stage = ray.remote(max_retries=MOST_DEATHS - 1, num_cpus=1)(_stage)

    def load(self, modules: tuple[str, ...]) -> None:
        """Import modules ahead of need: not here, for which process runs a stage Ray says late."""

    def run(self, command: str, trains: bool, folder: Path | None = None) -> Outcome:
        """Run a stage's command in a free process; see `running.workers.Workers.run`."""
        from ray.exceptions import OutOfMemoryError, TaskCancelledError, WorkerCrashedError

        if self._stopped:
            return STOPPED
        stage = self._stage.options(num_gpus=1 if trains and self.gpu_slots else 0)
        logs = str(self._root / CACHE / "flows")
        future = stage.remote(command, str(folder or ""), str(self._root), logs)
        self._running.add(future)
        try:
            outcome: Outcome = self._ray.get(future)
        except TaskCancelledError:
            return STOPPED
        except (WorkerCrashedError, OutOfMemoryError):
            if self._stopped:
                return STOPPED
            return Outcome(0.0, 0.0, "its process was killed; is there memory enough?")
        finally:
            self._running.discard(future)
        return outcome

    def stop(self) -> None:
        """End what runs at once and begin nothing any more."""
        self._stopped = True
        for future in list(self._running):
            self._ray.cancel(future, force=True)

    def close(self) -> None:
        """Leave the cluster; end it if it is one's own."""
        self._ray.shutdown()


def _stage(command: str, folder: str, root: str, logs: str) -> Outcome:
    """What a process of Ray's does: it becomes a worker for stages once, and runs this one."""
    if not os.environ.get(work.LOG_VARIABLE, "").startswith(logs):
        work.begin(root, logs, QUIET)
    os.chdir(root)
    if root not in sys.path:
        sys.path.insert(0, root)
    return work.run(command, folder)

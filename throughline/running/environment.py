"""Prefect's settings for this repository; set before Prefect is first imported."""

from __future__ import annotations

import os
from pathlib import Path

# Below the repository, in a folder that git and DVC ignore.
CACHE = Path(".cache")


def prefect_environment(root: Path) -> dict[str, str]:
    """The settings under which flows run: local, silent towards the network.

    Args:
        root: the repository; Prefect keeps its database below `.cache/prefect` there.

    Returns:
        Names and values of environment variables.
    """
    return {
        "PREFECT_HOME": str((root / CACHE / "prefect").resolve()),
        # No usage data: of the client, of the server.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        # A slot that a killed run held is given back when its lease ends. Kept in memory, as by
        # default, leases die with the server, and a deployment that ran then never runs again.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
        # Runs keep their log; the screen shows one line a stage instead.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    }


def use_prefect(root: Path) -> None:
    """Apply `prefect_environment` where the user's own environment says nothing else."""
    for name, value in prefect_environment(root).items():
        os.environ.setdefault(name, value)

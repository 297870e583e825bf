"""Prefect's settings for this repository; set before Prefect is first imported."""

from __future__ import annotations

import os
from pathlib import Path

from throughline.errors import ThroughlineError

# Below the repository, in a folder that git and DVC ignore.
CACHE = Path(".cache")
# Prefect's database and secret; locks and logs of flows.
PRIVATE = (CACHE / "prefect", CACHE / "flows")


class NotYours(ThroughlineError, PermissionError):
    """A folder that is for its owner alone belongs to another account; the message names it."""


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
        # Where no server is named, Prefect starts one that answers everybody.
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        # A slot that a killed run held is given back when its lease ends. Kept in memory, as by
        # default, leases die with the server, and a deployment that ran then never runs again.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
        # Runs keep their log; the screen shows one line a stage instead.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    }


def use_prefect(root: Path) -> None:
    """Apply `prefect_environment` where the user's own environment says nothing else.

    Raises:
        NotYours: a folder of Prefect's or of the logs belongs to another account.
    """
    for folder in PRIVATE:
        private(root / folder)
    for name, value in prefect_environment(root).items():
        os.environ.setdefault(name, value)


def private(folder: Path) -> Path:
    """A folder that other accounts cannot look into; made where there is none.

    Raises:
        NotYours: it belongs to another account.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        folder.chmod(0o700)
    except PermissionError:
        raise NotYours(
            f"{folder} must belong to the account that runs flows",
            folder.owner(),
            "Work in a clone of your own",
        ) from None
    return folder

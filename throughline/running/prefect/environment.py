"""Prefect's settings for this repository; set before Prefect is first imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from throughline.errors import ThroughlineError
from throughline.running.prefect import retention

# Below the repository, in a folder that git and DVC ignore.
CACHE = Path(".cache")
# Where servers of this machine answer: no proxy knows the way there.
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Prefect's database and secret; locks and logs of flows.
LOGS = CACHE / "flows"
PRIVATE = (CACHE / "prefect", LOGS)


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
        **retention.settings(root),
    }


def use_prefect(root: Path) -> None:
    """Apply `prefect_environment` where the user's own environment says nothing else.

    Raises:
        NotYours: a folder of Prefect's or of the logs belongs to another account.
        BadPipeline: params.yaml says no number of days for which logs are kept.
    """
    for folder in PRIVATE:
        private(root / folder)
    retention.tidy(root / LOGS, retention.keep_days(root))
    pass_proxies()
    for name, value in prefect_environment(root).items():
        os.environ.setdefault(name, value)


def pass_proxies() -> None:
    """Have this process and those that it starts call servers of this machine without a proxy.

    Left to a proxy, such a call waits until it gives up.
    """
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [host.strip() for host in named.split(",") if host.strip()]
    if "*" not in hosts:
        hosts += [host for host in LOOPBACK if host not in hosts]
    # Programs differ in which of both they read.
    os.environ |= {"no_proxy": ",".join(hosts), "NO_PROXY": ",".join(hosts)}


def private(folder: Path) -> Path:
    """A folder that other accounts cannot look into; made where there is none.

    Raises:
        NotYours: it, or a folder above it, belongs to another account.
    """
    with owned(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    return folder


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Say whose a file or folder is where this account may not use it.

    Raises:
        NotYours: names it and its owner.
    """
    try:
        yield
    except PermissionError:
        raise NotYours(
            f"{path} must belong to the account that runs flows",
            _owner(path),
            "Work in a clone of your own",
        ) from None


def _owner(path: Path) -> str:
    """The account of a path, or of the nearest folder above it that there is."""
    for place in (path, *path.absolute().parents):
        try:
            number = place.stat().st_uid
        except OSError:
            continue
        try:
            return place.owner()
        except KeyError:
            # An account without an entry, as in a container.
            return f"user {number}"
    return "unknown"

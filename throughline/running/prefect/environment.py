"""Prefect's settings for this repository; set before Prefect is first imported."""

from __future__ import annotations

import os
from pathlib import Path

from throughline.cache import CACHE, private
from throughline.running.prefect import retention

# Where servers of this machine answer: no proxy knows the way there.
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Prefect's database and secret; locks and logs of flows.
LOGS = CACHE / "flows"
PRIVATE = (CACHE / "prefect", LOGS)


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

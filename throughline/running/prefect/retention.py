"""How long logs of runs and Prefect's history are kept: `keep_days` of params.yaml.

Logs go when a flow, a retraining or a server of this folder starts. Prefect's own service removes
old runs, their logs and events, once an hour on a server that stays; a server that lives as long as
a flow runs no such service for runs, so the flow asks it to forget them.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from throughline.errors import BadPipeline
from throughline.pipeline.yaml_file import YamlFile

KEY = "keep_days"
USUAL = 30
LONGEST = 3650
DAY_SECONDS = 86_400
# Of events, which are many, Prefect keeps a week where nobody asks for less.
EVENT_DAYS = 7
# Of one log that is written as long as a server stands; the end of it is what is kept.
MOST_BYTES = 16 << 20
# Of all logs together, the oldest first; not of the runs of this moment.
ALL_BYTES = 256 << 20
YOUNG_SECONDS = 3600
# Runs that are forgotten at most at the start of a flow, so that it starts soon.
AT_ONCE = 100


def keep_days(root: Path) -> int:
    """For how many days a project keeps logs and Prefect's history.

    Raises:
        BadPipeline: params.yaml says something else than a number of days.
    """
    path = root / "params.yaml"
    file = YamlFile(path) if path.exists() else None
    days = file.content.get(KEY, USUAL) if file else USUAL
    if type(days) is not int or not 1 <= days <= LONGEST:
        place = f"{path}:{file.line((KEY,))}" if file else str(path)
        raise BadPipeline(f"{place}: '{KEY}' is a whole number from 1 to {LONGEST}", days)
    return days


def settings(root: Path) -> dict[str, str]:
    """Prefect's settings by which its server forgets."""
    days = keep_days(root)
    return {
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(days * DAY_SECONDS),
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{min(days, EVENT_DAYS)}D",
    }


def tidy(folder: Path, days: int) -> list[str]:
    """Remove logs that are old, or too many, and cut those that grew too long to their end.

    Args:
        folder: that holds them.
        days: for which they are kept.

    Returns:
        The names of those that were removed.
    """
    now, total = time.time(), 0
    removed: list[str] = []
    found = []
    for path in folder.glob("*.log"):
        # Another flow may tidy at this moment.
        with suppress(FileNotFoundError):
            found.append((path, path.stat()))
    for path, known in sorted(found, key=lambda entry: -entry[1].st_mtime):
        total += min(known.st_size, MOST_BYTES)
        age = now - known.st_mtime
        if age > days * DAY_SECONDS or (total > ALL_BYTES and age > YOUNG_SECONDS):
            path.unlink(missing_ok=True)
            removed.append(path.name)
        elif known.st_size > MOST_BYTES and path.name.startswith("standing-"):
            _cut(path)
    return sorted(removed)


def _cut(path: Path) -> None:
    """Keep the last half of what a log may hold; who writes to it appends."""
    with path.open("r+b") as log:
        log.seek(-MOST_BYTES // 2, 2)
        end = log.read()
        log.seek(0)
        log.write(end[end.find(b"\n") + 1 :])
        log.truncate()


def forget(root: Path, now: datetime | None = None) -> int:
    """Have Prefect's server forget runs that ended before the days that are kept.

    Args:
        root: the project; its server is the one in use.
        now: from when the days are counted. Default: this moment.

    Returns:
        How many it forgot, at most `AT_ONCE`.
    """
    from prefect.client.orchestration import get_client

    before = (now or datetime.now(UTC)) - timedelta(days=keep_days(root))
    asked: dict[str, Any] = {
        "flow_runs": {"end_time": {"before_": before.isoformat()}},
        "limit": AT_ONCE,
    }
    with get_client(sync_client=True) as client:
        old = client.request("POST", "/flow_runs/filter", json=asked).json()
        for each in old:
            client.delete_flow_run(UUID(each["id"]))
    return len(old)

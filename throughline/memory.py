"""The memory that this process holds, what it may still take, and a bound on that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def held_bytes() -> int:
    """The address space that the process has now; Linux alone says it."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path of anybody's
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def free_bytes() -> int | None:
    """Memory that this process may still take: of the machine, its group, and its own limit.

    None where the system does not say.
    """
    found = [_free_of_machine(), _free_of_group(), _free_of_process()]
    return min((free for free in found if free is not None), default=None)


def _free_of_machine() -> int | None:
    path = Path("/proc/meminfo")
    if not path.is_file():
        return None
    lines = dict(line.split(":", 1) for line in path.read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def _free_of_group() -> int | None:
    """Of the control group, as of a container or of `systemd-run -p MemoryMax`."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="utf-8").split("::", 1)[1].strip()
        found = []
        for group in (folder := Path("/sys/fs/cgroup") / own.lstrip("/"), *folder.parents):
            most = group / "memory.max"
            if most.is_file() and (text := most.read_text(encoding="ascii").strip()) != "max":
                held = (group / "memory.stat").read_text(encoding="ascii").split()
                stat = dict(zip(held[::2], map(int, held[1::2]), strict=False))
                used = int((group / "memory.current").read_text(encoding="ascii"))
                # Pages of files are given back when they are needed.
                found.append(int(text) - used + stat.get("inactive_file", 0))
        return min(found, default=None)
    except (OSError, ValueError, IndexError):
        return None


def _free_of_process() -> int | None:
    try:
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        return None if soft == resource.RLIM_INFINITY else max(soft - held_bytes(), 0)
    except (ImportError, OSError):
        return None


@contextmanager
def bounded(more: int) -> Iterator[None]:
    """Let the process take so many bytes more, where the system can; a request beyond fails."""
    try:
        import resource

        used = held_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, OSError):
        yield
        return
    most = used + more
    if soft != resource.RLIM_INFINITY and soft <= most:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

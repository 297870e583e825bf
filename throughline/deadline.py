"""The last bound on time: a process whose work in C never returns to Python is ended.

An alarm waits for Python's next step, and a database that compares two texts of 40 MB takes none
for years. A thread sees it, since such libraries give Python's lock away meanwhile.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from throughline.errors import printable

LOOK_EVERY_SECONDS = 1.0
# As for any other mistake that is told in a line.
MISTAKE = 2
# What goes on: when each must have ended, and what is said of it.
_going_on: dict[object, tuple[float, str]] = {}
_watching = threading.Lock()


@contextmanager
def ended_by(seconds: float, line: str) -> Iterator[None]:
    """End this process with a line when what is inside takes longer.

    Args:
        seconds: that it may take.
        line: is told then.
    """
    key = object()
    _going_on[key] = (time.monotonic() + seconds, line)
    # One thread for all: to begin one for each file would take longer than most of them.
    if _watching.acquire(blocking=False):
        threading.Thread(target=_watch, name="deadline", daemon=True).start()
    try:
        yield
    finally:
        _going_on.pop(key, None)


def _watch() -> None:
    while True:
        time.sleep(LOOK_EVERY_SECONDS)
        now = time.monotonic()
        late = [line for until, line in list(_going_on.values()) if now > until]
        if late:
            print(f"error: {printable(late[0])}", file=sys.stderr, flush=True)
            os._exit(MISTAKE)


def _forget() -> None:
    """In a child process the thread is gone."""
    global _watching
    _watching = threading.Lock()
    _going_on.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""A bound on time for work in C that never returns to Python: a thread sees when it is over.

An alarm waits for Python's next step, and a database that compares two texts of 40 MB takes none
for years. A thread takes its turn meanwhile, since such libraries give Python's lock away.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_EVERY_SECONDS = 0.2
# What goes on: when each must have ended, and what ends it.
_going_on: dict[object, tuple[float, Callable[[], None]]] = {}
_watching = threading.Lock()


@contextmanager
def watched(seconds: float, stop: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Call `stop` when what is inside takes longer; yields whether it was called.

    Args:
        seconds: that it may take.
        stop: ends it, from another thread.
    """
    stopped: list[bool] = []

    def end() -> None:
        stopped.append(True)
        stop()

    key = object()
    _going_on[key] = (time.monotonic() + seconds, end)
    # One thread for all: to begin one for each would take longer than most of them.
    if _watching.acquire(blocking=False):
        threading.Thread(target=_watch, name="deadline", daemon=True).start()
    try:
        yield lambda: bool(stopped)
    finally:
        _going_on.pop(key, None)


def _watch() -> None:
    while True:
        time.sleep(LOOK_EVERY_SECONDS)
        now = time.monotonic()
        for key, (until, end) in list(_going_on.items()):
            # Unless it has ended meanwhile.
            if now > until and _going_on.pop(key, None) is not None:
                end()


def _forget() -> None:
    """In a child process the thread is gone."""
    global _watching
    _watching = threading.Lock()
    _going_on.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""What libraries written in C print by themselves: nothing of it reaches the screen.

libtiff and the like write remarks on broken files there, with names out of the files, which a
terminal may act on. What went wrong comes as an exception as well.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SCREEN = 2
_changing = threading.Lock()
# A copy of the screen for each block that is inside; threads may be in several.
_kept: list[int] = []


@contextmanager
def silent() -> Iterator[None]:
    """Send what is written to the standard error by its number nowhere, in all threads.

    For steps of C that take moments: a line that another thread writes meanwhile is lost.
    """
    with _changing:
        try:
            _kept.append(os.dup(_kept[0] if _kept else SCREEN))
        except OSError:
            # There is no screen.
            _kept.append(os.open(os.devnull, os.O_WRONLY))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, SCREEN)
        os.close(nowhere)
    try:
        yield
    finally:
        with _changing:
            screen = _kept.pop()
            if not _kept:
                os.dup2(screen, SCREEN)
            os.close(screen)


def _forget() -> None:
    """In a child process the other threads are gone, and perhaps one that held the lock."""
    global _changing
    _changing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

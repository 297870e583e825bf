"""Processes that another one begins and that must not outlive it."""

from __future__ import annotations

import os
import signal
import threading


def begin() -> None:
    """Make a process of a pool end with its parent, which alone hears Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()


def end_with_parent() -> None:
    """End this process when its parent dies, even by SIGKILL; a pool's workers wait forever."""
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)

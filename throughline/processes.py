"""What processes need of their system: a home, and an end with whoever began them."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from throughline.cache import CACHE, private

# For an account that has no home, as a container's may; below the folder of the call.
HOME = CACHE / "home"
# Set by `throughline --no-code`, for this process and those that it begins.
NO_CODE = "THROUGHLINE_NO_CODE"
# What a repository's own configuration may start while somebody only looks: see `git config`.
STARTS_NOTHING = ("-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


def need_home() -> None:
    """Give this process a home and a name where its account has neither entry nor `HOME`.

    DVC and Prefect read their settings from there before anything else, and end in a traceback.
    """
    try:
        Path.home()
    except RuntimeError:
        private(HOME)
        os.environ["HOME"] = str(HOME.absolute())
        if not any(os.environ.get(name) for name in NAMES):
            os.environ["LOGNAME"] = str(os.getuid())


def git_command() -> list[str]:
    """The words that begin a call of git: it starts no program that a project's files name.

    Hooks are the exception, which a user wants at commits; under --no-code they do not run either.
    """
    hooks = ["-c", f"core.hooksPath={os.devnull}"] if os.environ.get(NO_CODE) else []
    return ["git", *STARTS_NOTHING, *hooks]


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

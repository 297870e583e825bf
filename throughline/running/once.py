"""One run of a pipeline at a time, whoever starts it: a flow, a retraining, a schedule."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from throughline.cache import CACHE, owned, private, private_file


def claimed(root: Path, names: Iterable[str], waiting: Callable[[str], None]) -> ExitStack:
    """Claim pipelines; waits for those that another process has.

    The system takes a lock away from a process that dies, so none is ever stale. The locks are
    taken in the order of the names, so that two processes cannot wait for each other.

    Args:
        root: the repository.
        names: pipelines.
        waiting: called with the name of a pipeline that another process has.

    Returns:
        The claims; closing it gives them up.

    Raises:
        NotYours: a lock is another account's.
    """
    claims = ExitStack()
    folder = private(root / CACHE / "flows")
    for name in sorted(names):
        path = folder / f"{name or 'root'}.lock"
        with owned(path):
            file = claims.enter_context(private_file(path, "wb"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting(name)
            fcntl.flock(file, fcntl.LOCK_EX)
    return claims

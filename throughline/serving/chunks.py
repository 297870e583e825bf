"""Many rows through one session: a few at a time, on every core."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

# More rows in one call are slower: their values between two operators leave the core's cache.
ROWS_A_CALL = 64
MOST_THREADS = 4
# Bytes of inputs in all calls at once; a picture network's own arrays are some hundred times that.
BYTES_AT_ONCE = 3 << 20


def answered(
    session: Any, outputs: Sequence[str], feed: Mapping[str, np.ndarray], threads: int | None = None
) -> dict[str, np.ndarray]:
    """Answer all rows of a feed.

    The rows go through the session in the same chunks however many threads there are, so the
    answers don't depend on the machine, and memory stays bounded whatever the size of a row.

    Args:
        session: an `onnxruntime.InferenceSession`, or one that is `Bounded`.
        outputs: the names of what is asked for.
        feed: for each input its values; the first axis of all is the rows.
        threads: chunks that are answered at once. Default: one for each core that this process
            may use, at most 4.

    Returns:
        for each output an array whose first axis is the rows.
    """
    rows = len(next(iter(feed.values())))
    largest = max(1, *(array[:1].nbytes for array in feed.values()))
    chunk = max(1, min(ROWS_A_CALL, BYTES_AT_ONCE // MOST_THREADS // largest))

    def run(start: int, count: int) -> list[np.ndarray]:
        part = {name: array[start : start + count * chunk] for name, array in feed.items()}
        return list(session.run(list(outputs), part, **({"chunk": chunk} if count > 1 else {})))

    # What the first chunk takes tells how many may go together, where a session splits them.
    parts = {0: run(0, 1)}
    together = getattr(session, "chunks_at_once", lambda _: 1)(largest * chunk)
    starts = range(chunk, rows, chunk * together)
    waiting = iter(starts)

    def work() -> None:
        for start in waiting:
            parts[start] = run(start, together)

    threads = min(threads or cores(), max(1, len(starts)), max(1, BYTES_AT_ONCE // largest))
    others = [_threads().submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        # After an error nobody begins another chunk.
        for _ in waiting:
            pass
        # One that has not begun, because they all work for another caller, has nothing left to do.
        running = [other for other in others if not other.cancel()]
    for other in running:
        other.result()
    return {
        name: np.concatenate([parts[start][number] for start in (0, *starts)])
        for number, name in enumerate(outputs)
    }


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that help every caller; to begin them anew can take longer than what they do."""
    os.register_at_fork(after_in_child=_threads.cache_clear)
    return ThreadPoolExecutor(MOST_THREADS - 1, thread_name_prefix="answers")


def cores() -> int:
    """The cores that this process may use, at most 4."""
    mine = getattr(os, "sched_getaffinity", None)
    return min(len(mine(0)) if mine else os.cpu_count() or 1, MOST_THREADS)

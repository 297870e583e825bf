"""Many rows through one session: a few at a time, on every core."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        session: an `onnxruntime.InferenceSession`.
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

    def run(start: int) -> list[np.ndarray]:
        part = {name: array[start : start + chunk] for name, array in feed.items()}
        return list(session.run(list(outputs), part))

    starts = range(0, rows, chunk)
    threads = min(threads or cores(), len(starts), max(1, BYTES_AT_ONCE // largest))
    if threads == 1:
        parts = [run(start) for start in starts]
    else:
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(run, starts))
    return {
        name: np.concatenate([part[number] for part in parts])
        for number, name in enumerate(outputs)
    }


def cores() -> int:
    """The cores that this process may use, at most 4."""
    mine = getattr(os, "sched_getaffinity", None)
    return min(len(mine(0)) if mine else os.cpu_count() or 1, MOST_THREADS)

"""Where the seconds of a flow went."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

IMPORTS = "imports"
HASHING = "hashing"
ORCHESTRATION = "orchestration"


class Ledger:
    """Seconds by kind of work, over all threads and processes of a flow.

    Kinds run side by side, so their sum may exceed the time that passed. Orchestration is the
    time in which nothing else was under way.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._start = time.perf_counter()
        self._end: float | None = None
        self._seconds: dict[str, float] = {}
        self._busy: list[tuple[float, float]] = []

    def add(self, kind: str, seconds: float, busy: float | None = None) -> None:
        """Book work that ends now.

        Args:
            kind: the row.
            seconds: the work's time.
            busy: for how long until now something was under way. Default: `seconds`.
        """
        end = time.perf_counter()
        with self._guard:
            self._seconds[kind] = self._seconds.get(kind, 0.0) + seconds
            self._busy.append((end - (seconds if busy is None else busy), end))

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Book the time of a block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(kind, time.perf_counter() - start)

    def finish(self) -> None:
        """Stop the clock."""
        self._end = time.perf_counter()

    @property
    def passed(self) -> float:
        """Seconds from beginning to end."""
        return (self._end or time.perf_counter()) - self._start

    def seconds(self) -> dict[str, float]:
        """Seconds by kind, the longest first, with orchestration as what is left."""
        with self._guard:
            rows = dict(self._seconds)
            rows[ORCHESTRATION] = max(0.0, self.passed - covered(self._busy))
        return dict(sorted(rows.items(), key=lambda row: -row[1]))

    def lines(self) -> list[str]:
        """The ledger for a screen."""
        rows = self.seconds()
        width = max(map(len, [*rows, "time passed"]))
        lines = [f"  {kind:{width}} {seconds:8.1f} s" for kind, seconds in rows.items()]
        return [*lines, f"  {'time passed':{width}} {self.passed:8.1f} s"]


def covered(intervals: list[tuple[float, float]]) -> float:
    """The length of the union of intervals."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total

"""What a stranger's model may cost: time by a watch, memory by a limit of the process.

A file of a few bytes can hold a loop that never ends and arrays larger than the machine. That of a
stranger runs in a process of its own, see `sessions`; what its metadata have this one do, such as
tables of millions of names, is timed by an alarm.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from throughline.serving.deadline import LOOK_EVERY_SECONDS, watched
from throughline.serving.errors import BadRequest, first_line, lacks_memory
from throughline.serving.sessions import Apart, Here, Session

T = TypeVar("T")
# For a model to load, and for each call of some rows.
SECONDS = 60.0
MEMORY_SHARE = 0.75
# Of the processor, besides: what a command imports.
IMPORTS_SECONDS = 10.0
# Rows that a model is given its time for, and bytes of a file that stand for one before it is read.
ROWS, ROW_BYTES = 64, 4096
# Chunks and bytes of one call, which takes this part of the time that it has.
MOST_CHUNKS, BYTES_A_CALL, SPARE = 64, 1 << 20, 20
# Of the commands that run a stranger's model.
_strangers: list[float] = []
# Seconds of the processor at which the command's own work on such a model must have ended.
_until: list[float] = []


class Bounded:
    """A session whose loading and whose every call end in time, or are refused in one line.

    Args:
        path: the model file.
        seconds: for loading, and for each call. Default: 60, or what the command was told.
        device: see `devices.opened`. Default: `cpu`.

    Attributes:
        declared: what the file says of itself.

    Raises:
        BadRequest: no model that the runtime takes, or none that loads in time.
    """

    def __init__(self, path: Path | str, seconds: float | None = None, device: str = "cpu") -> None:
        self._path = path
        # Seconds of the slowest chunk so far.
        self._pace = 0.0
        self._seconds = seconds or (_strangers[-1] if _strangers else SECONDS)
        self._session: Session = (Apart if _strangers else Here)(path, device)
        self.declared = self._ended(
            self._session.load, self._session.stop, "load", "be an ONNX model"
        )

    def chunks_at_once(self, size: int) -> int:
        """How many chunks of so many bytes to hand over in one call that still ends soon."""
        in_time = self._seconds / SPARE / max(self._pace, 1e-4)
        return max(1, min(MOST_CHUNKS, BYTES_A_CALL // size, int(in_time)))

    def run(
        self, names: Sequence[str], feed: Mapping[str, np.ndarray], chunk: int | None = None
    ) -> list[np.ndarray]:
        """The values of some outputs, each with the rows of the feed as its first axis.

        Args:
            names: the outputs.
            feed: for each input its values.
            chunk: rows that the runtime is asked for at once. Default: all.

        Raises:
            BadRequest: the model doesn't end in time, doesn't fit into memory, or fails.
        """
        rows = len(next(iter(feed.values())))
        began = time.monotonic()
        found = self._ended(*self._session.call(names, feed, chunk), "answer", "answer")
        self._pace = max(self._pace, (time.monotonic() - began) * (chunk or rows) / max(rows, 1))
        allow(rows)
        for name, values in zip(names, found, strict=True):
            shape = getattr(values, "shape", None)
            if not shape or shape[0] != rows:
                raise BadRequest(
                    f"'{self._path}' must give one answer a row. Received: {shape} of output "
                    f"'{name}' for {rows} rows."
                )
        return found

    def _ended(self, work: Callable[[], T], stop: Callable[[], None], act: str, expected: str) -> T:
        """What work comes to, in time and memory."""
        try:
            with watched(self._seconds, stop) as late:
                return work()
        except BadRequest:
            raise
        except Exception as error:  # onnxruntime's errors share no public base class
            if late():
                raise BadRequest(
                    f"'{self._path}' must {act} within {self._seconds:g} seconds."
                ) from None
            if lacks_memory(error):
                raise BadRequest(f"'{self._path}' must {act} within the memory there is.") from None
            raise BadRequest(f"'{self._path}' must {expected}: {first_line(error)}") from None


@contextmanager
def stranger(
    path: Path,
    seconds: float | None = None,
    memory: int | None = None,
    passes: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Let a command run a model that anybody may have made: whatever goes wrong is one line.

    Args:
        path: the model, for messages.
        seconds: for it to load, and for each call; as many of the processor for what this process
            does with its metadata, and as many for each 64 rows, see `allow`. Default: 60.
        memory: bytes that the process may take besides what it has. Default: three quarters of the
            machine's.
        passes: errors that are lines already, besides `BadRequest`. Default: none.

    Raises:
        BadRequest: in the place of any other error.
    """
    lines: tuple[type[Exception], ...] = (BadRequest, OSError, *passes)
    _strangers.append(seconds or SECONDS)
    try:
        with _memory(memory or _three_quarters()), _alarmed(path, _strangers[-1]):
            yield
    except lines:
        raise
    except MemoryError:
        raise BadRequest(f"'{path}' and its rows must fit into memory.") from None
    except RecursionError:
        raise BadRequest(f"'{path}' must hold values that are not nested so deeply.") from None
    except Exception as error:
        raise BadRequest(
            f"'{path}' must be a model whose contract fits its graph. "
            f"Received: {type(error).__name__}: {first_line(error)}."
        ) from error
    finally:
        _strangers.pop()


def allow(rows: float) -> None:
    """Give a stranger's model its time for some rows once more; nothing where there is no clock."""
    if _until:
        _until[-1] += _strangers[-1] * math.ceil(rows / ROWS)


@contextmanager
def _alarmed(path: Path, seconds: float) -> Iterator[None]:
    """End what this process does itself with a model, by seconds of the processor.

    Rows may come slowly, and the model's own process has its own watch: waiting is free.
    """

    def look(*_: Any) -> None:
        if time.process_time() > _until[-1]:
            raise BadRequest(
                f"'{path}' and its rows must be read within {seconds:g} seconds, and as many for "
                f"each {ROWS} rows."
            )

    mine = threading.current_thread() is threading.main_thread()
    if not mine or not hasattr(signal, "ITIMER_PROF"):
        yield
        return
    _until.append(time.process_time() + IMPORTS_SECONDS + seconds)
    before = signal.signal(signal.SIGPROF, look)
    # Again and again: what catches the error and goes on is told once more.
    signal.setitimer(signal.ITIMER_PROF, LOOK_EVERY_SECONDS, LOOK_EVERY_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        _until.pop()


def _three_quarters() -> int:
    try:
        return int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 8 << 30


@contextmanager
def _memory(most: int) -> Iterator[None]:
    """Let requests for more memory fail, where the system can say how much there is."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + most, hard))
    except (ImportError, OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

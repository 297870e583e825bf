"""What a stranger's model may cost: time by a watch, memory by a limit of the process.

A file of a few bytes can hold a loop that never ends and arrays larger than the machine.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from throughline.serving.devices import opened
from throughline.serving.errors import BadRequest, spelt_out

# For a model to load, and for each call of some rows.
SECONDS = 60.0
MEMORY_SHARE = 0.75
LOOK_EVERY_SECONDS = 0.2
# onnxruntime's levels; what goes wrong comes as an exception, too.
FATAL = 4

# How onnxruntime begins, with the name and number of a status of its own.
OWN_WORDS = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
# What onnxruntime says where there is none.
NO_MEMORY = re.compile(r"allocate memory|bad_alloc|bad allocation")

# The calls that go on: when each must end, and what ends it.
_running: dict[object, tuple[float, Callable[[], None]]] = {}
_watching = threading.Lock()
# Of the command that runs.
_seconds = [SECONDS]


class Bounded:
    """A session whose loading and whose every call end in time, or are refused in one line.

    Args:
        path: the model file.
        options: `onnxruntime.SessionOptions`.
        seconds: for loading, and for each call. Default: 60, or what the command was told.
        device: see `devices.opened`. Default: `cpu`.

    Raises:
        BadRequest: no model that the runtime takes, or none that loads in time.
    """

    def __init__(
        self, path: Path | str, options: Any, seconds: float | None = None, device: str = "cpu"
    ) -> None:
        import onnxruntime

        self._path = path
        self._seconds = seconds = seconds or _seconds[-1]
        self._options = onnxruntime.RunOptions
        options.log_severity_level = FATAL
        try:
            with _watched(seconds, lambda: options.set_load_cancellation_flag(True)) as late:
                self.session = opened(str(path), options, device)
        except BadRequest:
            raise
        except Exception as error:  # onnxruntime's errors share no public base class
            if late():
                raise BadRequest(f"'{path}' must load within {seconds:g} seconds.") from None
            raise BadRequest(f"'{path}' must be an ONNX model: {first_line(error)}") from None

    def run(self, names: Sequence[str], feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The values of some outputs, each with the rows of the feed as its first axis.

        Raises:
            BadRequest: the model doesn't end in time, doesn't fit into memory, or fails.
        """
        options = self._options()
        options.log_severity_level = FATAL
        try:
            with _watched(self._seconds, lambda: setattr(options, "terminate", True)) as late:
                found: list[Any] = self.session.run(names, feed, options)
        except Exception as error:  # as above
            if late():
                raise BadRequest(
                    f"'{self._path}' must answer within {self._seconds:g} seconds."
                ) from None
            if NO_MEMORY.search(str(error)):
                raise BadRequest(
                    f"'{self._path}' must answer within the memory there is."
                ) from None
            raise BadRequest(f"'{self._path}' must answer: {first_line(error)}") from None
        rows = len(next(iter(feed.values())))
        for name, values in zip(names, found, strict=True):
            shape = getattr(values, "shape", None)
            if not shape or shape[0] != rows:
                raise BadRequest(
                    f"'{self._path}' must give one answer a row. Received: {shape} of output "
                    f"'{name}' for {rows} rows."
                )
        return found


@contextmanager
def _watched(seconds: float, stop: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Call `stop` when what is inside takes longer; yields whether it was called."""
    stopped: list[bool] = []

    def end() -> None:
        stopped.append(True)
        stop()

    key = object()
    _running[key] = (time.monotonic() + seconds, end)
    if _watching.acquire(blocking=False):
        threading.Thread(target=_watch, name="bounds", daemon=True).start()
    try:
        yield lambda: bool(stopped)
    finally:
        _running.pop(key, None)


def _watch() -> None:
    """One thread for all calls: to begin one for each would take longer than most of them."""
    while True:
        time.sleep(LOOK_EVERY_SECONDS)
        now = time.monotonic()
        for key, (until, end) in list(_running.items()):
            # Unless it has ended meanwhile.
            if now > until and _running.pop(key, None) is not None:
                end()


def _forget() -> None:
    """In a child process the thread is gone."""
    global _watching
    _watching = threading.Lock()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def stranger(path: Path, seconds: float = SECONDS, memory: int | None = None) -> Iterator[None]:
    """Let a command run a model that anybody may have made: whatever goes wrong is one line.

    Args:
        path: the model, for messages.
        seconds: for it to load, and for each call.
        memory: bytes that the process may take besides what it has. Default: three quarters of the
            machine's.

    Raises:
        BadRequest: in the place of any other error.
    """
    _seconds.append(seconds)
    try:
        with _memory(memory or _three_quarters()):
            yield
    except (BadRequest, OSError):
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
        _seconds.pop()


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


def first_line(error: Exception) -> str:
    """What an error says, as far as one line."""
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return spelt_out(OWN_WORDS.sub("", text)[:200])

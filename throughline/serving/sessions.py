"""A model's session: in this process, or in one of its own, which can be ended at any moment.

onnxruntime can be asked to stop between two operators. Within one, while it computes constants and
while it inlines functions, it cannot, and a file of a few kilobytes holds work for years in each.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from throughline.serving.chunks import MOST_THREADS
from throughline.serving.devices import device_of, opened
from throughline.serving.errors import BadRequest, first_line, lacks_memory
from throughline.serving.frames import receive, send

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# onnxruntime's levels; what goes wrong comes as an exception, too, with no escape in it.
FATAL = 4
# Of Linux: the signal that a process receives when the one that began it dies.
PR_SET_PDEATHSIG = 1
# What can go wrong there, by the name under which it is told.
FAULTS: Mapping[str, type[Exception]] = {
    fault.__name__: fault for fault in (BadRequest, MemoryError, RuntimeError)
}


@dataclass(frozen=True)
class Declared:
    """What a model file says of itself.

    Attributes:
        inputs: for each its name, type and shape.
        outputs: their names.
        metadata: texts by their keys.
        device: what answers, `cpu` or `gpu`.
    """

    inputs: tuple[tuple[str, str, tuple[Any, ...]], ...]
    outputs: tuple[str, ...]
    metadata: Mapping[str, str]
    device: str


class Session(Protocol):
    """What loads a model and answers, each time with what ends it."""

    def load(self) -> Declared:
        """Open the file."""

    def stop(self) -> None:
        """End a loading from another thread."""

    def call(
        self, names: Sequence[str], feed: Mapping[str, np.ndarray], chunk: int | None
    ) -> tuple[Callable[[], list[Any]], Callable[[], None]]:
        """What answers one feed, so many rows at once, and what ends that from another thread."""


class Here:
    """A session of this process, which may not end in the midst of an operator.

    Args:
        path: the model file.
        device: see `devices.opened`.
    """

    def __init__(self, path: Path | str, device: str) -> None:
        import onnxruntime

        self._path, self._device = path, device
        self._settings = onnxruntime.RunOptions
        self._options = onnxruntime.SessionOptions()
        self._options.log_severity_level = FATAL
        # Cores share the chunks of rows; within a chunk of a small model they only wait.
        self._options.intra_op_num_threads = 1

    def load(self) -> Declared:
        """Open the file."""
        self._session = opened(str(self._path), self._options, self._device)
        inputs = self._session.get_inputs()
        return Declared(
            tuple((each.name, each.type, tuple(each.shape)) for each in inputs),
            tuple(each.name for each in self._session.get_outputs()),
            dict(self._session.get_modelmeta().custom_metadata_map),
            device_of(self._session),
        )

    def stop(self) -> None:
        """End a loading before its next step."""
        self._options.set_load_cancellation_flag(True)

    def call(
        self, names: Sequence[str], feed: Mapping[str, np.ndarray], chunk: int | None
    ) -> tuple[Callable[[], list[Any]], Callable[[], None]]:
        """What answers one feed, and what ends that before its next operator."""
        settings = self._settings()
        settings.log_severity_level = FATAL

        def work() -> list[Any]:
            rows = len(next(iter(feed.values())))
            if chunk is None or chunk >= rows:
                return list(self._session.run(names, feed, settings))
            parts = []
            for start in range(0, rows, chunk):
                part = {name: values[start : start + chunk] for name, values in feed.items()}
                parts.append(self._session.run(names, part, settings))
                count = min(chunk, rows - start)
                if any(np.shape(values)[:1] != (count,) for values in parts[-1]):
                    # No answer to each row: whoever asked says so.
                    return list(parts[-1])
            return [np.concatenate(values) for values in zip(*parts, strict=True)]

        return work, lambda: setattr(settings, "terminate", True)


class Apart:
    """A session of a process of its own, which prints nothing and ends whenever it shall.

    Args:
        path: the model file.
        device: see `devices.opened`.
    """

    def __init__(self, path: Path | str, device: str) -> None:
        import multiprocessing

        # Where it is safe, without importing everything once more.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        mine, others = zip(*(context.Pipe() for _ in range(MOST_THREADS)), strict=True)
        self._process = context.Process(  # type: ignore[attr-defined]
            target=_answer, args=(path, device, others, mine), daemon=True
        )
        self._process.start()
        for end in others:
            end.close()
        self._first: Connection = mine[0]
        self._free: SimpleQueue[Connection] = SimpleQueue()
        for end in mine:
            self._free.put(end)
        weakref.finalize(self, self._process.kill)

    def load(self) -> Declared:
        """Wait until the file is open."""
        words, _ = self._received(self._first)
        inputs = tuple((name, kind, tuple(shape)) for name, kind, shape in words.pop("inputs"))
        return Declared(inputs, tuple(words.pop("outputs")), **words)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()

    def call(
        self, names: Sequence[str], feed: Mapping[str, np.ndarray], chunk: int | None
    ) -> tuple[Callable[[], list[Any]], Callable[[], None]]:
        """What answers one feed, and what ends the process."""
        return lambda: self._asked(names, feed, chunk), self.stop

    def _asked(
        self, names: Sequence[str], feed: Mapping[str, np.ndarray], chunk: int | None
    ) -> list[Any]:
        end = self._free.get()
        try:
            send(end, [list(names), list(feed), chunk], list(feed.values()))
            return self._received(end)[1]
        except OSError:
            raise self._gone() from None
        finally:
            self._free.put(end)

    def _received(self, end: Connection) -> tuple[Any, list[Any]]:
        try:
            (fault, words), arrays = receive(end)
        except (EOFError, OSError):
            raise self._gone() from None
        if fault is not None:
            raise FAULTS[fault](words)
        return words, arrays

    def _gone(self) -> RuntimeError:
        self._process.join()
        return RuntimeError(f"the process that it ran in ended by {self._process.exitcode}")


def _answer(
    path: Path | str, device: str, ends: Sequence[Connection], others: Sequence[Connection]
) -> None:
    """What the process of a model does: load it and answer until nobody asks any more."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # Fork has copied them; only once all are closed does nobody ask.
        for other in others:
            other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # The runtime writes names of the model there as they are.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for screen in (1, 2):
        os.dup2(nowhere, screen)

    session = Here(path, device)
    if _send_result(ends[0], lambda: asdict(session.load())):
        for end in ends[1:]:
            threading.Thread(target=_serve, args=(session, end)).start()
        _serve(session, ends[0])


def _serve(session: Here, end: Connection) -> None:
    while True:
        try:
            (names, inputs, chunk), arrays = receive(end)
        except (EOFError, OSError):
            return
        answer, _ = session.call(names, dict(zip(inputs, arrays, strict=True)), chunk)
        _send_result(end, answer)


def _send_result(end: Connection, work: Callable[[], dict[str, Any] | list[Any]]) -> bool:
    """Send the words or arrays that work comes to, or a fault; returns whether it went well."""
    try:
        found = work()
        words, arrays = (found, []) if isinstance(found, dict) else (None, found)
        send(end, [None, words], arrays)
        return True
    except BadRequest as error:
        send(end, [BadRequest.__name__, str(error)])
    except Exception as error:  # onnxruntime's errors share no public base class
        fault = MemoryError if lacks_memory(error) else RuntimeError
        send(end, [fault.__name__, first_line(error)])
    return False

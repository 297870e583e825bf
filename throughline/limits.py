"""What reading a stranger's file may cost at most, and every reader's error as one line.

A few bytes can stand for more than a machine has: compressed zeros, shapes without content, values
that name each other. Readers count as they go and refuse what grows beyond the limits, which
section `limits` of params.yaml may raise. What no counting sees, memory and time, is bounded for
the whole process while a reader works.
"""

from __future__ import annotations

import errno
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields
from typing import IO, TYPE_CHECKING, Any

from throughline.errors import BadData, BadPipeline, ThroughlineError, nearest, printable
from throughline.memory import bounded
from throughline.serving.deadline import watched

if TYPE_CHECKING:
    import zipfile

SECTION = "limits"
BLOCK_BYTES = 1 << 20
# So much may come out of any file however small: a few kilobytes of zeros are no attack.
ALWAYS_BYTES = 128 << 20
# Between the alarm and the end of the process.
GRACE_SECONDS = 10
# As for any other mistake that is told in a line.
MISTAKE = 2
# Of a file with its folders, as Linux has it.
LONGEST_NAME = 4096
# Of the machine's memory, where params.yaml says nothing.
MEMORY_SHARE = 0.75
# A disk without room is no fault of a file, and has a line of its own.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# What is no fault of a file's content; HDF5's errors have no number, zipfile's may have any.
OF_THE_SYSTEM = (*NO_ROOM, errno.ENOENT, errno.EACCES, errno.EIO, errno.EMFILE)


def _three_quarters() -> int:
    try:
        return int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 8 << 30


@dataclass(frozen=True)
class Limits:
    """Section `limits` of params.yaml.

    Attributes:
        bytes: of one file, as it is fetched and after unpacking; of a table or array in memory.
        ratio: bytes that may come out of one packed byte, once they are more than 128 MiB.
        files: in a folder or archive.
        layers: of packing around one file: a zip in a tar.gz has three.
        rows: of a table.
        columns: of a table.
        pixels: of a picture.
        seconds: to fetch or read one file.
        memory: in bytes, beside what the process holds already, while a file is read.
    """

    bytes: int = 4 << 30
    ratio: int = 100
    files: int = 1_000_000
    layers: int = 4
    rows: int = 100_000_000
    columns: int = 100_000
    pixels: int = 200_000_000
    seconds: int = 3600
    memory: int = _three_quarters()

    @classmethod
    def of(cls, section: object) -> Limits:
        """The limits of a section `limits`; what it leaves out has its default.

        Raises:
            BadPipeline: no mapping, an unknown key, or no whole number above 0.
        """
        if section is None:
            return cls()
        if not isinstance(section, Mapping):
            raise BadPipeline(f"'{SECTION}' in params.yaml must be a mapping", section)
        known = [field.name for field in fields(cls)]
        for key, value in section.items():
            if key not in known:
                raise BadPipeline(
                    f"'{SECTION}' in params.yaml has no such key", key, nearest(str(key), known)
                )
            if type(value) is not int or value < 1:
                raise BadPipeline(f"'{SECTION}.{key}' must be a whole number above 0", value)
        return cls(**section)


_applied: list[Limits] = [Limits()]


def current() -> Limits:
    """The limits that hold now: those of the project whose source is being read."""
    return _applied[-1]


@contextmanager
def applied(limits: Limits) -> Iterator[None]:
    """Let limits hold for what is read inside, in every thread."""
    _applied.append(limits)
    try:
        yield
    finally:
        _applied.pop()


class OverLimit(BadData):
    """A file that costs more than the limits allow; the message names the key that raises it."""


def check(name: str, key: str, found: int, what: str = "") -> None:
    """Refuse a file that has more of something than its limit.

    Args:
        name: the file, for the message.
        key: of `Limits`.
        found: how much it has, or a part of it that is too much already.
        what: is counted. Default: the key itself.

    Raises:
        OverLimit: it has more.
    """
    most = getattr(current(), key)
    if found > most:
        raise OverLimit(
            f"'{name}' may have at most {most:,} {what or key}",
            f"{found:,}" if found < 10**18 else "more than 10^18",
            f"Raise '{SECTION}.{key}' in params.yaml if it may have more",
        )


def check_table(name: str, rows: int, columns: int) -> None:
    """Refuse a table that is too long, too wide or too large as a whole."""
    check(name, "columns", columns)
    check(name, "rows", rows)
    check(name, "bytes", 8 * rows * columns, "bytes in memory")


def check_array(name: str, shape: tuple[int, ...], item_bytes: int) -> None:
    """Refuse an array, by its shape alone, before anything is made of it."""
    check(name, "rows", shape[0] if shape else 1)
    check(name, "bytes", math.prod(shape) * item_bytes, "bytes in memory")


class Budget:
    """Counts what comes out of one packed file.

    Args:
        name: the file, for messages.
        packed: its bytes.
    """

    def __init__(self, name: str, packed: int) -> None:
        self._name = name
        self._files = 0
        self._total = 0
        self._most = max(ALWAYS_BYTES, packed * current().ratio)
        self._packed = packed

    def file(self, inner: str = "") -> None:
        """Count one file of an archive.

        Args:
            inner: its name, each folder of which is looked at again for those below it.

        Raises:
            OverLimit: one too many.
            BadData: a name that no disk takes.
        """
        if len(inner) > LONGEST_NAME:
            raise BadData(
                f"Files in '{self._name}' must have names of at most {LONGEST_NAME:,} characters",
                f"{len(inner):,}: {inner[:40]}…",
            )
        self._files += 1
        check(self._name, "files", self._files)

    def take(self, count: int) -> None:
        """Count bytes, of all files together.

        Raises:
            OverLimit: one too many.
        """
        self._total += count
        if self._total > self._most:
            raise OverLimit(
                f"'{self._name}' may unpack to at most {current().ratio:,} bytes for each of its "
                f"{self._packed:,}",
                f"{self._total:,} bytes or more",
                f"Raise '{SECTION}.ratio' in params.yaml if it may unpack to more",
            )

    def read(self, stream: IO[bytes]) -> bytes:
        """All bytes of a stream that unpacks a file.

        Raises:
            OverLimit: too many for one file, or for all together.
        """
        blocks, size = [], 0
        while block := stream.read(BLOCK_BYTES):
            size += len(block)
            check(self._name, "bytes", size)
            self.take(len(block))
            blocks.append(block)
        return b"".join(blocks)


def members(archive: zipfile.ZipFile, name: str, packed: int) -> list[zipfile.ZipInfo]:
    """The files of a zip, once they are few and small enough together.

    What an entry says of its size is an upper bound: Python's zipfile gives no byte more.

    Raises:
        OverLimit: too many files or bytes.
        BadData: one of them is encrypted.
    """
    budget = Budget(name, packed)
    found = [item for item in archive.infolist() if not item.is_dir()]
    for item in found:
        budget.file(item.filename)
        check(name, "bytes", item.file_size)
        budget.take(item.file_size)
        if item.flag_bits & 1:
            raise BadData(
                f"'{name}' must be an archive that anybody can open",
                f"'{item.filename}' is encrypted",
                "Unpack it and name the file inside",
            )
    return found


@contextmanager
def guarded(name: str, timed: bool = True) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into one line that names it.

    Memory and time are bounded meanwhile, where the system can.

    Args:
        name: the file, for messages.
        timed: whether what is inside is one file, and must end in time. Default: true.

    Raises:
        BadData: in the place of any error of a reader that is none of ours.
    """
    try:
        with bounded(current().memory), in_time(name) if timed else nullcontext():
            yield
    except ThroughlineError:
        raise
    except MemoryError:
        most = current().memory
        raise OverLimit(
            f"'{name}' must be read with at most {most:,} bytes of memory",
            remedy=f"Raise '{SECTION}.memory' in params.yaml if the machine has more",
        ) from None
    except RecursionError:
        raise BadData(f"'{name}' must hold values that are not nested so deeply") from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise BadData(f"'{name}' must be readable", _said(error)) from error
    except Exception as error:
        raise BadData(
            f"'{name}' must hold data that can be read", _said(error), "Mend it, or fetch it again"
        ) from error


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    return f"{type(error).__name__}: {error}"


@contextmanager
def in_time(name: str) -> Iterator[None]:
    """Let what is inside take `limits.seconds`: an alarm says so to Python.

    Raises:
        OverLimit: it takes longer.
    """
    with at_the_latest(name), _alarmed(name):
        yield


def at_the_latest(name: str) -> AbstractContextManager[object]:
    """End the process some seconds after `limits.seconds`.

    For code in C that does not return to Python, such as a parser or a driver of a database.
    """
    line = printable(str(_late(name)))

    def end() -> None:
        print(f"error: {line}", file=sys.stderr, flush=True)
        os._exit(MISTAKE)

    return watched(current().seconds + GRACE_SECONDS, end)


def _late(name: str) -> OverLimit:
    return OverLimit(
        f"'{name}' must be read within {current().seconds:,} seconds",
        remedy=f"Raise '{SECTION}.seconds' in params.yaml if it may take longer",
    )


@contextmanager
def _alarmed(name: str) -> Iterator[None]:
    """An alarm where there is none yet; only the main thread can have one."""
    seconds = current().seconds

    def late(*_: Any) -> None:
        raise _late(name)

    mine = threading.current_thread() is threading.main_thread()
    if not mine or not hasattr(signal, "setitimer"):
        yield
        return
    began = time.monotonic()
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    if 0 < left <= seconds:
        # Somebody's alarm comes first.
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    # Again and again: what catches the error and goes on is told once more.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            rest = left - (time.monotonic() - began)
            signal.setitimer(signal.ITIMER_REAL, max(rest, 0.001), interval)

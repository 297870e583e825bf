"""The bytes of files that a user gives, in bounds; compressed ones are told by their bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Any

from throughline.serving.errors import BadRequest

# What is inside may be so large, and so many times what it came in: a few bytes can hold terabytes.
MOST_BYTES, MOST_TIMES = 4 << 30, 1000
LEAST_BYTES = 64 << 20
# In the place of a file's name; and how a pipe is called that a shell has opened by `<(command)`.
STANDARD_INPUT = "-"
OPEN_ALREADY = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
BLOCK = 1 << 20
OPENERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"BZh": bz2.open,
}
SUFFIXES = (".gz", ".xz", ".bz2")
# Where each tar says that it is one.
TAR = slice(257, 262)
ZIP = b"PK\x03\x04"
ROWS = (".csv", ".tsv", ".tab", ".data", ".jsonl", ".ndjson", ".json", ".parquet")


def content_of(path: Path) -> bytes:
    """The bytes of a file; `-` is the standard input.

    Raises:
        BadRequest: no such file, a folder, a device, a pipe that nobody may fill, or too many
            bytes.
    """
    if str(path) == STANDARD_INPUT:
        return _bounded(sys.stdin.buffer, "standard input")
    try:
        mode = path.stat().st_mode
        if stat.S_ISFIFO(mode) and not str(path).startswith(OPEN_ALREADY):
            raise BadRequest(
                f"'{path}' must be a file. Received: a pipe. Give it as -, by < {path}."
            )
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            what = "a folder" if stat.S_ISDIR(mode) else "a device"
            raise BadRequest(f"'{path}' must be a file. Received: {what}.")
        with path.open("rb") as stream:
            return _bounded(stream, str(path), os.fstat(stream.fileno()).st_size)
    except FileNotFoundError:
        raise BadRequest(f"There is no file '{path}'.") from None
    except OSError as error:
        raise BadRequest(f"'{path}' must be a file that can be read: {error}.") from None


def _bounded(stream: IO[bytes], name: str, size: int = 0) -> bytes:
    """All that comes; Python sets aside what is asked for, so a file is asked for its own size."""
    blocks: list[bytes] = []
    held, asked = 0, max(size, BLOCK)
    while max(held, size) <= MOST_BYTES and (block := stream.read(asked)):
        blocks.append(block)
        held, asked = held + len(block), BLOCK
    if max(held, size) > MOST_BYTES:
        raise BadRequest(f"'{name}' must hold at most {MOST_BYTES:,} bytes. Received: more.")
    return b"".join(blocks)


def unpacked(content: bytes, name: str) -> tuple[bytes, str]:
    """The bytes inside gzip, xz, bzip2 or zip, and the name of what was inside.

    Args:
        content: of the file; what is not compressed stays as it is.
        name: of the file.

    Raises:
        BadRequest: a broken file, a tar, a zip of several files of rows, or one that holds too
            much.
    """
    if content.startswith(ZIP):
        return _member(content, name)
    opener = next((each for start, each in OPENERS.items() if content.startswith(start)), None)
    if opener is None:
        return _no_tar(content, name), name
    path = PurePosixPath(name)
    inner = path.stem if path.suffix.lower() in SUFFIXES else path.name
    try:
        with opener(io.BytesIO(content)) as stream:
            return _no_tar(_read(stream, name, len(content)), name), inner
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise BadRequest(f"'{name}' must be a sound compressed file: {error}.") from None


def _no_tar(content: bytes, name: str) -> bytes:
    if content[TAR] == b"ustar":
        raise BadRequest(
            f"'{name}' must hold one file of rows. Received: a tar. Unpack it and give one of its "
            "files."
        )
    return content


def _member(content: bytes, name: str) -> tuple[bytes, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [item.filename for item in archive.infolist() if not item.is_dir()]
            # What macOS adds beside every file.
            names = [each for each in names if not each.startswith("__MACOSX/")]
            rows = [each for each in names if each.lower().endswith(ROWS)] or names
            if len(rows) != 1:
                raise BadRequest(
                    f"'{name}' must hold one file of rows. Received: {len(rows)}. Unpack it and "
                    "give one of them; save a spreadsheet as CSV."
                )
            with archive.open(rows[0]) as stream:
                return _read(stream, name, len(content)), PurePosixPath(rows[0]).name
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise BadRequest(f"'{name}' must be a sound zip file: {error}.") from None


def _read(stream: IO[bytes], name: str, size: int) -> bytes:
    most = min(MOST_BYTES, max(LEAST_BYTES, MOST_TIMES * size))
    found = stream.read(most + 1)
    if len(found) > most:
        raise BadRequest(
            f"'{name}' holds more than {most:,} bytes, which no table of {size:,} compressed bytes "
            "does. Unpack it yourself if it is sound."
        )
    return found

"""Files of rows that came compressed, as the training takes them: told by their bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import IO, Any

from throughline.serving.errors import BadRequest

# What is inside may be so large, and so many times what it came in: a few bytes can hold terabytes.
MOST_BYTES, MOST_TIMES = 4 << 30, 1000
LEAST_BYTES = 64 << 20
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

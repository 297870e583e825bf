"""The one gate for files: the bytes that were hashed are the bytes that are parsed.

A file may be exchanged between two looks at it. What is small enough for a reader is read once, and
hashed where it then lies in memory; an archive of pictures is copied while it is hashed, into a
file without a name, and read there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from throughline.errors import BadData
from throughline.limits import BLOCK_BYTES, check, current

# In the place of a checksum that nobody knows yet.
UNKNOWN = "unknown"


class Taken(NamedTuple):
    """The bytes of a file, and their sha256."""

    content: bytes
    sha256: str


def taken(path: Path, sha256: str | None = None) -> Taken:
    """Read a file once.

    Args:
        path: the file.
        sha256: that it must have. Default: any.

    Raises:
        BadData: no regular file, or another checksum.
        OverLimit: more bytes than `limits.bytes`.
    """
    with _regular(path) as stream:
        # Python sets aside what is asked for, so no more than there is.
        size = os.fstat(stream.fileno()).st_size
        content = stream.read(min(size, current().bytes) + 1)
    check(str(path), "bytes", len(content))
    found = hashlib.sha256(content).hexdigest()
    refuse_other(str(path), sha256, found)
    return Taken(content, found)


@contextmanager
def opened(path: Path, sha256: str | None = None) -> Iterator[tuple[IO[bytes], int, str]]:
    """A private copy of a file, however large, with its size and sha256.

    Raises:
        BadData: no regular file, or another checksum.
    """
    digest = hashlib.sha256()
    with _regular(path) as stream, tempfile.TemporaryFile() as copy:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            copy.write(block)
        refuse_other(str(path), sha256, digest.hexdigest())
        size = copy.tell()
        copy.seek(0)
        yield copy, size, digest.hexdigest()


def copied(path: Path, target: Path, sha256: str | None) -> int:
    """Copy a file and make sure of the copy; returns its bytes.

    Raises:
        BadData: the copy has another checksum.
    """
    with _regular(path) as stream, target.open("wb") as copy:
        shutil.copyfileobj(stream, copy, BLOCK_BYTES)
    with target.open("rb") as copy:
        refuse_other(str(path), sha256, hashlib.file_digest(copy, "sha256").hexdigest())
    return target.stat().st_size


def refuse_other(name: str, wanted: str | None, found: str) -> None:
    """Refuse a file whose checksum is not the one in the pipeline file.

    Raises:
        BadData: names the file and both checksums.
    """
    if wanted not in (None, UNKNOWN, found):
        raise BadData(
            f"'{name}' must have sha256 {wanted}",
            found,
            "Look at what changed; if the new file is right, change its 'sha256'",
        )


def _regular(path: Path) -> IO[bytes]:
    """A file opened for reading; a device or a pipe would never end."""
    if not path.is_file():
        raise BadData(f"'{path}' must be a file", "something else")
    return path.open("rb")

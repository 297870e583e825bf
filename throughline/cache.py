"""The folder `.cache` of a project: what it keeps is for its owner alone, whatever the umask.

Downloads may hold what a password opened, logs and Prefect's database what a run was told.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from throughline.errors import ThroughlineError

# Below the repository, in a folder that git and DVC ignore.
CACHE = Path(".cache")


class NotYours(ThroughlineError, PermissionError):
    """A folder that is for its owner alone belongs to another account; the message names it."""


def private(folder: Path) -> Path:
    """A folder that other accounts cannot look into; made where there is none.

    Those between it and `.cache` are closed as well, which an older version left open.

    Raises:
        NotYours: it, or a folder above it, belongs to another account.
    """
    with owned(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in (folder, *_below_cache(folder)):
            each.chmod(0o700)
    return folder


def _below_cache(folder: Path) -> list[Path]:
    """The folders above, up to the `.cache` in which it lies; none where it lies elsewhere."""
    above = list(folder.parents)
    ends = [place for place, each in enumerate(above) if each.name == CACHE.name]
    found = above[: ends[0] + 1] if ends else []
    # The account's own, if it has a home, is no project's.
    own = Path(os.path.expanduser("~"), CACHE)  # noqa: PTH111 - Path's raises without a home
    return [each for each in found if each.absolute() != own]


def private_file(path: Path, mode: Literal["wb", "ab"]) -> IO[bytes]:
    """Open a file for writing that other accounts can neither read nor write."""
    return open(path, mode, opener=_own)


def _own(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    # Also one that was there before.
    os.fchmod(descriptor, 0o600)
    return descriptor


def store(path: Path, content: bytes) -> Path:
    """Write a file of the cache, whole or not at all."""
    private(path.parent)
    # Its own name, because two processes may write the same file.
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    with private_file(draft, "wb") as file:
        file.write(content)
    return draft.replace(path)


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Say whose a file or folder is where this account may not use it.

    Raises:
        NotYours: names it and its owner.
    """
    try:
        yield
    except PermissionError:
        raise NotYours(
            f"{path} must belong to the account that runs flows",
            _owner(path),
            "Work in a clone of your own",
        ) from None


def _owner(path: Path) -> str:
    """The account of a path, or of the nearest folder above it that there is."""
    for place in (path, *path.absolute().parents):
        try:
            number = place.stat().st_uid
        except OSError:
            continue
        try:
            return place.owner()
        except KeyError:
            # An account without an entry, as in a container.
            return f"user {number}"
    return "unknown"

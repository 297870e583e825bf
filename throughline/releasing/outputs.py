"""The files of a release's outputs: their digests, and where DVC's cache keeps them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from throughline.errors import BadData
from throughline.running.repository import repository

FOLDER = ".dir"
BLOCK_BYTES = 1 << 20


def cache_of(root: Path) -> Path:
    """The folder of DVC's cache that holds files by their digests."""
    with repository(root) as repo:
        return Path(repo.cache.local.path)


def cached(cache: Path, digest: str) -> Path:
    """Where DVC's cache keeps a file."""
    return cache / digest[:2] / digest[2:]


def files(cache: Path, outputs: Mapping[str, str]) -> dict[str, str]:
    """Every file of a stage's outputs with its digest.

    Args:
        cache: DVC's cache.
        outputs: paths with DVC's digests; that of a folder ends with `.dir`.

    Returns:
        Paths with digests. A folder whose listing is not in the cache stays one entry.

    Raises:
        BadData: a listing names a file outside its folder.
    """
    found: dict[str, str] = {}
    for output, digest in outputs.items():
        listing = cached(cache, digest)
        if digest.endswith(FOLDER) and listing.exists():
            entries = json.loads(listing.read_text(encoding="utf-8"))
            found |= {f"{output}/{_inside(entry['relpath'])}": entry["md5"] for entry in entries}
        else:
            found[output] = digest
    return found


def _inside(path: str) -> str:
    """A path of a folder's listing, which may come from a remote, once it leads nowhere else."""
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise BadData("The listing of a folder must name files inside it", path, "Fetch it again")
    return path


def digest_of(path: Path) -> str:
    """DVC's digest of a file, or of a folder: that of the listing of its files."""
    if not path.is_dir():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    inside = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    entries = [{"md5": digest_of(inside[name]), "relpath": name} for name in sorted(inside)]
    listing = json.dumps(entries, sort_keys=True).encode("utf-8")
    return hashlib.md5(listing, usedforsecurity=False).hexdigest() + FOLDER


def sha256(path: Path) -> str:
    """The digest of a file's bytes that a release's record names."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()

"""What a stage read when it last ran: the versions that git knows of its files and its code."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from throughline.processes import git_command
from throughline.stages.digests.code import FILE as CODE

# How many commits that touched a path are looked through for the version that last ran.
COMMITS = 50


@functools.cache
def code_of(root: Path, key: str, digest: str | None) -> dict[str, str] | None:
    """The digests of all modules when a stage's code had a digest, from git's newest versions."""
    commits = _git(root, "log", f"-n{COMMITS}", "--format=%H", "--", CODE.as_posix())
    for commit in (commits or b"").decode().split():
        # From this folder: the project may lie in a folder of the repository.
        content = _git(root, "show", f"{commit}:./{CODE.as_posix()}")
        known = json.loads(content) if content else {}
        kind, _, name = key.partition(".")
        if digest is not None and known.get(kind, {}).get(name) == digest:
            return dict(known["modules"])
    return None


def files_below(root: Path, path: Path) -> dict[str, bytes]:
    """The files of a dependency as they are, by their path in the repository."""
    start = root / path
    if start.is_file():
        return {path.as_posix(): start.read_bytes()}
    files = (file for file in sorted(start.rglob("*")) if file.is_file())
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in files
        if "__pycache__" not in file.parts and file.suffix != ".pyc"
    }


@functools.cache
def recorded_files(root: Path, path: Path, digest: str) -> dict[str, bytes] | None:
    """The version of a dependency with DVC's `digest`, from git's newest commits that touch it."""
    commits = _git(root, "log", f"-n{COMMITS}", "--format=%H", "--", path.as_posix())
    for commit in (commits or b"").decode().split():
        files = _committed(root, commit, path)
        if digest == _digest(files, path):
            return files
    return None


def _committed(root: Path, commit: str, path: Path) -> dict[str, bytes]:
    """The files below `path` in a commit."""
    tree = _git(root, "ls-tree", "-r", "-z", commit, "--", path.as_posix()) or b""
    entries = [entry.split(b"\t", 1) for entry in tree.split(b"\0") if entry]
    blobs = [(name.decode(), about.split()[2].decode()) for about, name in entries]
    wanted = "\n".join(blob for _, blob in blobs).encode()
    stream = _git(root, "cat-file", "--batch", given=wanted) or b""
    files, start = {}, 0
    for name, _ in blobs:
        # Each object follows a line "<id> <type> <size>" and is followed by a line end.
        end = stream.index(b"\n", start)
        size = int(stream[start:end].split()[2])
        files[name] = stream[end + 1 : end + 1 + size]
        start = end + 2 + size
    return files


def _digest(files: Mapping[str, bytes], path: Path) -> str:
    """DVC's digest of a file, or of a folder: that of its listing as JSON."""
    md5 = {
        name: hashlib.md5(content, usedforsecurity=False).hexdigest()
        for name, content in files.items()
    }
    if path.as_posix() in md5:
        return md5[path.as_posix()]
    listing = [
        {"md5": md5[name], "relpath": Path(name).relative_to(path).as_posix()}
        for name in sorted(md5)
    ]
    return hashlib.md5(json.dumps(listing).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _git(root: Path, *arguments: str, given: bytes | None = None) -> bytes | None:
    """What git answers, or None where there is no git or no repository."""
    try:
        done = subprocess.run(
            [*git_command(), *arguments], cwd=root, input=given, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout

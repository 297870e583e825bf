"""DVC's remote, for releases: what one names goes there, comes back, and every fault is a line."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from throughline.cache import CACHE, private
from throughline.errors import BadPipeline, ThroughlineError, listed
from throughline.paths import replaced
from throughline.releasing.outputs import FOLDER, cached
from throughline.running.private_dvc import (
    empty_store,
    pull_object,
    remote_store,
    transferred,
)
from throughline.running.repository import repository

# DVC's libraries log each file that fails, with a traceback.
LOGGERS = ("dvc", "dvc_data", "dvc_objects")


class NoRemote(ThroughlineError, ConnectionError):
    """DVC's remote is away, refuses, or lacks what it should hold; the message says which."""

    may_pass = True


@contextmanager
def answering(wanted: str) -> Iterator[None]:
    """Make one line of whatever a remote's client raises: botocore, paramiko, gcsfs, a full disk.

    Args:
        wanted: what the remote must do, such as "take the release's files".

    Raises:
        BadPipeline: no remote is set.
        NoRemote: anything else.
    """
    from dvc.config import NoRemoteError

    first = _FirstFault()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [first], False
    try:
        yield
    except NoRemoteError as error:
        raise BadPipeline(
            f"DVC's remote must {wanted}", "none is set", "`dvc remote add -d NAME URL`"
        ) from error
    except NoRemote as error:
        raise (NoRemote(f"DVC's remote must {wanted}", first.text) if first.text else error) from (
            first.error
        )
    except ThroughlineError:
        raise
    except Exception as error:
        raise NoRemote(
            f"DVC's remote must {wanted}",
            _one_line(error),
            "See `dvc remote list`: does it answer, do its credentials hold?",
        ) from error
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate


class _FirstFault(logging.Handler):
    """Keeps the first exception that is logged; the others follow from it."""

    error: BaseException | None = None

    @property
    def text(self) -> str:
        return _one_line(self.error) if self.error else ""

    def emit(self, record: logging.LogRecord) -> None:
        if self.error is None and record.exc_info:
            self.error = record.exc_info[1]


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def stores(root: Path) -> dict[str, Any]:
    """The cache and the remotes of a project, as configuration for another checkout of it."""
    with repository(root) as own:
        return {
            "cache": {"dir": own.cache.local.path.removesuffix("/files/md5")},
            "core": {"remote": own.config["core"].get("remote", "")},
            "remote": own.config["remote"],
        }


def push(root: Path, record: Mapping[str, Any]) -> int:
    """Send everything that a release's record names to DVC's remote, and prove that it is there.

    DVC's own `push` sends what the `dvc.lock` of now names: once a newer build exists, that is no
    longer what the release was made from. The proof fetches all into an empty folder.

    Args:
        root: the repository.
        record: of the release.

    Returns:
        How many files the release has.

    Raises:
        BadPipeline: no remote is set.
        NoRemote: it does not take, hold or return all files.
    """
    digests = {digest for outputs in record["stages"].values() for digest in outputs.values()}
    wanted = sorted(digests)
    private(root / CACHE)
    with (
        answering("take every file of the release and give it back"),
        repository(root) as repo,
        TemporaryDirectory(dir=root / CACHE) as empty,
    ):
        cache, remote = repo.cache.local, remote_store(repo)
        listings = [digest for digest in wanted if digest.endswith(FOLDER)]
        # In a clone that has pulled nothing, the remote's own must do.
        _sent(remote, cache, [each for each in listings if not cache.exists(each)])
        _sent(cache, remote, wanted, cache)
        fetched = empty_store(empty)
        _sent(remote, fetched, listings)
        _sent(remote, fetched, wanted, fetched)
        return _intact(Path(empty))


def _sent(source: Any, target: Any, wanted: Sequence[str], listings: Any = None) -> None:
    """Bring objects from one store of DVC's into another; see `transferred`.

    Raises:
        NoRemote: one of them is in neither, or was not taken.
    """
    lost = sorted(transferred(source, target, wanted, listings))
    if lost:
        raise NoRemote(
            "DVC's cache or remote must hold every file of the release",
            f"{len(lost)} missing: {listed(lost)}",
        )


def _intact(folder: Path) -> int:
    """The number of files in a store, once each has the digest that is its name.

    Raises:
        NoRemote: one has not.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        name = f"{path.parent.name}{path.name}"
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
        if found.hexdigest() != name.removesuffix(FOLDER):
            raise NoRemote("DVC's remote must return a file as it was sent", f"{name} is damaged")
    return len(files)


def fetch(root: Path, digest: str, target: Path) -> None:
    """Copy a file out of DVC's cache, or of its remote, by its digest.

    Raises:
        BadPipeline: there is no remote.
        NoRemote: it does not answer, or neither has the file.
    """
    with repository(root) as repo:
        cache = Path(repo.cache.local.path)
        if not cached(cache, digest).exists():
            with answering("hold the release's model"):
                pull_object(repo, digest)
                if not repo.cache.local.exists(digest):
                    raise NoRemote("DVC's remote must hold the release's model", digest)
    with replaced(target) as draft:
        shutil.copyfile(cached(cache, digest), draft)

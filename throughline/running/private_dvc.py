"""All that is used here of DVC and that DVC does not promise.

Of the rest the library takes `Repo`, `Stage`, `DVCFileSystem`, `main` and the exceptions alone.
tests/flows/test_private_dvc.py holds that, and says what broke after an update.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dvc.repo import Repo
    from dvc.stage import Stage

# --- what it reads ---


def replace_readers(
    check: Callable[[str, Any], None],
    loading: Callable[[Any], Any],
    resolving: Callable[[Any], Any],
) -> None:
    """Put our own gates around DVC's parsers; once in a process.

    Args:
        check: called with a text of YAML and its path, before DVC parses it.
        loading: wraps DVC's reading of a file of parameters or metrics.
        resolving: wraps what tells how many stages an entry of a `dvc.yaml` stands for.
    """
    import dvc.dependency.param
    import dvc.parsing
    import dvc.repo.metrics.show
    import dvc.utils.serialize
    from dvc.utils import strictyaml
    from dvc.utils.serialize import _yaml

    parse = _yaml.parse_yaml
    if getattr(parse, "is_bounded", False):
        return

    def parse_yaml(text: str, path: Any, typ: str = "safe") -> Any:
        check(text, path)
        return parse(text, path, typ)

    parse_yaml.is_bounded = True  # type: ignore[attr-defined]
    for module in (_yaml, dvc.utils.serialize, strictyaml):
        module.parse_yaml = parse_yaml
    load = loading(dvc.utils.serialize.load_path)
    for module in (dvc.utils.serialize, dvc.dependency.param, dvc.repo.metrics.show):
        module.load_path = load
    for kind, name in (
        (dvc.parsing.MatrixDefinition, "_resolve_matrix_data"),
        (dvc.parsing.ForeachDefinition, "_resolve_foreach_data"),
    ):
        setattr(kind, name, resolving(getattr(kind, name)))


def keep_errors() -> None:
    """Let `--quiet` hide DVC's remarks, but not why it stopped, such as another's lock."""
    import dvc.logger

    leave = dvc.logger.set_loggers_level
    dvc.logger.set_loggers_level = lambda level: leave(min(level, logging.ERROR))


def stages_of(repo: Repo, file: Path) -> dict[str, Stage]:
    """The stages of one `dvc.yaml` by name, without the graph of all others."""
    from dvc.dvcfile import load_file

    return dict(load_file(repo, str(file)).stages)


# --- its locks ---


def locked(repo: Repo) -> AbstractContextManager[Any]:
    """DVC's lock of the whole repository, for one call."""
    from dvc.repo import lock_repo

    held: AbstractContextManager[Any] = lock_repo(repo)
    return held


def files_locked(repo: Repo, stage: Stage, who: str) -> ExitStack:
    """Lock a stage's files as `dvc repro` does; DVC forgives the lock of a process that died."""
    from dvc.rwlock import rwlock

    stack = ExitStack()
    stack.enter_context(
        rwlock(
            repo.tmp_dir,
            repo.fs,
            who,
            [dependency.fs_path for dependency in stage.deps],
            [output.fs_path for output in stage.outs],
            _hardlinks(repo),
        )
    )
    return stack


def drop_broken_locks(repo: Repo) -> None:
    """Remove DVC's file of locks where a kill in the midst of its writing left half of it.

    DVC itself refuses to work until somebody deletes it.
    """
    from dvc import rwlock
    from dvc.lock import LockError

    broken = (rwlock.RWLockFileCorruptedError, rwlock.RWLockFileFormatError)
    # Another process that holds it at this moment can read it.
    with suppress(LockError):
        try:
            with rwlock._edit_rwlock(repo.tmp_dir, repo.fs, _hardlinks(repo)):
                pass
        except broken:
            Path(repo.tmp_dir, rwlock.RWLOCK_FILE).unlink(missing_ok=True)


def _hardlinks(repo: Repo) -> bool:
    return bool(repo.config["core"].get("hardlink_lock", False))


# --- its stores ---


def restored(repo: Repo, stage: Stage) -> bool:
    """Whether DVC's run cache held the outputs of an earlier run, which are in their places now."""
    from dvc.stage.cache import RunCacheNotFoundError

    try:
        repo.stage_cache.restore(stage)
    except RunCacheNotFoundError:
        return False
    return True


def remote_store(repo: Repo) -> Any:
    """The objects of the default remote."""
    return repo.cloud.get_remote_odb(None, "push")


def empty_store(folder: str) -> Any:
    """A store of objects in an empty folder of this machine."""
    from dvc_data.hashfile.db.local import LocalHashFileDB
    from dvc_objects.fs.local import localfs

    return LocalHashFileDB(localfs, folder, hash_name="md5")  # type: ignore[no-untyped-call]


def transferred(source: Any, target: Any, digests: Sequence[str], listings: Any = None) -> set[str]:
    """Bring objects from one store into another.

    Args:
        source: has them, unless the target has them already.
        target: gets a folder's listing after all that it lists, which DVC takes for granted.
        digests: of files and folders.
        listings: where the listings of folders are read. Default: nothing that they list is
            brought.

    Returns:
        The digests of what was in neither, or was not taken.
    """
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.transfer import transfer

    missing: set[HashInfo] = set()
    done = transfer(
        source,
        target,
        [HashInfo("md5", digest) for digest in digests],
        shallow=listings is None,
        cache_odb=listings,
        validate_status=lambda status: missing.update(status.missing),
    )
    return {str(each.value) for each in missing | done.failed}


def pull_object(repo: Repo, digest: str) -> None:
    """Bring one file from the remote into the cache."""
    from dvc_data.hashfile.hash_info import HashInfo

    repo.cloud.pull([HashInfo("md5", digest)])


def no_listing() -> type[Exception]:
    """What `DVCFileSystem` raises where neither cache nor remote has the listing of a folder."""
    from dvc_data.index.index import DataIndexDirError

    found: type[Exception] = DataIndexDirError
    return found

"""What DVC knows of a stage: whether it changed, and recording that it ran."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, ThroughlineError
from throughline.paths import BEGIN
from throughline.running.graph import Node, address, keeps_code, selected
from throughline.running.private_dvc import (
    drop_broken_locks,
    files_locked,
    locked,
    restored,
    stages_of,
)
from throughline.running.repository import repository

if TYPE_CHECKING:
    from dvc.stage import Stage

PAUSE_SECONDS = 1.0


class ChangedMeanwhile(ThroughlineError):
    """A file that a stage read changed while it ran; run the flow again."""

    may_pass = True


@dataclass
class Begun:
    """A stage that is about to run, the digests of what it will read, the locks held for it."""

    stage: Stage
    digests: dict[str, Any]
    locks: ExitStack = field(repr=False)


class Recorder:
    """DVC's repository for several threads.

    DVC's own lock is held only for the moment of each call, so that `dvc` in another terminal can
    work too; the files of a running stage are locked as `dvc repro` locks them.

    Args:
        root: the repository; also the process's own folder, from which DVC reads some paths.
        spent: receives the seconds of each call, for the ledger.

    Raises:
        BadPipeline: `root` is no DVC repository.
    """

    def __init__(self, root: Path, spent: Callable[[float], None] = lambda seconds: None) -> None:
        from dvc.exceptions import NotDvcRepoError

        try:
            self._repo = repository(root, _wait_for_lock=True)
        except NotDvcRepoError as error:
            raise BadPipeline(f"DVC must be able to work: {error}", remedy=BEGIN) from error
        drop_broken_locks(self._repo)
        self._root = root.resolve()
        self._guard = threading.Lock()
        self._spent = spent
        self._known: dict[str, Stage] = {}
        self._read: dict[str, Any] = {}

    def close(self) -> None:
        """Release DVC's databases."""
        self._repo.close()

    def nodes(self, names: Sequence[str]) -> list[Node]:
        """The stages of some pipelines in the order of their run; see `selected`."""
        with self._locked():
            nodes = selected(self._repo, names)
            # DVC forgets its graph with every lock.
            self._known = {address(stage): stage for stage in self._repo.index.graph}
            self._read = {node.file: self._versions(node.file) for node in nodes}
            return nodes

    def record_code(self) -> None:
        """Note in `dvc.lock` the digests of the code as they are now, as `dvc repro` does."""
        with self._locked():
            for stage in self._known.values():
                if keeps_code(stage) and stage.outs[0].status():
                    _save(stage)

    def changed(self, nodes: Sequence[Node]) -> set[str]:
        """The addresses of the stages that are not up to date, or that another process runs."""
        from dvc.lock import LockError

        found = set()
        with self._locked():
            stages = self._stages({node.file for node in nodes})
            for node in nodes:
                try:
                    unchanged = not stages[node.address].status()
                except LockError:
                    unchanged = False
                if not unchanged:
                    found.add(node.address)
        return found

    def _stages(self, files: set[str]) -> dict[str, Stage]:
        """The stages of some files by address.

        Reading a file takes longer than looking whether its stages changed, so those that are as
        they were when the graph was made are not read again.
        """
        stages = dict(self._known)
        for file in files:
            if self._versions(file) != self._read.get(file):
                loaded = stages_of(self._repo, self._root / file)
                stages |= {f"{file}:{name}": stage for name, stage in loaded.items()}
        return stages

    def _versions(self, file: str) -> list[tuple[int, int] | None]:
        """What tells one version of a `dvc.yaml` and its `dvc.lock` from another."""
        path = self._root / file
        return [_version(each) for each in (path, path.with_suffix(".lock"))]

    def begin(self, node: Node, waiting: Callable[[], None], force: bool = False) -> Begun | str:
        """Make a stage ready to run; waits while another process works on its files.

        Args:
            node: the stage.
            waiting: called once when another process holds the files.
            force: run it even if nothing changed. Default: false.

        Returns:
            `Begun`, or a word when there is nothing to do: `unchanged`, or `restored` when DVC's
            run cache holds the outputs of an earlier run on the same inputs.
        """
        from dvc.lock import LockError

        announced = False
        while True:
            try:
                with self._locked():
                    return self._begun(node, force)
            except LockError:
                if not announced:
                    waiting()
                    announced = True
                time.sleep(PAUSE_SECONDS)

    def _begun(self, node: Node, force: bool) -> Begun | str:
        stage = self._stage(node)
        if not force and not stage.status():
            return "unchanged"
        # As `dvc repro` does: a stage that forgets an output must not keep the one of before.
        stage.remove_outs(ignore_remove=False, force=False)
        if not force and restored(self._repo, stage):
            _save(stage)
            return "restored"
        # Only now: with fresh digests the cache takes any stage for one that is up to date.
        stage.save_deps()
        locks = files_locked(self._repo, stage, f"throughline flow: {node.label}")
        return Begun(stage, _digests(stage), locks)

    def end(self, node: Node, begun: Begun, record: bool) -> None:
        """Release a stage's files and, when it went well, record it in `dvc.lock`.

        Raises:
            ChangedMeanwhile: a file that the stage read changed since it began. It is not
                recorded: the lock would say that the outputs came from the new file.
        """
        with self._locked():
            begun.locks.close()
            if not record:
                return
            stage = begun.stage
            stage.save_deps()
            moved = [name for name, old in begun.digests.items() if _digests(stage)[name] != old]
            if moved:
                raise ChangedMeanwhile(
                    f"{', '.join(moved)} must stay as it is while {node.label} runs",
                    remedy="Run again",
                )
            _save(stage)

    def _stage(self, node: Node) -> Stage:
        return self._repo.stage.load_one(str(self._root / node.file), node.stage)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._guard:
            start = time.perf_counter()
            try:
                with locked(self._repo):
                    yield
            finally:
                self._spent(time.perf_counter() - start)


def _version(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino


def _save(stage: Stage) -> None:
    """Record a stage that ran, as the last steps of `dvc repro` and `dvc commit` do."""
    stage.save()
    stage.commit()
    stage.dump(update_pipeline=False)


def _digests(stage: Stage) -> dict[str, Any]:
    return {dependency.def_path: dependency.hash_info.value for dependency in stage.deps}

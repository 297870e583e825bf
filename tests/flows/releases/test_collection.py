"""`dvc gc`, as the docs say it, keeps the releases of all branches, clones and loose commits."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from dvc.repo import Repo

from tests.flows.shop import PROJECT, commit, git, write
from throughline.releasing.outputs import cache_of, cached, digest_of

COMMAND = re.compile(r"`(git fetch [^`]*?) && (dvc gc [^`]*?)`")


def documented() -> list[list[str]]:
    """The commands of docs/operations.md."""
    found = COMMAND.search((PROJECT / "docs/operations.md").read_text(encoding="utf-8"))
    assert found is not None
    return [shlex.split(command) for command in found.groups()]


def built(root: Path, content: str) -> str:
    """The digest of a model that DVC's cache and remote hold."""
    write(root / "model.onnx", content)
    with Repo(str(root)) as repo:
        repo.add([str(root / "model.onnx")])
        repo.push()
    return digest_of(root / "model.onnx")


def released(root: Path, version: str) -> str:
    """The same, committed and tagged as releases are."""
    digest = built(root, version)
    commit(root, version)
    git(root, "tag", "--annotate", "--message", version, f"tea@{version}")
    return digest


def somebody(root: Path) -> None:
    git(root, "config", "user.email", "tester@localhost")
    git(root, "config", "user.name", "Tester")


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Path, Path]:
    """Two clones of a project with one release, and a folder as DVC's remote."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote")
    one, two = tmp_path / "one", tmp_path / "two"
    git(tmp_path, "clone", "-q", "remote", "one")
    git(one, "checkout", "-qb", "main")
    somebody(one)
    with Repo.init(str(one)) as repo, repo.config.edit() as config:
        config["remote"]["store"] = {"url": str(tmp_path / "store")}
        config["core"]["remote"] = "store"
    commit(one, "A project")
    git(one, "push", "-q", "-u", "origin", "main")
    git(tmp_path, "clone", "-q", "remote", "two")
    somebody(two)
    return one, two


def test_keeps_what_a_tag_or_a_branch_needs_and_drops_the_rest(
    clones: tuple[Path, Path], run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = clones
    kept = [released(one, "v1"), built(one, "the newest of main")]
    commit(one, "A build that is no release")
    # Another person's: one on a branch that goes on, one on a branch of no name.
    monkeypatch.chdir(two)
    git(two, "checkout", "-qb", "other")
    kept += [released(two, "v2"), built(two, "the newest of other")]
    commit(two, "A build")
    git(two, "push", "-q", "-u", "origin", "other", "tea@v2")
    git(two, "checkout", "-q", "--detach", "origin/main")
    kept.append(released(two, "v3"))
    git(two, "push", "-q", "origin", "tea@v3")

    monkeypatch.chdir(one)
    tried = built(one, "never committed")
    git(one, "checkout", "-q", "model.onnx.dvc")
    run(one, "dvc", "checkout", "-q")
    # The other's branch is checked out here, too; that of no name is nowhere but in its tag.
    git(one, "fetch", "-q", "origin", "other:other")
    fetch, collect = documented()
    run(one, *fetch)
    run(one, *collect, "--force")
    store = one.parent / "store/files/md5"
    assert [digest for digest in kept if not cached(store, digest).exists()] == []
    assert not cached(store, tried).exists()
    # Of its own cache, what this clone made.
    own = cache_of(one)
    assert all(cached(own, digest).exists() for digest in kept[:2])
    assert not cached(own, tried).exists()

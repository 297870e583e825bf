"""Whatever fails in a release, the champion, its record, the commit and the tags stay."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flows.shop import git, write
from throughline.errors import BadPipeline, ThroughlineError
from throughline.releasing import promotion, releases
from throughline.releasing.git import GitRefused
from throughline.releasing.promotion import champion_file, created, rolled_back, settle

NAME = "tea"
FULL = OSError(errno.ENOSPC, "No space left on device")
Break = Callable[[Path, pytest.MonkeyPatch], None]


def record(root: Path, name: str, verdict: object) -> dict[str, Any]:
    """A release's record, as far as its making reads it."""
    del verdict
    digest = hashlib.sha256((root / "models/tea/model.onnx").read_bytes()).hexdigest()
    path = "models/tea/model.onnx"
    return {
        "pipeline": name,
        "version": releases._next(root, name),
        "model": {"path": path, "sha256": digest},
        "stages": {"export": {path: digest}},
    }


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with the release `tea@v1` and another model; DVC's part is a folder."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setattr(promotion, "why", lambda *_, **__: "")
    monkeypatch.setattr(promotion, "answers_raw_rows", lambda *_: None)
    monkeypatch.setattr(releases, "record", record)
    monkeypatch.setattr(promotion, "fetch", lambda root, digest, target: shutil.copy(
        root / "cache" / digest, target
    ))  # fmt: skip
    root = tmp_path / "project"
    write(root / ".gitignore", "/models/\n/cache/\n/.cache/\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.email", "tester@localhost")
    git(root, "config", "user.name", "Tester")
    git(root, "add", ".")
    git(root, "commit", "-qm", "A project")
    model(root, "first")
    created(root, NAME)
    model(root, "second")
    return root


def model(root: Path, content: str) -> None:
    """What the pipeline's export wrote, also in the cache."""
    write(root / "models/tea/model.onnx", content)
    write(root / "cache" / hashlib.sha256(content.encode()).hexdigest(), content)


def state(root: Path) -> dict[str, Any]:
    """Everything a release changes."""
    folder = root / "releases/tea"
    return {
        "records": {path.name: path.read_text() for path in folder.iterdir()},
        "champion": champion_file(root, NAME).read_text(),
        "head": git(root, "rev-parse", "HEAD"),
        "status": git(root, "status", "--porcelain"),
        "tags": git(root, "tag").split(),
    }


def hook(root: Path, name: str, script: str) -> None:
    """A hook of git."""
    write(root / ".git/hooks" / name, f"#!/bin/sh\n{script}\n")
    (root / ".git/hooks" / name).chmod(0o755)


def no_identity(root: Path, _: pytest.MonkeyPatch) -> None:
    git(root, "config", "user.useConfigOnly", "true")
    git(root, "config", "--unset", "user.email")


def hook_refuses(root: Path, _: pytest.MonkeyPatch) -> None:
    hook(root, "pre-commit", "echo too long a line >&2; exit 1")


def silent_hook(root: Path, _: pytest.MonkeyPatch) -> None:
    hook(root, "commit-msg", "exit 3")


def first_tag(root: Path, _: pytest.MonkeyPatch) -> None:
    hook(root, "reference-transaction", "! grep -q refs/tags/tea@")


def second_tag(root: Path, _: pytest.MonkeyPatch) -> None:
    hook(root, "reference-transaction", "! grep -q 'refs/tags/pipelines/tea=model@v2'")


def full_at_the_model(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion.shutil, "copyfile", failing)


def full_at_the_record(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "write", failing)


def full_at_the_crown(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "crown", failing)


def last_renaming(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.name == ".champion.onnx.draft":
            raise PermissionError(errno.EACCES, "Permission denied")
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)


def failing(*_: object) -> None:
    raise FULL


OF_GIT = [hook_refuses, silent_hook, first_tag, second_tag]
OF_FILES = [full_at_the_model, full_at_the_record, full_at_the_crown, last_renaming]


class TestWhateverFails:
    @pytest.mark.parametrize("breaks", [no_identity, *OF_GIT, *OF_FILES])
    def test_in_a_release_all_is_as_before_and_the_next_ends_well(
        self, root: Path, breaks: Break
    ) -> None:
        before = state(root)
        with pytest.MonkeyPatch.context() as patch:
            breaks(root, patch)
            with pytest.raises((ThroughlineError, OSError)) as refusal:
                created(root, NAME)
            if isinstance(refusal.value, GitRefused):
                assert "\n" not in str(refusal.value)
            assert state(root) == before
        shutil.rmtree(root / ".git/hooks")
        git(root, "config", "user.email", "tester@localhost")
        assert created(root, NAME) == "tea@v2"
        assert champion_file(root, NAME).read_text() == "second"
        assert git(root, "status", "--porcelain") == ""

    @pytest.mark.parametrize("breaks", [hook_refuses, full_at_the_crown, last_renaming])
    def test_in_a_rollback(
        self, root: Path, breaks: Break, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        created(root, NAME)
        before = state(root)
        breaks(root, monkeypatch)
        with pytest.raises((ThroughlineError, OSError)):
            rolled_back(root, "tea@v1")
        assert state(root) == before

    def test_in_the_first_release_there_is_no_champion(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            releases, "record", lambda *given: record(*given) | {"pipeline": "mint"}
        )
        write(root / "models/mint/model.onnx", "second")
        hook_refuses(root, monkeypatch)
        with pytest.raises(GitRefused, match="too long a line"):
            created(root, "mint")
        assert not any((root / "releases/mint").iterdir())
        assert not champion_file(root, "mint").exists()

    def test_somebody_elses_commit_is_not_taken_back(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def tag(*_: object) -> None:
            git(root, "commit", "-q", "--allow-empty", "-m", "Something else")
            raise FULL

        monkeypatch.setattr(promotion, "_tag", tag)
        with pytest.raises(OSError, match="No space"):
            created(root, NAME)
        assert git(root, "log", "-1", "--format=%s") == "Something else"
        assert releases.champion(root, NAME) == "v1"

    def test_who_commits_is_asked_before_anything_is_done(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        no_identity(root, monkeypatch)
        monkeypatch.setattr(promotion, "why", lambda *_, **__: pytest.fail("work was begun"))
        with pytest.raises(GitRefused, match=r"git config user\.name"):
            created(root, NAME)


class TestUpToDate:
    @pytest.mark.parametrize(
        ("told", "released"),
        [
            ("green-tea train would rerun:\n  its command changed", True),
            ("green-tea train would rerun:\nAfter it, ...: green-tea export, scoreboard.", True),
            ("tea train would rerun:\n  its command changed", False),
            (
                "code would rerun:\nAfter it, where its outputs differ: scoreboard, tea export.",
                False,
            ),
            ("code would rerun:\nAfter it, where its outputs differ: tea export.", False),
        ],
    )
    def test_another_pipeline_does_not_stand_in_the_way(
        self, root: Path, told: str, released: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(promotion, "why", lambda *_, **__: told)
        if released:
            assert created(root, NAME) == "tea@v2"
        else:
            with pytest.raises(BadPipeline, match="up to date"):
                created(root, NAME)


class TestKilled:
    """A kill leaves what was done; nothing undoes it but the next release."""

    @pytest.mark.parametrize(
        ("step", "champion"), [("crown", "v1"), ("_commit", "v2"), ("_tag", "v2")]
    )
    def test_the_next_finishes_or_drops_what_was_begun(
        self, root: Path, step: str, champion: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            pass

        def kill(*_: object) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(releases if step == "crown" else promotion, step, kill)
            patch.setattr(promotion, "settle", lambda *_: None)
            patch.setattr(promotion, "all_or_nothing", lambda *_: nothing_undone())
            with pytest.raises(Killed):
                created(root, NAME)
        assert champion_file(root, NAME).read_text() == "first"
        settle(root, NAME)
        assert releases.champion(root, NAME) == champion
        content = {"v1": "first", "v2": "second"}[champion]
        assert champion_file(root, NAME).read_text() == content
        assert git(root, "status", "--porcelain") == ""
        assert (root / "releases/tea/v2.yaml").exists() == (champion == "v2")
        assert ("tea@v2" in git(root, "tag").split()) == (champion == "v2")


def nothing_undone() -> Any:
    from contextlib import nullcontext

    return nullcontext()

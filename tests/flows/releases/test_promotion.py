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
from throughline.releasing import promotion, recording, releases
from throughline.releasing.git import GitRefused
from throughline.releasing.promotion import awaited, champion_file, created, settle
from throughline.releasing.sharing import NotShared, prove, share
from throughline.releasing.stages.approval import approved
from throughline.releasing.stages.moving import promoted, rolled_back
from throughline.releasing.stages.standing import standing_versions

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
        "version": recording.next_version(root, name),
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
    monkeypatch.setattr(recording, "record", record)
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
        assert standing_versions(root, NAME) == {"production": "v2"}
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
            recording, "record", lambda *given: record(*given) | {"pipeline": "mint"}
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
        ("step", "champion"),
        [("crown", "v1"), ("commit_records", "v2"), ("_tag", "v2"), ("assign_champion", "v2")],
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
        assert standing_versions(root, NAME) == {"production": champion}


@pytest.fixture
def shared(root: Path) -> Path:
    """The project with a git remote beside it; DVC's is no matter here."""
    git(root.parent, "init", "-q", "--bare", "remote")
    git(root, "remote", "add", "origin", str(root.parent / "remote"))
    git(root, "push", "-q", "origin", "main", "tea@v1")
    return root


@pytest.fixture
def nothing_sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Versions whose data and models went to DVC's remote, which takes all."""
    sent: list[str] = []
    monkeypatch.setattr(promotion, "push", lambda _, record: sent.append(record["version"]))
    return sent


class TestWaiting:
    """Where production asks for more, a release leaves the champion."""

    @pytest.fixture(autouse=True)
    def _asked(self, root: Path) -> None:
        write(root / "params.yaml", "stages: {production: {approval: true}}\n")
        git(root, "add", "params.yaml")
        git(root, "commit", "-qm", "Two people")

    def test_until_somebody_promotes_it(self, root: Path) -> None:
        assert created(root, NAME) == "tea@v2"
        assert awaited(root, "tea@v2") == "; production wants another person's approval"
        assert releases.champion(root, NAME) == "v1"
        assert champion_file(root, NAME).read_text() == "first"
        assert standing_versions(root, NAME) == {"production": "v1"}
        assert releases.versions(root, NAME) == ["v1", "v2"]
        with pytest.raises(BadPipeline, match="not yet released"):
            created(root, NAME)
        settle(root, NAME)
        assert releases.champion(root, NAME) == "v1"
        git(root, "config", "user.email", "second@localhost")
        approved(root, "tea@v2", "production")
        promoted(root, "tea@v2", "production")
        assert champion_file(root, NAME).read_text() == "second"
        assert awaited(root, "tea@v2") == ""

    def test_also_the_first_release_of_all(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            recording, "record", lambda *given: record(*given) | {"pipeline": "mint"}
        )
        write(root / "models/mint/model.onnx", "second")
        assert created(root, "mint") == "mint@v1"
        assert releases.champion(root, "mint") is None
        settle(root, "mint")
        assert releases.versions(root, "mint") == ["v1"]
        assert not champion_file(root, "mint").exists()

    @pytest.mark.parametrize("step", ["commit_records", "_tag"])
    def test_one_that_was_killed_is_ended(
        self, root: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(promotion, step, failing)
            patch.setattr(promotion, "settle", lambda *_: None)
            patch.setattr(promotion, "all_or_nothing", lambda *_: nothing_undone())
            with pytest.raises(OSError, match="No space"):
                created(root, NAME)
        settle(root, NAME)
        assert "tea@v2" in git(root, "tag").split()
        assert releases.champion(root, NAME) == "v1"
        assert git(root, "status", "--porcelain") == ""


def another_clone(root: Path) -> Path:
    """Another person's clone of what the remote has."""
    other = root.parent / "other"
    git(root.parent, "clone", "-q", "-b", "main", "remote", "other")
    git(other, "config", "user.email", "other@localhost")
    git(other, "config", "user.name", "Other")
    return other


class TestPushed:
    def test_commits_and_tags_go_with_the_data(self, shared: Path, nothing_sent: list[str]) -> None:
        assert created(shared, NAME, pushed=True) == "tea@v2"
        assert nothing_sent == ["v2"]
        there = git(shared.parent / "remote", "show-ref").split()
        here = git(shared, "show-ref").split()
        assert {"refs/tags/tea@v2", "refs/tags/pipelines/tea=model#production#2"} <= {*there}
        assert git(shared, "rev-parse", "HEAD") in there
        assert {*there} <= {*here}

    def test_what_git_refuses_takes_the_release_back(
        self, shared: Path, nothing_sent: list[str]
    ) -> None:
        """Somebody else has pushed a commit meanwhile."""
        other = another_clone(shared)
        git(other, "commit", "-q", "--allow-empty", "-m", "Meanwhile")
        git(other, "push", "-q")
        before, theirs = state(shared), git(other, "ls-remote", "origin")
        with pytest.raises(GitRefused, match="push must succeed"):
            created(shared, NAME, pushed=True)
        assert state(shared) == before
        assert git(other, "ls-remote", "origin") == theirs
        git(shared, "pull", "-q", "--rebase", "origin", "main")
        assert created(shared, NAME, pushed=True) == "tea@v2"

    def test_a_version_that_another_clone_gave_is_not_given_again(
        self, shared: Path, nothing_sent: list[str]
    ) -> None:
        other = another_clone(shared)
        for tag in ("tea@v2", "tea@v3"):
            git(other, "tag", "-a", "-m", "theirs", tag)
        git(other, "push", "-q", "origin", "tea@v2", "tea@v3")
        assert created(shared, NAME, pushed=True) == "tea@v4"

    def test_the_same_version_of_two_models_is_told(
        self, shared: Path, nothing_sent: list[str]
    ) -> None:
        other = another_clone(shared)
        git(other, "tag", "-a", "-m", "theirs", "tea@v2")
        git(other, "push", "-q", "origin", "tea@v2")
        created(shared, NAME)
        model(shared, "third")
        before = state(shared)
        with pytest.raises(NotShared, match=r"tea@v2 must mean the same here and on origin"):
            created(shared, NAME, pushed=True)
        assert state(shared) == before

    def test_without_a_branch_the_tags_bring_the_commits(
        self, shared: Path, nothing_sent: list[str]
    ) -> None:
        git(shared, "checkout", "-q", "--detach")
        created(shared, NAME, pushed=True)
        there = git(shared.parent / "remote", "show-ref")
        assert "refs/tags/tea@v2" in there and "HEAD" not in there

    def test_what_comes_back_otherwise_is_noticed(self, shared: Path) -> None:
        created(shared, NAME)
        share(shared, NAME)
        remote = shared.parent / "remote"
        git(remote, "update-ref", "refs/tags/tea@v2", git(remote, "rev-parse", "tea@v1"))
        with pytest.raises(NotShared, match="tea@v2"):
            prove(shared, NAME)

    def test_without_a_remote_all_stays_here(self, root: Path, nothing_sent: list[str]) -> None:
        assert created(root, NAME, pushed=True) == "tea@v2"
        assert "stay here" in share(root, NAME)


def nothing_undone() -> Any:
    from contextlib import nullcontext

    return nullcontext()

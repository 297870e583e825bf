"""Releases leave this machine: remotes, fresh clones, rebuilding, garbage collection."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flows import shop
from tests.flows.conftest import BUCKET
from throughline.cli import main
from throughline.errors import BadPipeline
from throughline.paths import Workspace
from throughline.releasing import releases
from throughline.releasing.outputs import cache_of, cached, sha256
from throughline.releasing.promotion import champion_file, created, settle
from throughline.releasing.reproducing.reproduce import reproduced, worst

# The first test builds the shop, and may wait for another process that builds it.
pytestmark = pytest.mark.timeout(900)
Run = Callable[..., str]


@pytest.fixture
def released(built: Path) -> Path:
    """The shop with its first release."""
    created(built, shop.NAME)
    return built


@pytest.fixture
def folder_remote(released: Path, run: Run) -> Path:
    """The released shop with a folder as DVC's remote, everything pushed."""
    run(released, "dvc", "remote", "add", "-q", "-d", "store", str(released.parent / "store"))
    shop.commit(released, "A remote")
    run(released, "dvc", "push", "-q")
    return released


def clone(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh clone with nothing but what git holds; the folder that commands run in."""
    other = root.parent / "clone"
    run(root.parent, "git", "clone", "-q", str(root), str(other))
    shop.git(other, "config", "user.email", "tester@localhost")
    shop.git(other, "config", "user.name", "Tester")
    monkeypatch.chdir(other)
    return other


def older_and_newer(root: Path, run: Run) -> None:
    """Make a second release."""
    shop.another_model(root)
    run(root, "dvc", "repro", "-q", "pipelines/shop/dvc.yaml:evaluate")
    shop.commit(root, "Another model")
    assert created(root, shop.NAME) == "shop@v2"


class TestAFolderAsRemote:
    def test_a_fresh_clone_gets_the_release_by_every_way_dvc_has(
        self, folder_remote: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digest = releases.read(folder_remote, shop.NAME, "v1")["model"]["sha256"]
        other = clone(folder_remote, run, monkeypatch)
        run(other, "dvc", "pull", "-q", "models/shop/model.onnx")
        assert sha256(Workspace(other, shop.NAME).model) == digest

        name = "pipelines/shop:model"
        run(other, "dvc", "artifacts", "get", ".", name, "--rev", "v1.0.0", "-o", "a.onnx")
        assert sha256(other / "a.onnx") == digest
        run(other, "dvc", "get", ".", "models/shop/model.onnx", "--rev", "shop@v1", "-o", "b.onnx")
        assert sha256(other / "b.onnx") == digest

        settle(other, shop.NAME)
        assert sha256(champion_file(other, shop.NAME)) == digest

    @pytest.mark.slow
    def test_repro_pull_runs_nothing_that_the_remote_holds(
        self, folder_remote: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = clone(folder_remote, run, monkeypatch)
        before = (other / "pipelines/shop/dvc.lock").read_text()
        told = run(other, "dvc", "repro", "--pull", "pipelines/shop/dvc.yaml")
        # Which code is installed DVC cannot see: the stage that looks runs each time.
        ran = [line for line in told.splitlines() if line.startswith("Running stage")]
        assert ran == ["Running stage 'code':"]
        assert (other / "pipelines/shop/dvc.lock").read_text() == before
        # The source is a file of the first machine, which neither git nor DVC keeps.
        status = run(other, "dvc", "status", "pipelines/shop/dvc.yaml")
        stage, told = "pipelines/shop/dvc.yaml:ingest:", "changed deps: deleted: feed/shop.csv"
        assert status.split() == [stage, *told.split()]

    def test_without_a_remote_the_missing_model_is_named(
        self, released: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = clone(released, run, monkeypatch)
        with pytest.raises(BadPipeline, match="dvc remote add"):
            settle(other, shop.NAME)


class TestGarbageCollection:
    @pytest.mark.slow
    def test_keeps_all_releases_and_drops_the_rest(self, folder_remote: Path, run: Run) -> None:
        older_and_newer(folder_remote, run)
        run(folder_remote, "dvc", "push", "-q")
        kept = {
            digest
            for version in ("v1", "v2")
            for outputs in releases.read(folder_remote, shop.NAME, version)["stages"].values()
            for digest in outputs.values()
        }
        # A model that was tried and never released.
        file = folder_remote / "pipelines/shop/pipeline.yaml"
        before = file.read_text()
        file.write_text(before.replace("Is it bought?", "Never released"))
        run(folder_remote, "dvc", "repro", "-q", "pipelines/shop/dvc.yaml:export")
        run(folder_remote, "dvc", "push", "-q")
        lock = folder_remote / "pipelines/shop/dvc.lock"
        tried = releases.outputs(lock)["export"]["models/shop/model.onnx"]
        file.write_text(before)
        run(folder_remote, "git", "checkout", "-q", "pipelines")
        run(folder_remote, "dvc", "checkout", "-q", "--force")

        stores = [cache_of(folder_remote), folder_remote.parent / "store/files/md5"]
        assert all(cached(store, tried).exists() for store in stores)
        run(folder_remote, "dvc", "gc", "--workspace", "--all-tags", "--cloud", "--force", "-q")
        for store in stores:
            assert not cached(store, tried).exists()
            assert [digest for digest in kept if not cached(store, digest).exists()] == []


class TestReproduce:
    def test_the_older_release_in_a_fresh_clone(
        self, folder_remote: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        older_and_newer(folder_remote, run)
        run(folder_remote, "dvc", "push", "-q")
        other = clone(folder_remote, run, monkeypatch)
        found = reproduced(other, "shop@v1")
        told = capsys.readouterr().out
        assert worst(found) == "identical"
        assert "model.onnx: sha256 equal" in told
        stages = {finding.stage for finding in found}
        assert stages == {"validate", "prepare", "cross_validate", "train", "export", "evaluate"}
        assert any(finding.path.endswith("network.weights.h5") for finding in found)
        assert not (other / ".cache/reproduce/shop-v1").exists()

    def test_another_source_is_found_out_from_scratch(
        self, released: Path, run: Run, capsys: Any
    ) -> None:
        """The worktree has no feed: the source must be named, not replaced by what is there."""
        assert main(["reproduce", "shop@v1", "--from-scratch"]) == 2
        assert "Stage 'ingest' of the release must run" in capsys.readouterr().err

    def test_without_the_raw_data_the_way_out_is_named(
        self, released: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = clone(released, run, monkeypatch)
        with pytest.raises(BadPipeline, match="--from-scratch"):
            reproduced(other, "shop@v1")


@pytest.fixture
def nested(built: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built shop as a project in a folder of a repository that holds other things, too."""
    root = built.parent / "firm" / "projects" / "shop"
    root.parent.mkdir(parents=True)
    shutil.move(built, root)
    shutil.rmtree(root / ".git")
    firm = root.parents[1]
    run(firm, "git", "init", "-q", "-b", "main")
    shop.git(firm, "config", "user.email", "tester@localhost")
    shop.git(firm, "config", "user.name", "Tester")
    shop.commit(firm, "A firm with a shop")
    monkeypatch.chdir(root)
    return root


class TestAProjectInAFolderOfARepository:
    def test_is_released_got_and_rebuilt(self, nested: Path, run: Run, capsys: Any) -> None:
        assert created(nested, shop.NAME) == "shop@v1"
        assert shop.git(nested, "tag").split() == [
            "projects/shop/pipelines/shop=model#production#1",
            "projects/shop/pipelines/shop=model@v1.0.0",
            "projects/shop/shop@v1",
        ]
        run(nested, "dvc", "remote", "add", "-q", "-d", "store", str(nested.parents[2] / "store"))
        shop.commit(nested, "A remote")
        run(nested, "dvc", "push", "-q")
        digest = releases.read(nested, shop.NAME, "v1")["model"]["sha256"]
        firm, name = str(nested.parents[1]), "projects/shop/pipelines/shop:model"
        run(nested, "dvc", "artifacts", "get", firm, name, "--rev", "v1.0.0", "-o", "a.onnx")
        assert sha256(nested / "a.onnx") == digest
        found = reproduced(nested, "shop@v1")
        assert worst(found) == "identical"
        assert "model.onnx: sha256 equal" in capsys.readouterr().out

    def test_a_version_is_given_once_whatever_the_branch(self, nested: Path, run: Run) -> None:
        created(nested, shop.NAME)
        run(nested, "git", "checkout", "-q", "-b", "other", "HEAD~1")
        shop.another_model(nested)
        run(nested, "dvc", "repro", "-q", "pipelines/shop/dvc.yaml:evaluate")
        shop.commit(nested, "Another model")
        assert created(nested, shop.NAME) == "shop@v2"
        assert "projects/shop/shop@v2" in shop.git(nested, "tag").split()


class TestS3:
    @pytest.mark.slow
    def test_push_pull_and_restore_over_a_real_server(
        self, released: Path, s3: str, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run(released, "dvc", "remote", "add", "-q", "-d", "store", f"s3://{BUCKET}/dvc")
        run(released, "dvc", "remote", "modify", "-q", "store", "endpointurl", s3)
        shop.commit(released, "A remote")
        run(released, "dvc", "push", "-q")
        assert "in sync" in run(released, "dvc", "status", "--cloud")

        shutil.rmtree(cache_of(released).parents[1])
        digest = releases.read(released, shop.NAME, "v1")["model"]["sha256"]
        champion_file(released, shop.NAME).unlink()
        settle(released, shop.NAME)
        assert sha256(champion_file(released, shop.NAME)) == digest

        other = clone(released, run, monkeypatch)
        run(other, "dvc", "pull", "-q", "models/shop/model.onnx")
        assert sha256(Workspace(other, shop.NAME).model) == digest

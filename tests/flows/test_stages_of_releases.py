"""Stages are git tags: the newest of a stage says what stands there, also to DVC."""

from __future__ import annotations

from pathlib import Path

import pytest
from dvc.repo import Repo

from tests.flows.shop import commit, git, write
from throughline.errors import BadPipeline, MissingFile
from throughline.releasing import releases
from throughline.releasing.release import listed
from throughline.releasing.standing import held, promoted

NAME = "tea"
ARTIFACT = "artifacts:\n  model:\n    path: ../../model.onnx\n"


@pytest.fixture(params=["", "projects/hot"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three tagged releases; at the top of its git repository, or within."""
    top = tmp_path / "repository"
    root = top / request.param
    write(root / "pipelines/tea/dvc.yaml", ARTIFACT)
    git(top, "init", "-q", "-b", "main")
    git(top, "config", "user.email", "tester@localhost")
    git(top, "config", "user.name", "Tester")
    for version in ("v1", "v2", "v3"):
        metrics = {"accuracy": {"value": 0.5, "low": None}}
        releases.write(root, {"pipeline": NAME, "version": version, "released": "today",
                              "model": {"sha256": version}, "metrics": metrics})  # fmt: skip
        releases.crown(root, NAME, version)
        commit(top, version)
        git(root, "tag", "-a", "-m", version, releases.tag(root, NAME, version))
    monkeypatch.chdir(root)
    return root


class TestPromotion:
    def test_the_newest_assignment_stands(self, root: Path) -> None:
        assert promoted(root, "tea@v1", "staging") == "tea: staging empty → v1"
        promoted(root, "tea@v2", "production")
        assert promoted(root, "tea@v3", "production") == "tea: production v2 → v3"
        assert held(root, NAME) == {"staging": "v1", "production": "v3"}
        # Back again, as a rollback is.
        promoted(root, "tea@v2", "production")
        assert held(root, NAME)["production"] == "v2"
        lines = listed(root, NAME).splitlines()
        assert [line.split()[-1] for line in lines[:2]] == ["staging", "production"]

    def test_a_tenth_assignment_is_newer_than_a_ninth(self, root: Path) -> None:
        for number in range(11):
            promoted(root, f"tea@v{number % 2 + 1}", "production")
        assert held(root, NAME) == {"production": "v1"}

    def test_dvc_finds_it(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if root.name == "hot":
            pytest.skip("DVC reads artifacts from the top of a repository")
        Repo.init(str(root)).close()
        for day, version in ((1, "v1"), (2, "v3"), (3, "v2")):
            monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-01-0{day}T00:00:00Z")
            promoted(root, f"tea@{version}", "production")
        with Repo(str(root)) as repo:
            revision = repo.artifacts.get_rev("pipelines/tea:model", stage="production")
        assert git(root, "rev-parse", f"{revision}^{{commit}}") == git(
            root, "rev-parse", "tea@v2^{commit}"
        )

    @pytest.mark.parametrize("stage", ["", "Production", "a#1", "../x", "-a", "a-", "a b", "a!"])
    def test_what_is_no_name_of_a_stage(self, root: Path, stage: str) -> None:
        with pytest.raises(BadPipeline, match="small letters"):
            promoted(root, "tea@v1", stage)
        assert held(root, NAME) == {}

    def test_what_is_not_released_or_stands_there_already(self, root: Path) -> None:
        with pytest.raises(MissingFile, match="v1"):
            promoted(root, "tea@v9", "production")
        promoted(root, "tea@v1", "production")
        with pytest.raises(BadPipeline, match="Another version"):
            promoted(root, "tea@v1", "production")
        git(root, "tag", "-d", releases.tag(root, NAME, "v3"))
        with pytest.raises(BadPipeline, match="tagged"):
            promoted(root, "tea@v3", "production")

    def test_tags_of_others_are_not_taken_for_assignments(self, root: Path) -> None:
        promoted(root, "tea@v1", "production")
        (artifact,) = {tag.split("#")[0] for tag in git(root, "tag").split() if "#" in tag}
        git(root, "tag", "-a", "-m", "x", f"{artifact}#production!#7")
        git(root, "tag", "-a", "-m", "x", f"{artifact}#production")
        assert held(root, NAME) == {"production": "v1"}

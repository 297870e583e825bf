"""Stages are git tags: the newest of a stage says what stands there, also to DVC and GTO."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import gto.api
import pytest
import yaml
from dvc.repo import Repo

from tests.flows.shop import commit, git, write
from throughline.errors import BadPipeline, MissingFile, RefusedByGate
from throughline.releasing import promotion, releases
from throughline.releasing.git import GitRefused
from throughline.releasing.promotion import champion_file, settle
from throughline.releasing.release import listed, shown
from throughline.releasing.stages.approval import approved, approver
from throughline.releasing.stages.moving import promoted, rolled_back
from throughline.releasing.stages.standing import artifact, assignments, standing_versions

NAME = "tea"
ARTIFACT = "artifacts:\n  model:\n    path: ../../model.onnx\n"
BASELINE = {"metric": "accuracy", "value": 0.1, "verdict": "better"}


def record(version: str) -> dict[str, Any]:
    """A release's record, as far as stages ask of it."""
    digest = hashlib.sha256(version.encode()).hexdigest()
    share = int(version[1:]) / 10
    return {
        "pipeline": NAME,
        "version": version,
        "released": "today",
        "model": {"path": "model.onnx", "sha256": digest},
        "metrics": {"accuracy": {"value": share, "low": share - 0.05, "high": share + 0.05}},
        "comparisons": [{"name": "majority", "difference": BASELINE}],
        "stages": {"export": {"model.onnx": version}},
    }


@pytest.fixture(params=["", "projects/hot"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three tagged releases; at the top of its git repository, or within."""
    # DVC's cache holds models by the name of their version.
    monkeypatch.setattr(promotion, "fetch", lambda _, digest, target: write(target, digest))
    top = tmp_path / "repository"
    root = top / request.param
    write(root / "pipelines/tea/dvc.yaml", ARTIFACT)
    write(root / ".gitignore", "/models/\n/.cache/\n")
    git(top, "init", "-q", "-b", "main")
    somebody(top, "Tester")
    for version in ("v1", "v2", "v3"):
        releases.write(root, record(version))
        releases.hold_back(root, NAME, version)
        commit(top, version)
        for tag in (releases.tag(root, NAME, version), f"{artifact(root, NAME)}@{version}.0.0"):
            git(root, "tag", "-a", "-m", version, tag)
    monkeypatch.chdir(root)
    return root


def somebody(root: Path, name: str) -> None:
    """Let git know another person here."""
    git(root, "config", "user.email", f"{name}@localhost".lower())
    git(root, "config", "user.name", name)


def signs(root: Path, keys: Path, name: str, address: str = "") -> None:
    """Let somebody sign tags here by a key of their own; git trusts it where it has an address."""
    somebody(root, name)
    key = keys / name
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with (keys / "signers").open("a") as signers:
        if address:
            signers.write(f"{address} {key.with_suffix('.pub').read_text()}")
    for setting, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "tag.gpgSign": "true",
        "gpg.ssh.allowedSignersFile": str(keys / "signers"),
    }.items():
        git(root, "config", setting, value)


def asks(root: Path, file: str = "params.yaml", **stages: Any) -> None:
    """Commit what stages ask for."""
    write(root / file, yaml.safe_dump({"stages": stages}))
    git(root, "add", file)
    git(root, "commit", "-qm", "What stages ask")


class TestPromotion:
    def test_the_newest_assignment_stands(self, root: Path) -> None:
        assert promoted(root, "tea@v1", "staging") == "tea: staging empty → v1"
        promoted(root, "tea@v2", "beta")
        assert promoted(root, "tea@v3", "beta") == "tea: beta v2 → v3"
        assert standing_versions(root, NAME) == {"staging": "v1", "beta": "v3"}
        assert rolled_back(root, "tea@v2", "beta") == "tea: beta v3 → v2"
        assert standing_versions(root, NAME)["beta"] == "v2"
        lines = listed(root, NAME).splitlines()
        assert [line.split()[-1] for line in lines[:2]] == ["staging", "beta"]

    def test_a_tenth_assignment_is_newer_than_a_ninth(self, root: Path) -> None:
        for number in range(11):
            promoted(root, f"tea@v{number % 2 + 1}", "staging")
        assert standing_versions(root, NAME) == {"staging": "v1"}

    def test_dvc_and_gto_find_it_whatever_the_second_persons_clock_says(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if root.name == "hot":
            pytest.skip("DVC reads artifacts from the top of a repository")
        Repo.init(str(root)).close()
        for hour, version in ((12, "v1"), (11, "v3"), (10, "v2"), (9, "v1"), (8, "v2")):
            monkeypatch.setattr("time.time", lambda hour=hour: 1_800_000_000 + 3600 * hour)
            promoted(root, f"tea@{version}", "staging")
        with Repo(str(root)) as repo:
            revision = repo.artifacts.get_rev("pipelines/tea:model", stage="staging")
        assert git(root, "rev-parse", f"{revision}^{{commit}}") == git(
            root, "rev-parse", "tea@v2^{commit}"
        )
        (assignment,) = gto.api.show(str(root), "pipelines/tea:model#staging")
        assert assignment["version"] == "v2.0.0"

    @pytest.mark.parametrize("stage", ["", "Production", "a#1", "../x", "-a", "a-", "a b", "a!"])
    def test_what_is_no_name_of_a_stage(self, root: Path, stage: str) -> None:
        with pytest.raises(BadPipeline, match="small letters"):
            promoted(root, "tea@v1", stage)
        assert standing_versions(root, NAME) == {}

    def test_what_is_not_released_or_stands_there_already(self, root: Path) -> None:
        with pytest.raises(MissingFile, match="v1"):
            promoted(root, "tea@v9", "production")
        for stage in ("staging", "production"):
            promoted(root, "tea@v1", stage)
            with pytest.raises(BadPipeline, match="Another version"):
                promoted(root, "tea@v1", stage)
        git(root, "tag", "-d", releases.tag(root, NAME, "v3"))
        with pytest.raises(BadPipeline, match="tagged"):
            promoted(root, "tea@v3", "production")

    def test_tags_of_others_are_not_taken_for_assignments(self, root: Path) -> None:
        promoted(root, "tea@v1", "production")
        (artifact,) = {tag.split("#")[0] for tag in git(root, "tag").split() if "#" in tag}
        git(root, "tag", "-a", "-m", "x", f"{artifact}#production!#7")
        git(root, "tag", "-a", "-m", "x", f"{artifact}#production")
        assert standing_versions(root, NAME) == {"production": "v1"}


class TestProduction:
    def test_what_stands_there_is_the_champion(self, root: Path) -> None:
        assert releases.champion(root, NAME) is None
        assert promoted(root, "tea@v2", "production") == (
            "tea: production empty → v2, the champion"
        )
        promoted(root, "tea@v3", "production")
        assert releases.champion(root, NAME) == standing_versions(root, NAME)["production"] == "v3"
        assert champion_file(root, NAME).read_text() == "v3"
        rolled_back(root, "tea@v2")
        assert releases.champion(root, NAME) == standing_versions(root, NAME)["production"] == "v2"
        assert champion_file(root, NAME).read_text() == "v2"
        assert git(root, "status", "--porcelain") == ""
        assert releases.versions(root, NAME) == ["v1", "v2", "v3"]

    def test_back_to_what_never_stood_there_is_a_promotion(self, root: Path) -> None:
        promoted(root, "tea@v2", "production")
        for stage in ("production", "staging"):
            with pytest.raises(BadPipeline, match=f"promote tea@v1 {stage}"):
                rolled_back(root, "tea@v1", stage)

    def test_a_promotion_that_fails_leaves_all_as_it_was(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        promoted(root, "tea@v2", "production")
        before = git(root, "show-ref"), champion_file(root, NAME).read_text()

        def fail(*_: object) -> None:
            raise OSError("No space left on device")

        monkeypatch.setattr("throughline.releasing.promotion.assign", fail)
        with pytest.raises(OSError, match="No space"):
            promoted(root, "tea@v3", "production")
        assert (git(root, "show-ref"), champion_file(root, NAME).read_text()) == before
        assert releases.champion(root, NAME) == "v2"

    def test_one_killed_before_its_tag_is_ended_and_one_of_others_is_not_taken_back(
        self, root: Path
    ) -> None:
        promoted(root, "tea@v2", "production")
        releases.crown(root, NAME, "v3")
        settle(root, NAME)
        assert standing_versions(root, NAME)["production"] == "v3"
        assert champion_file(root, NAME).read_text() == "v3"
        # Somebody else's tag came by `git fetch`, the commit did not yet.
        tag = f"{git(root, 'tag', '--list', '*production*').split()[-1][:-1]}9"
        git(root, "tag", "-a", "-m", "theirs", tag, releases.tagged(root, NAME, "v1"))
        settle(root, NAME)
        assert standing_versions(root, NAME)["production"] == "v1"
        assert len(assignments(root, NAME)) == 3


class TestWhatAStageAsks:
    def test_gates_of_the_project_and_of_the_pipeline_both_hold(self, root: Path) -> None:
        asks(root, staging={"gates": {"accuracy": ">= .2", "beat": "majority"}})
        asks(root, "pipelines/tea/pipeline.yaml",
             staging={"gates": {"lower(accuracy)": "> 0.2"}})  # fmt: skip
        with pytest.raises(RefusedByGate, match=r"accuracy >= \.2 \(is 0\.1\), lower"):
            promoted(root, "tea@v1", "staging")
        with pytest.raises(RefusedByGate, match=r"it lacks lower\(accuracy\) > 0\.2 \(is 0\.15\)"):
            promoted(root, "tea@v2", "staging")
        promoted(root, "tea@v3", "staging")
        promoted(root, "tea@v1", "beta")

    def test_what_cannot_be_judged_does_not_hold(self, root: Path) -> None:
        asks(root, staging={"gates": {"beat": "persistence", "rmse": "< 1"}})
        with pytest.raises(RefusedByGate, match=r"persistence \(not compared\).*rmse"):
            promoted(root, "tea@v3", "staging")

    def test_back_goes_without_gates(self, root: Path) -> None:
        promoted(root, "tea@v1", "staging")
        promoted(root, "tea@v3", "staging")
        asks(root, staging={"gates": {"accuracy": ">= .2"}})
        assert rolled_back(root, "tea@v1", "staging") == "tea: staging v3 → v1"

    def test_what_is_not_committed_or_wrong(self, root: Path) -> None:
        asks(root, staging={"gates": {"accuracy": ">= .9"}})
        for change in ("stages: {staging: {gates: {}}}\n", "seed: 0\n", None):
            (root / "params.yaml").unlink()
            if change:
                write(root / "params.yaml", change)
            with pytest.raises(BadPipeline, match=r"must be committed: 'stages' in .*params\.yaml"):
                promoted(root, "tea@v3", "staging")
        asks(root, staging={"gate": {}})
        with pytest.raises(BadPipeline, match=r"params\.yaml:3:5: stages\.staging\.gate.*'gates'"):
            promoted(root, "tea@v3", "staging")


class TestApproval:
    @pytest.fixture(autouse=True)
    def _asked(self, root: Path) -> None:
        asks(root, production={"approval": True})

    def test_of_a_second_person(self, root: Path) -> None:
        with pytest.raises(RefusedByGate, match="release approve tea@v2 production"):
            promoted(root, "tea@v2", "production")
        with pytest.raises(BadPipeline, match="another person"):
            approved(root, "tea@v2", "production")
        somebody(root, "Second")
        assert "by Second <second@localhost>" in approved(root, "tea@v2", "production")
        with pytest.raises(BadPipeline, match="approved for production already"):
            approved(root, "tea@v2", "production")
        somebody(root, "Tester")
        said = promoted(root, "tea@v2", "production")
        assert releases.champion(root, NAME) == "v2"
        assert "approved by: Second <second@localhost>" in shown(root, "tea@v2")
        for text in (said, " ".join(shown(root, "tea@v2").split())):
            assert "`git config user.email` said (unsigned: nothing proves it)" in text
        # It counts for this release in this stage alone.
        assert not approver(root, NAME, "v2", "staging")
        assert not approver(root, NAME, "v3", "production")

    @pytest.mark.parametrize("person", ["TESTER@localhost", "tester@work.example"])
    def test_the_same_person_by_another_address(self, root: Path, person: str) -> None:
        write(Path(git(root, "rev-parse", "--show-toplevel")) / ".mailmap",
              "Tester <tester@localhost> <tester@work.example>\n")  # fmt: skip
        git(root, "config", "user.email", person)
        with pytest.raises(BadPipeline, match="another person"):
            approved(root, "tea@v2", "production")

    def test_one_that_is_signed_says_so_and_git_verifies_it(
        self, root: Path, tmp_path: Path
    ) -> None:
        signs(root, tmp_path, "Second", "second@localhost")
        tag = f"approvals/{releases.tag(root, NAME, 'v2')}/production"
        assert f"signed: `git verify-tag {tag}`" in approved(root, "tea@v2", "production")
        git(root, "verify-tag", tag)
        said = promoted(root, "tea@v2", "production")
        assert "unsigned" not in said and f"signed: `git verify-tag {tag}`" in said

    def test_what_does_not_count(self, root: Path) -> None:
        release = releases.tag(root, NAME, "v2")
        tag = f"approvals/{release}/production"
        somebody(root, "Second")
        for target, how in (("HEAD", ["-a", "-m", "x"]), (f"{release}^{{}}", [])):
            git(root, "tag", "--force", *how, tag, target)
            assert not approver(root, NAME, "v2", "production")
        # The approver's own word takes its place.
        approved(root, "tea@v2", "production")
        assert approver(root, NAME, "v2", "production")


class TestSignedApproval:
    @pytest.fixture(autouse=True)
    def _asked(self, root: Path, tmp_path: Path) -> None:
        asks(root, production={"approval": "signed"})
        signs(root, tmp_path, "Tester", "tester@localhost")
        tag = releases.tag(root, NAME, "v2")
        git(root, "tag", "--force", "-a", "-m", "v2", tag, f"{tag}^{{}}")

    def test_both_tags_are_signed_by_whom_they_name(self, root: Path, tmp_path: Path) -> None:
        with pytest.raises(RefusedByGate, match="release approve tea@v2 production"):
            promoted(root, "tea@v2", "production")
        signs(root, tmp_path, "Second", "second@localhost")
        # Asked for, it is signed whether or not git signs all tags.
        git(root, "config", "tag.gpgSign", "false")
        approved(root, "tea@v2", "production")
        with pytest.raises(BadPipeline, match="approved for production already"):
            approved(root, "tea@v2", "production")
        promoted(root, "tea@v2", "production")
        assert releases.champion(root, NAME) == "v2"

    def test_a_release_that_is_not_signed_is_not_promoted(self, root: Path, tmp_path: Path) -> None:
        signs(root, tmp_path, "Second", "second@localhost")
        approved(root, "tea@v1", "production")
        with pytest.raises(RefusedByGate, match=r"lacks a signature of the tag \S*tea@v1 \(git"):
            promoted(root, "tea@v1", "production")
        assert releases.champion(root, NAME) is None

    @pytest.mark.parametrize(
        ("name", "address", "told"),
        [
            ("Stranger", "", r"\(git verify-tag must succeed"),
            ("Mallory", "mallory@localhost", r"by second@localhost \(it is signed by mallory@"),
        ],
    )
    def test_in_another_persons_name(
        self, root: Path, tmp_path: Path, name: str, address: str, told: str
    ) -> None:
        signs(root, tmp_path, name, address)
        somebody(root, "Second")
        approved(root, "tea@v2", "production")
        with pytest.raises(RefusedByGate, match=told):
            promoted(root, "tea@v2", "production")
        assert releases.champion(root, NAME) is None
        # The approver's own word takes its place.
        signs(root, tmp_path, "Second", "second@localhost")
        approved(root, "tea@v2", "production")
        promoted(root, "tea@v2", "production")

    def test_a_word_for_another_stage_laid_under_this_ones_name(
        self, root: Path, tmp_path: Path
    ) -> None:
        signs(root, tmp_path, "Second", "second@localhost")
        approved(root, "tea@v2", "staging")
        tag = f"approvals/{releases.tag(root, NAME, 'v2')}"
        git(root, "update-ref", f"refs/tags/{tag}/production", f"refs/tags/{tag}/staging")
        with pytest.raises(RefusedByGate, match=r"one of .*staging"):
            promoted(root, "tea@v2", "production")

    def test_without_a_key_nothing_is_approved(self, root: Path) -> None:
        somebody(root, "Second")
        git(root, "config", "user.signingKey", "/nowhere/key")
        # Of older versions of git, and of newer ones.
        with pytest.raises(GitRefused, match=r"no key that signs|git tag must succeed"):
            approved(root, "tea@v2", "production")
        assert not approver(root, NAME, "v2", "production")
        assert git(root, "tag", "--list", "approvals/*") == ""

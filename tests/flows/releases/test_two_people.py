"""Two clones and an S3 server: one releases, the other promotes, by the commands of the docs."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows import shop
from tests.flows.conftest import BUCKET
from tests.flows.shop import git
from throughline.releasing import releases
from throughline.releasing.outputs import sha256
from throughline.releasing.promotion import champion_file
from throughline.releasing.stages.standing import standing_versions

DOCS = shop.PROJECT / "docs/operations.md"
LINE = re.compile(r"(?P<command>\S.*?)\s+# the (?P<who>one|other)\b")


def documented() -> Iterator[tuple[str, str]]:
    """Each command of "Two people" with who runs it."""
    text = DOCS.read_text(encoding="utf-8").partition("Two people, each with a clone")[2]
    for line in text.split("```")[1].strip().splitlines():
        found = LINE.match(line)
        assert found is not None, line
        yield found["who"], found["command"].replace("iris", shop.NAME)


def test_the_docs_name_who_does_what() -> None:
    commands = [*documented()]
    assert {who for who, _ in commands} == {"one", "other"}
    for word in ("create", "approve", "promote", "rollback", "pull", "reproduce"):
        assert any(word in command for _, command in commands)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_release_promote_roll_back_reproduce(
    built: Path, s3: str, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote")
    git(built, "remote", "add", "origin", str(tmp_path / "remote"))
    run(built, "dvc", "remote", "add", "-q", "-d", "store", f"s3://{BUCKET}/dvc")
    run(built, "dvc", "remote", "modify", "-q", "store", "endpointurl", s3)
    shop.commit(built, "A remote")
    git(built, "push", "-q", "-u", "origin", "main")
    # Before anything is asked of production, the first release is the champion.
    run(built, "throughline", "release", "create", shop.NAME, "--push")
    with (built / "params.yaml").open("a") as parameters:
        parameters.write("stages:\n  production: {gates: {accuracy: '>= .55'}, approval: true}\n")
    shop.another_model(built)
    run(built, "dvc", "repro", "-q", "pipelines/shop/dvc.yaml:evaluate")
    shop.commit(built, "Another model; two people for production")
    git(tmp_path, "clone", "-q", "remote", "other")
    clones = {"one": built, "other": tmp_path / "other"}
    git(clones["other"], "config", "user.email", "second@localhost")
    git(clones["other"], "config", "user.name", "Second")

    champions = []
    for who, command in documented():
        root = clones[who]
        monkeypatch.chdir(root)
        done = subprocess.run(shlex.split(command), cwd=root, capture_output=True, text=True)
        print(f"{who}$ {command}\n{done.stdout}{done.stderr}")
        assert done.returncode == 0, done.stderr
        if command.startswith(("throughline release create", "throughline release pull")):
            champions.append((who, releases.champion(root, shop.NAME)))
        if command.startswith("throughline release pull"):
            record = releases.read(root, shop.NAME, str(releases.champion(root, shop.NAME)))
            assert sha256(champion_file(root, shop.NAME)) == record["model"]["sha256"]
    # Released, it waited; promoted by the other, rolled back by the one.
    assert champions == [("one", "v1"), ("one", "v2"), ("other", "v1")]
    for root in clones.values():
        assert standing_versions(root, shop.NAME) == {"production": "v1"}
        assert git(root, "status", "--porcelain") == ""
    refs = {git(root, "show-ref", "--tags") for root in clones.values()}
    assert len(refs) == 1

    # Who has neither clone gets what stands in production.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(elsewhere, "dvc", "artifacts", "get", str(tmp_path / "remote"), "pipelines/shop:model",
        "--stage", "production", "-o", "model.onnx")  # fmt: skip
    assert sha256(elsewhere / "model.onnx") == sha256(champion_file(built, shop.NAME))

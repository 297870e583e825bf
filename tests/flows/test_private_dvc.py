"""What is relied on of DVC without its promise stands in one file, and is there in this DVC."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo

import throughline
from throughline.running import private_dvc

ROOM = Path(throughline.__file__).parent
IMPORTS = re.compile(
    r"^ *(?:from|import) (dvc(?:_data|_objects)?(?:\.[\w.]+)?)(?: import (\w+))?", re.M
)
PROMISED = {
    ("dvc.repo", "Repo"), ("dvc.repo", ""), ("dvc.stage", "Stage"), ("dvc.api", "DVCFileSystem"),
    ("dvc.cli", "main"), ("dvc.lock", "LockError"), ("dvc.config", "NoRemoteError"),
}  # fmt: skip


def test_nothing_else_relies_on_private_parts():
    found = {
        (path.name, module, name)
        for path in ROOM.rglob("*.py")
        if path.name != "private_dvc.py"
        for module, name in IMPORTS.findall(path.read_text())
        if module != "dvc.exceptions" and (module, name) not in PROMISED
    }
    assert not found


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repo]:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with Repo.init(str(tmp_path)) as made:
        (tmp_path / "dvc.yaml").write_text(
            "stages: {copy: {cmd: cp a b, deps: [a], outs: [b]}}", encoding="utf-8"
        )
        (tmp_path / "a").write_text("one", encoding="utf-8")
        yield made


def test_a_stage_is_read_alone_and_its_files_are_locked(repo):
    (name, stage), *others = private_dvc.stages_of(repo, Path(repo.root_dir, "dvc.yaml")).items()
    assert (name, others) == ("copy", [])
    file = Path(repo.tmp_dir, "rwlock")
    with private_dvc.locked(repo):
        held = private_dvc.files_locked(repo, stage, "a test")
        assert "a test" in file.read_text()
        held.close()
    assert "a test" not in file.read_text()


def test_half_a_file_of_locks_is_dropped(repo):
    file = Path(repo.tmp_dir, "rwlock")
    file.write_text('{"/some', encoding="utf-8")
    private_dvc.drop_broken_locks(repo)
    assert not file.exists()


def test_the_run_cache_gives_back_what_a_stage_made(repo):
    stages = private_dvc.stages_of(repo, Path(repo.root_dir, "dvc.yaml"))
    with private_dvc.locked(repo):
        assert not private_dvc.restored(repo, stages["copy"])
    repo.reproduce()
    Path(repo.root_dir, "b").unlink()
    stage = private_dvc.stages_of(repo, Path(repo.root_dir, "dvc.yaml"))["copy"]
    with private_dvc.locked(repo):
        assert private_dvc.restored(repo, stage)
    assert Path(repo.root_dir, "b").read_text() == "one"


def test_objects_go_from_store_to_store(repo, tmp_path):
    (stage,) = repo.reproduce()
    digest = stage.outs[0].hash_info.value
    target = private_dvc.empty_store(str(tmp_path / "store"))
    lost = private_dvc.transferred(repo.cache.local, target, [digest, "0" * 32])
    assert lost == {"0" * 32}
    assert target.exists(digest)


def test_a_lost_listing_is_an_exception():
    assert issubclass(private_dvc.no_listing(), Exception)

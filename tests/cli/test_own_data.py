"""Data of one's own become a pipeline; what is amiss around a project is said with its remedy."""

from __future__ import annotations

import json
import random
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from dvc.repo import Repo

from throughline.cli import main, surroundings


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    draw = random.Random(0)
    rows = [(draw.randint(18, 80), draw.choice("ab")) for _ in range(120)]
    text = "".join(f"{age},{plan},{'yes' if age > 50 else 'no'}\n" for age, plan in rows)
    path = tmp_path / "customers.csv"
    path.write_text(f"age,plan,churned\n{text}")
    return path


class TestDoctor:
    def test_says_what_is_wrong_and_how_to_mend_it(
        self, project: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert main(["doctor"]) == 1
        assert "Run `throughline init` here" in capsys.readouterr().out
        Repo.init(str(project), no_scm=True).close()
        versions = {"fastapi": "0.160.0"}
        monkeypatch.setattr(surroundings, "_version", lambda name: versions.get(name, "1.0"))
        assert main(["doctor", "--json"]) == 1
        wrong = [entry for entry in json.loads(capsys.readouterr().out) if entry["remedy"]]
        assert "fastapi" in [entry["what"] for entry in wrong]
        assert "project" not in [entry["what"] for entry in wrong]

    def test_asks_the_remote_and_the_server(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Repo.init(str(project), no_scm=True).close()
        assert found(project)["DVC's remote"].remedy == ""
        config = project / ".dvc/config"
        config.write_text(REMOTE.format(project))
        (project / "files/md5").mkdir(parents=True)
        assert found(project)["DVC's remote"].state == "store answers"
        config.write_text(REMOTE.format(project / "unplugged"))
        assert found(project)["DVC's remote"].state == "store answers; nothing lies there yet"
        config.write_text(REMOTE.format("http://127.0.0.1:9/a"))
        away = found(project)["DVC's remote"]
        assert away.state == "store does not answer" and "dvc remote list" in away.remedy
        monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
        server = found(project)["Prefect's server"]
        assert "does not answer" in server.state and "unset PREFECT_API_URL" in server.remedy

    def test_knows_threads_and_the_cache(self, project: Path) -> None:
        Repo.init(str(project), no_scm=True).close()
        assert found(project)["threads of a training"].remedy == ""
        (project / "params.yaml").write_text("threads: 4096\n")
        assert "or less" in found(project)["threads of a training"].remedy
        (project / "params.yaml").write_text("threads: [\n")
        assert "Mend params.yaml" in found(project)["threads of a training"].remedy
        assert found(project)["DVC's cache"].state.endswith(".dvc/cache/files/md5")
        (project / ".dvc/config").write_text("[core")
        assert found(project)["DVC"].remedy.startswith("Mend .dvc/config")

    def test_waits_for_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(surroundings, "REMOTE_SECONDS", 0.01)
        assert "within 0.01 seconds" in surroundings._fault(Event().wait)


REMOTE = """
[core]
    no_scm = True
    remote = store
['remote "store"']
    url = {}
"""


def found(root: Path) -> dict[str, surroundings.Finding]:
    return {entry.what: entry for entry in surroundings.examined(root)}


class TestAdd:
    def test_copies_what_lies_outside_and_lets_dvc_keep_it(
        self, customers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert main(["init", "shop"]) == 0
        monkeypatch.chdir(tmp_path / "shop")
        capsys.readouterr()
        assert main(["add", str(customers), "--target", "churned"]) == 0
        told = capsys.readouterr().out
        assert told.startswith("churned: binary of 'churned' from 2 columns\n")
        assert told.endswith("then throughline run churned\n")
        content = yaml.safe_load(Path("pipelines/churned/pipeline.yaml").read_text())
        assert content["source"]["file"] == "data/sources/customers.csv"
        for name in ("data/sources/customers.csv.dvc", "pipelines/churned/dvc.yaml"):
            assert Path(name).exists()
        assert main(["add", str(customers), "--target", "churned"]) == 2
        assert "Choose another by --as" in capsys.readouterr().err

    def test_leaves_nothing_where_no_draft_can_be_made(
        self, project: Path, customers: Path, capsys: Any
    ) -> None:
        assert main(["add", str(customers), "--target", "churnd"]) == 2
        assert "churnd" in capsys.readouterr().err
        assert not (project / "data/sources/customers.csv").exists()

    def test_needs_a_project(
        self, customers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert main(["add", str(customers)]) == 2
        assert "run `throughline init` here" in capsys.readouterr().err


class TestRun:
    def test_runs_nothing_where_the_file_is_wrong(self, project: Path, capsys: Any) -> None:
        path = project / "pipelines/rain/pipeline.yaml"
        path.write_text(path.read_text() + "hello: 1\nworld: 2\n")
        assert main(["run", "rain"]) == 2
        assert capsys.readouterr().err.count("no such key") == 2
        assert not (project / "dvc.yaml").exists()

    def test_sets_a_value_or_leaves_the_file_as_it_was(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        (project / ".dvc").mkdir()
        monkeypatch.setattr("subprocess.run", lambda *_, **__: Mock(returncode=1))
        monkeypatch.setattr("throughline.cli.commands.running.wire", lambda *_: [])
        monkeypatch.setattr("throughline.project.index.write_index", lambda _: Path())
        path = project / "pipelines/rain/pipeline.yaml"
        before = path.read_bytes()
        assert main(["run", "rain", "--set", "training.epochs=-3"]) == 2
        assert "greater than or equal to 0" in capsys.readouterr().err
        assert main(["run", "rain", "--set", "title=Rain?", "--set", "training.epoch=3"]) == 2
        assert "Did you mean 'epochs'?" in capsys.readouterr().err
        assert main(["run", "--set", "training.epochs=3"]) == 2
        assert "of one pipeline" in capsys.readouterr().err
        assert path.read_bytes() == before
        assert main(["run", "rain", "--set", "training.epochs=3"]) == 1
        assert yaml.safe_load(path.read_bytes()) == yaml.safe_load(before) | {
            "training": {"epochs": 3}
        }

"""A project of one's own: data are added, looked at and run without a word about `dvc.yaml`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml

from tests.config.test_errors import RIGHT
from throughline.cli import main, overview
from throughline.evaluation.show.line import ending
from throughline.paths import Workspace, write_json

FIGURE = {"value": 0.7712, "low": 0.72, "high": 0.82}


def report(**changes: Any) -> dict[str, Any]:
    def compared(name: str, verdict: str, value: float) -> dict[str, Any]:
        return {
            "name": name,
            "difference": {
                "metric": "accuracy",
                "verdict": verdict,
                "value": value,
                "low": -0.1,
                "high": 0.1,
            },
        }

    comparisons = [compared("majority", "better", 0.21), compared("SVC", "no difference", 0.01)]
    return {
        "branches": {"main": {"metrics": {"accuracy": FIGURE}, "comparisons": comparisons}},
        "gates": [{"gate": "beat majority", "holds": True, "value": 0.21}],
        **changes,
    }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "shop"
    (root / "pipelines/rain").mkdir(parents=True)
    (root / "params.yaml").write_text("seed: 0\n")
    (root / "pipelines/rain/pipeline.yaml").write_text(yaml.safe_dump(RIGHT))
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    draw = random.Random(0)
    rows = [(draw.randint(18, 80), draw.choice("ab")) for _ in range(120)]
    text = "".join(f"{age},{plan},{'yes' if age > 50 else 'no'}\n" for age, plan in rows)
    path = tmp_path / "customers.csv"
    path.write_text(f"age,plan,churned\n{text}")
    return path


class TestTheLastLine:
    def test_says_figure_distance_gates_and_what_comes_next(self) -> None:
        assert ending(report(), Workspace(Path(), "churned")) == (
            "churned: accuracy 0.771 ± 0.05, better than majority by 21 points, "
            "no difference to SVC · gates hold · REPORT reports/churned/evaluation/report.html · "
            "MODEL models/churned/model.onnx · next: throughline open churned"
        )

    def test_says_which_gate_is_broken(self) -> None:
        broken = [
            {"gate": "accuracy >= 0.9", "holds": False, "value": 0.77},
            {"gate": "beat SVC", "holds": False, "value": 0.01},
        ]
        line = ending(report(gates=broken), Workspace(Path(), "churned"))
        told = "accuracy >= 0.9 (is 0.77), beat SVC (accuracy +0.01, could be -0.1 to +0.1)"
        assert f"· gates broken: {told} ·" in line
        assert "· no gates ·" in ending(report(gates=[]), Workspace(Path(), "churned"))


class TestStrict:
    def test_a_broken_gate_is_an_exit_code_where_that_is_asked_for(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / ".dvc").mkdir()
        monkeypatch.setattr("subprocess.run", lambda *_, **__: Mock(returncode=0))
        monkeypatch.setattr("throughline.stages.run.run_stage", lambda *_: None)
        monkeypatch.setattr("throughline.cli.running.wire", lambda *_: [])
        file = Workspace(project, "rain").evaluation / "report.json"
        file.parent.mkdir(parents=True)
        for holds in (True, False):
            gate = {"gate": "accuracy >= 0.9", "holds": holds, "value": 0.77}
            write_json(file, report(gates=[gate]))
            for command in (["run", "rain"], ["run"], ["evaluate", "rain"]):
                assert main(command) == 0
                assert main([*command, "--strict"]) == int(not holds)


class TestList:
    def test_names_each_pipeline_with_what_is_known(self, project: Path, capsys: Any) -> None:
        assert main(["list"]) == 0
        assert capsys.readouterr().out == "rain  not run\n"
        workspace = Workspace(project, "rain")
        workspace.evaluation.mkdir(parents=True)
        write_json(workspace.evaluation / "report.json", report())
        assert main(["list"]) == 0
        assert capsys.readouterr().out == "rain  accuracy 0.771 ± 0.05 · gates hold\n"
        assert main(["list", "--json"]) == 0
        (entry,) = json.loads(capsys.readouterr().out)
        assert (entry["pipeline"], entry["state"]) == ("rain", "evaluated")


class TestOpen:
    def test_shows_the_report(
        self, project: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[str] = []
        monkeypatch.setattr("webbrowser.open", opened.append)
        assert main(["open", "rain"]) == 2
        assert "Run `throughline run rain` first" in capsys.readouterr().err
        assert main(["open", "rian"]) == 2
        assert "Did you mean 'rain'?" in capsys.readouterr().err
        page = Workspace(project, "rain").evaluation / "report.html"
        page.parent.mkdir(parents=True)
        page.write_text("<html>")
        assert main(["open", "rain"]) == 0
        assert opened == [page.as_uri()]


class TestDoctor:
    def test_says_what_is_wrong_and_how_to_mend_it(
        self, project: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert main(["doctor"]) == 1
        assert "Run `throughline init` here" in capsys.readouterr().out
        (project / ".dvc").mkdir()
        versions = {"fastapi": "0.160.0"}
        monkeypatch.setattr(overview, "_version", lambda name: versions.get(name, "1.0"))
        assert main(["doctor", "--json"]) == 1
        wrong = [entry for entry in json.loads(capsys.readouterr().out) if entry["remedy"]]
        assert "fastapi" in [entry["what"] for entry in wrong]
        assert "project" not in [entry["what"] for entry in wrong]


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
        assert "Run `throughline init` first" in capsys.readouterr().err


class TestRun:
    def test_runs_nothing_where_the_file_is_wrong(self, project: Path, capsys: Any) -> None:
        path = project / "pipelines/rain/pipeline.yaml"
        path.write_text(path.read_text() + "hello: 1\nworld: 2\n")
        assert main(["run", "rain"]) == 2
        assert capsys.readouterr().err.count("no such key") == 2
        assert not (project / "dvc.yaml").exists()

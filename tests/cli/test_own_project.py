"""A project of one's own: data are added, looked at and run without a word about `dvc.yaml`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from dvc.repo import Repo

from throughline.cli import main
from throughline.evaluation.show.line import ending
from throughline.paths import Workspace, write_json
from throughline.project.index import write_index
from throughline.project.looks import looks
from throughline.releasing import releases

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

    comparisons = [compared("majority", "better", 0.21), compared("SVC", "not shown", 0.01)]
    return {
        "branches": {"main": {"metrics": {"accuracy": FIGURE}, "comparisons": comparisons}},
        "gates": [{"gate": "beat majority", "holds": True, "value": 0.21}],
        **changes,
    }


class TestTheLastLine:
    def test_says_figure_distance_gates_and_what_comes_next(self) -> None:
        assert ending(report(), Workspace(Path(), "churned")) == (
            "churned: accuracy 0.771 ± 0.05, better than majority by 21 points, "
            "difference to SVC not shown · gates hold · "
            "REPORT reports/churned/evaluation/report.html · "
            "MODEL models/churned/model.onnx · next: throughline try churned"
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
        monkeypatch.setattr("throughline.cli.commands.running.wire", lambda *_: [])
        monkeypatch.setattr("throughline.project.index.write_index", lambda *_, **__: Path())
        file = Workspace(project, "rain").evaluation / "report.json"
        file.parent.mkdir(parents=True)
        for holds in (True, False):
            gate = {"gate": "accuracy >= 0.9", "holds": holds, "value": 0.77}
            write_json(file, report(gates=[gate]))
            for command in (["run", "rain"], ["run"], ["evaluate", "rain"]):
                assert main(command) == 0
                assert main([*command, "--strict"]) == int(not holds)


class TestWhatRunSays:
    def test_says_so_where_nothing_was_to_do(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        (project / ".dvc").mkdir()
        monkeypatch.setattr("subprocess.run", lambda *_, **__: Mock(returncode=0, stdout=""))
        monkeypatch.setattr("throughline.cli.commands.running.wire", lambda *_: [])
        assert main(["run"]) == 0
        assert "is up to date · next: throughline list" in capsys.readouterr().out

    def test_quiet_leaves_the_line_of_each_pipeline(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        """`run --quiet` said nothing, not even of what it had come to."""
        monkeypatch.setenv("THROUGHLINE_QUIET", "")
        monkeypatch.setenv("TQDM_DISABLE", "")
        (project / ".dvc").mkdir()
        monkeypatch.setattr("subprocess.run", lambda *_, **__: Mock(returncode=0))
        monkeypatch.setattr("throughline.cli.commands.running.wire", lambda *_: [])
        monkeypatch.setattr("throughline.project.index.write_index", lambda _: Path())
        file = Workspace(project, "rain").evaluation / "report.json"
        file.parent.mkdir(parents=True)
        write_json(file, report())
        assert main(["run", "--quiet", "rain"]) == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith("rain: accuracy 0.771 ± 0.05, ")
        assert main(["run", "--quiet"]) == 0
        assert capsys.readouterr().out == ""

    def test_why_dvc_stopped_is_said(self, project: Path) -> None:
        """`dvc repro --quiet` says nothing of a lock that another holds, nor of any fault."""
        Repo.init(no_scm=True).close()
        command = [sys.executable, "-P", "-m", "throughline.running.repository", "repro", "--quiet"]
        done = subprocess.run([*command, "gone/dvc.yaml"], capture_output=True, text=True)
        assert done.returncode and done.stdout == ""
        assert "does not exist" in done.stderr

    def test_its_stages_are_told_by_their_pipelines_alone(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.setattr("throughline.stages.digests.code.refreshed", lambda _: "code.json")
        assert main(["code"]) == 0
        assert capsys.readouterr().out == "code.json\n"
        monkeypatch.setenv("THROUGHLINE_ANNOUNCED", "1")
        assert main(["code"]) == 0
        assert capsys.readouterr().out == ""


class TestList:
    def test_names_each_pipeline_with_what_is_known(self, project: Path, capsys: Any) -> None:
        assert main(["list"]) == 0
        assert capsys.readouterr().out == "rain  not run\nnext: throughline run rain\n"
        workspace = Workspace(project, "rain")
        workspace.evaluation.mkdir(parents=True)
        write_json(workspace.evaluation / "report.json", report())
        assert main(["list"]) == 0
        assert capsys.readouterr().out == (
            "rain  accuracy 0.771 ± 0.05 · gates hold\nnext: throughline try rain\n"
        )
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
        assert main(["open"]) == 0
        assert opened[-1] == (project / "reports" / "index.html").as_uri()


class TestThePageOfAllPipelines:
    def test_says_of_each_what_it_reaches_and_leads_to_its_pages(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        workspace = Workspace(project, "rain")
        monkeypatch.setattr(
            "throughline.running.why.stale", lambda *_: {"rain": {"train": ["seed: 0 → 1"]}}
        )
        assert ">not run<" in write_index(project).read_text()
        workspace.evaluation.mkdir(parents=True)
        write_json(workspace.evaluation / "report.json", report(title="Is <b>it</b> wet?"))
        (workspace.evaluation / "report.html").write_text("<html>")
        drift = workspace.evaluation.parent / "drift"
        drift.mkdir()
        write_json(drift / "drift.json", {"drifted": ["x"], "columns": {"x": {}, "y": {}}})
        for version, value in (("v1", 0.7), ("v2", 0.8)):
            releases.crown(project, "rain", version)
            metrics = {"accuracy": {"value": value, "low": None, "high": None}}
            releases.write(project, {"pipeline": "rain", "version": version, "metrics": metrics})
        page = write_index(project).read_text()
        assert "Is &lt;b&gt;it&lt;/b&gt; wet?" in page
        for words in ("0.771", "± 0.05", ">stale<", ">gates hold<", "1 of 2 columns", "v2"):
            assert words in page
        assert 'title="train: seed: 0 → 1"' in page
        assert 'aria-label="accuracy: v1 0.7, v2 0.8"' in page
        assert 'href="rain/evaluation/report.html"' in page
        assert "validation.html" not in page and "drift.html" not in page

    def test_is_written_by_the_stage_whose_report_leads_to_it(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a plain `dvc repro` the link of each page led nowhere."""
        monkeypatch.setattr("throughline.stages.run.run_stage", lambda *_: None)
        evaluation = Workspace(project, "rain").evaluation
        evaluation.mkdir(parents=True)
        write_json(evaluation / "report.json", report())
        index = project / "reports" / "index.html"
        assert main(["evaluate", "rain"]) == 0
        assert ">evaluated<" in index.read_text()
        index.unlink()
        champion = project / "releases" / "rain" / "champion.yaml"
        champion.parent.mkdir(parents=True)
        champion.write_text("version: [\n")
        assert main(["evaluate", "rain"]) == 0

    def test_is_there_where_dvc_is_not(self, project: Path) -> None:
        assert ">rain</b>" in write_index(project).read_text()


class TestStatus:
    @pytest.mark.parametrize(
        ("reruns", "state", "words"),
        [
            ({}, "up to date", "gates hold · up to date · champion v2 · production v1"),
            ({"rain": {"train": ["seed: 0 → 1"], "evaluate": ["its code changed"]}}, "stale",
             "gates hold · would rerun from train: seed: 0 → 1 · champion v2 · production v1"),
        ],
    )  # fmt: skip
    def test_says_what_would_rerun_and_what_is_released(
        self, reruns: Any, state: str, words: str, project: Path, monkeypatch: Any, capsys: Any
    ) -> None:
        evaluation = Workspace(project, "rain").evaluation
        evaluation.mkdir(parents=True)
        write_json(evaluation / "report.json", report())
        releases.crown(project, "rain", "v2")
        monkeypatch.setattr("throughline.running.why.stale", lambda root, name: reruns)
        monkeypatch.setattr(
            "throughline.releasing.stages.standing.standing_versions",
            lambda root, name: {"production": "v1"},
        )
        assert main(["status", "rain"]) == 0
        assert capsys.readouterr().out == f"rain  accuracy 0.771 ± 0.05 · {words}\n"
        assert main(["status", "--json"]) == 0
        (entry,) = json.loads(capsys.readouterr().out)
        assert (entry["state"], entry["stages"]) == (state, {"production": "v1"})
        assert entry["reruns"] == reruns.get("rain", {})


class TestLooks:
    """Models that the same test rows have judged, as DVC remembers its runs."""

    @staticmethod
    def evaluated(project: Path, model: str, test: str = "0,1") -> dict[str, int]:
        for path, content in (
            ("data/prepared/rain/test/rows", test),
            ("models/rain/model.onnx", model),
        ):
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(content)
        with Repo(str(project)) as repo:
            repo.reproduce("pipelines/rain/dvc.yaml")
        return looks(project, ["rain", "never"])

    def test_are_counted_over_runs(self, project: Path) -> None:
        Repo.init(str(project), no_scm=True).close()
        stage = {
            "cmd": "echo throughline evaluate rain > reports/rain.txt",
            "wdir": "../..",
            "deps": ["data/prepared/rain/test", "models/rain/model.onnx"],
            "outs": ["reports/rain.txt"],
        }
        (project / "reports").mkdir()
        wired = yaml.safe_dump({"stages": {"evaluate": stage}})
        (project / "pipelines/rain/dvc.yaml").write_text(wired)
        assert looks(project, ["rain"]) == {}
        assert self.evaluated(project, "one") == {"rain": 1}
        assert self.evaluated(project, "two") == {"rain": 2}
        # The same model again is no new look; other test rows have seen none yet.
        assert self.evaluated(project, "one") == {"rain": 2}
        assert self.evaluated(project, "two", test="1,0") == {"rain": 1}

    def test_are_said(self, project: Path, monkeypatch: Any, capsys: Any) -> None:
        monkeypatch.setattr("throughline.running.why.stale", lambda *_: {})
        monkeypatch.setattr("throughline.project.looks.looks", lambda *_: {"rain": 7})
        evaluation = Workspace(project, "rain").evaluation
        evaluation.mkdir(parents=True)
        write_json(evaluation / "report.json", report())
        assert "its test rows have judged 7 models" in write_index(project).read_text()
        assert main(["status", "rain"]) == 0
        assert "its test rows have judged 7 models" in capsys.readouterr().out

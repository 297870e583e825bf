"""What stages take is recorded beside their outputs and shown in one place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.repositories import PARAMETERS
from throughline.cli import main
from throughline.paths import Workspace
from throughline.report.page import OF_STAGES, PAGES
from throughline.stages.costs import MIB, PAGE, costed, costs, folder_of, table
from throughline.stages.wire import wire

LARGE = 200 * MIB
PIPELINE = {
    "title": "Which?",
    "task": "binary",
    "source": {"rows": {"x": [0.0, 1.0] * 20, "y": ["no", "yes"] * 20}},
    "target": "y",
    "columns": {"x": None},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path, "shop")
    made.parameters_file.write_text(PARAMETERS)
    return made


def take_memory() -> None:
    np.ones(LARGE // 8)


class TestACost:
    def test_has_the_memory_that_was_taken_and_given_back(self, workspace: Workspace) -> None:
        with costed(workspace, "train"):
            take_memory()
        (cost,) = costs(workspace)
        assert cost.peak_bytes > LARGE
        assert cost.cores >= 1

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets a peak")
    def test_is_the_stages_own_in_a_process_that_ran_others(self, workspace: Workspace) -> None:
        with costed(workspace, "train"):
            take_memory()
        with costed(workspace, "export"):
            pass
        train, export = costs(workspace)
        assert not export.whole_process
        assert export.peak_bytes < train.peak_bytes - LARGE // 2

    @pytest.mark.skipif(sys.platform != "linux", reason="reads the peak as Linux tells it")
    def test_is_not_that_of_the_process_it_came_from(self, workspace: Workspace) -> None:
        """A large runner such as DVC must not make a small stage look large."""
        code = (
            "from pathlib import Path; from throughline.stages.costs import costed; "
            "from throughline.paths import Workspace\n"
            f"with costed(Workspace(Path({str(workspace.root)!r}), 'shop'), 'ingest'): pass"
        )
        held = np.ones(2 * LARGE // 8)
        root = Path(__file__).parents[2]
        subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
        del held
        (cost,) = costs(workspace)
        assert cost.peak_bytes < LARGE

    def test_counts_the_processes_that_it_started(self, workspace: Workspace) -> None:
        code = f"x = bytearray({4 * LARGE}); sum(range(10**6 * 5))"
        with costed(workspace, "export"):
            subprocess.run([sys.executable, "-c", code], check=True)
        (cost,) = costs(workspace)
        assert cost.peak_bytes > 4 * LARGE
        assert cost.processor_seconds > 0
        assert cost.seconds > 0.02

    def test_of_a_stage_that_failed_is_not_recorded(self, workspace: Workspace) -> None:
        with pytest.raises(RuntimeError), costed(workspace, "train"):
            raise RuntimeError
        assert not folder_of(workspace).exists()


class TestThePlaceToLook:
    def test_is_the_report(self, workspace: Workspace) -> None:
        with costed(workspace, "ingest"):
            pass
        assert "costs" in OF_STAGES
        assert workspace.evaluation.parent / PAGES["costs"] == folder_of(workspace) / PAGE
        page = (folder_of(workspace) / PAGE).read_text()
        assert ">ingest</th>" in page and 'href="../evaluation/report.html"' in page
        assert "http" not in page and "<script" not in page

    def test_is_a_command_too(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
    ) -> None:
        workspace.pipeline_file.parent.mkdir(parents=True)
        workspace.pipeline_file.write_text(yaml.safe_dump(PIPELINE))
        wire(workspace.root, ["shop"])
        monkeypatch.chdir(workspace.root)
        assert main(["ingest", "shop"]) == 0
        assert main(["costs", "shop"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines[:3]] == ["stage", "ingest", "all"]
        assert main(["costs", "shap"]) == 2
        assert "Did you mean 'shop'?" in capsys.readouterr().err

    def test_says_when_a_peak_is_of_the_whole_process(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("throughline.stages.costs._forget_peak", lambda: False)
        with costed(workspace, "train"):
            pass
        assert "* The peak of the process" in table(costs(workspace))
        assert "* The peak of the process" in (folder_of(workspace) / PAGE).read_text()

    def test_is_no_stage_output(self, workspace: Workspace) -> None:
        """Times in an output would give it other bytes at every run."""
        workspace.pipeline_file.parent.mkdir(parents=True)
        workspace.pipeline_file.write_text(yaml.safe_dump(PIPELINE))
        wire(workspace.root, ["shop"])
        path = workspace.stages_file
        stages = yaml.safe_load(path.read_text())["stages"].values()
        outputs = [workspace.root / out for stage in stages for out in stage["outs"]]
        folder = folder_of(workspace)
        assert not any(folder.is_relative_to(out) or out.is_relative_to(folder) for out in outputs)

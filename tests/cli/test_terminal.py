"""How a command speaks: in colours on a terminal, quiet where it shall be, as JSON for programs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.config.test_errors import RIGHT
from throughline.cli import main
from throughline.paths import Workspace
from throughline.terminal import QUIET, coloured


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `--quiet` sets is gone after each test."""
    for name in (QUIET, "TQDM_DISABLE", "NO_COLOR"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a right pipeline file and a wrong one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rain.csv").write_text("x,town,rain\n1,a,0\n2,b,1\n")
    for name, more in (("right", {}), ("wrong", {"taget": "rain"})):
        file = Workspace(tmp_path, name).pipeline_file
        file.parent.mkdir(parents=True)
        file.write_text(yaml.safe_dump({**RIGHT, "source": {"file": "rain.csv"}, **more}))
    return tmp_path


class TestColours:
    def test_are_for_terminals(self) -> None:
        assert coloured("gates hold", "good", Terminal()) == "\x1b[32mgates hold\x1b[0m"
        assert coloured("gates hold", "good", StringIO()) == "gates hold"

    @pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_are_left_where_nobody_wants_them(
        self, name: str, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, value)
        assert coloured("gates hold", "good", Terminal()) == "gates hold"

    def test_mark_mistakes_on_a_real_terminal(self) -> None:
        ours, theirs = pty.openpty()
        subprocess.run([sys.executable, "-m", "throughline", "predct"], stderr=theirs)
        assert os.read(ours, 200).startswith(b"\x1b[31merror:\x1b[0m No such command")


class TestQuiet:
    @pytest.mark.parametrize("words", [["--quiet", "check", "right"], ["check", "-q", "right"]])
    def test_says_nothing_of_what_went_well(
        self, words: list[str], project: Path, capsys: Any
    ) -> None:
        assert main(words) == 0
        assert capsys.readouterr() == ("", "")

    def test_says_mistakes_and_what_was_asked_for(self, project: Path, capsys: Any) -> None:
        assert main(["--quiet", "check", "wrong"]) == 2
        assert "Did you mean 'target'?" in capsys.readouterr().err
        assert main(["--quiet", "list"]) == 0
        assert capsys.readouterr().out == "right  not run\nwrong  not run\n"

    def test_holds_for_the_stages_that_run_starts(self, project: Path, capsys: Any) -> None:
        assert main(["--quiet", "check", "right"]) == 0
        assert os.environ[QUIET] == "1"


class TestSharedParameters:
    def test_a_misspelt_key_is_told_and_a_key_of_ones_own_is_not(
        self, project: Path, capsys: Any
    ) -> None:
        """`thread: 2` was read by nothing, and everything went on with one thread."""
        with (project / "params.yaml").open("a", encoding="utf-8") as file:
            file.write("\nmine: {rows: 3}\n")
        assert main(["check", "right"]) == 0
        with (project / "params.yaml").open("a", encoding="utf-8") as file:
            file.write("keep_day: 2\n")
        assert main(["check", "right"]) == 2
        said = capsys.readouterr().err
        assert "params.yaml" in said and "Did you mean 'keep_days'?" in said


class TestJson:
    def test_of_check_has_the_place_of_each_mistake(self, project: Path, capsys: Any) -> None:
        assert main(["check", "--json"]) == 2
        right, wrong = json.loads(capsys.readouterr().out)
        assert right == {"pipeline": "right", "right": True, "mistakes": []}
        (mistake,) = wrong["mistakes"]
        lines = (project / "pipelines/wrong/pipeline.yaml").read_text().splitlines()
        assert lines[mistake["line"] - 1].startswith("taget")
        assert mistake["file"] == "pipelines/wrong/pipeline.yaml" and mistake["column"] == 1
        assert mistake["message"].startswith("taget: no such key")
        assert main(["check", "right", "--json"]) == 0

"""The command `throughline`: found lazily, one line for each mistake, an exit code for each end."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from throughline.cli import SECTIONS, ending, main
from throughline.cli.ending import ended
from throughline.errors import BadData
from throughline.serving.errors import BadRequest
from throughline.stages.declared import EVERY_STAGE

NAMES = [name for commands in SECTIONS.values() for name in commands]
# Of processor time, with compiled bytecode, so that a busy machine changes little.
START_SECONDS = 0.3
# What --help and `predict` must not load: pandas costs 0.5 s, DVC 1 s, TensorFlow 4 s.
HEAVY = {"pandas", "yaml", "pydantic", "dvc", "prefect", "onnx", "keras", "tensorflow", "sklearn"}


def fails(error: BaseException) -> int:
    def command() -> None:
        raise error

    return ended(command)


def loaded(*words: str) -> set[str]:
    """The libraries that a command loads, each by its first name, ours by their second."""
    script = (
        "import sys; from throughline.cli import main; main(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True
    ).stderr.splitlines()[-1]
    return {
        ".".join(name.split(".")[: 2 if name.startswith("throughline") else 1])
        for name in told.split()
    }


class TestHelp:
    def test_names_every_command_once_in_its_section(self, capsys: Any) -> None:
        assert main(["--help"]) == 0
        told = capsys.readouterr().out
        assert len(set(NAMES)) == len(NAMES)
        for title, commands in SECTIONS.items():
            section = told[told.index(f"\n{title}:") :].partition("\n\n")[0]
            assert [line.split()[0] for line in section.splitlines()[2:]] == list(commands)
            assert len(section.splitlines()) == 2 + len(commands), "a help needs one line only"

    def test_is_shown_where_nothing_is_asked_for(self, capsys: Any) -> None:
        assert main([]) == 0
        assert capsys.readouterr().out.startswith("Usage: throughline")
        assert main(["release"]) == 0
        assert capsys.readouterr().out.startswith("Usage: throughline release")

    @pytest.mark.parametrize("name", NAMES)
    def test_is_there_for_each_command(self, name: str, capsys: Any) -> None:
        assert main([name, "--help"]) == 0
        assert capsys.readouterr().out.startswith(f"Usage: throughline {name}")

    def test_the_version_is_the_distributions(self, capsys: Any) -> None:
        from importlib.metadata import version

        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"throughline {version('throughline')}\n"

    def test_every_stage_is_a_command(self) -> None:
        assert set(EVERY_STAGE) <= set(NAMES)

    def test_a_shell_may_ask_how_a_word_goes_on(self) -> None:
        asked = {"_THROUGHLINE_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "throughline"],
            env={**os.environ, **asked, "COMP_WORDS": "throughline pr"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == ["plain,predict", "plain,profile", "plain,prepare"]


class TestStarting:
    def test_help_imports_no_command(self) -> None:
        assert {name for name in loaded("--help") if name.startswith("throughline")} == {
            "throughline",
            "throughline.cache",
            "throughline.cli",
            "throughline.declarations",
            "throughline.errors",
            "throughline.order",
            "throughline.processes",
            "throughline.processor",
            "throughline.serving",
            "throughline.terminal",
        }

    def test_predict_imports_what_runs_a_model_alone(self) -> None:
        found = loaded("predict", "nothing.onnx", "rows.csv")
        assert "numpy" in found and "throughline.serving" in found
        assert not found & HEAVY
        assert not {"throughline.paths", "throughline.pipeline", "throughline.stages"} & found

    @pytest.mark.parametrize("words", [[], ["--help"], ["predict"], ["predict", "--help"]])
    def test_takes_less_than_a_third_of_a_second(self, words: list[str], tmp_path: Path) -> None:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        seconds = []
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [sys.executable, "-m", "throughline", *words], env=environment, capture_output=True
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert min(seconds) < START_SECONDS


class TestMistakes:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["predct"], "No such command 'predct'. Did you mean 'predict'? See `throughline"),
            (["qqqq"], "Valid names: predict, generate"),
            (["release", "lst"], "Did you mean 'list'? See `throughline release --help`"),
            (["predict"], "Missing argument 'MODEL|PIPELINE'. See `throughline predict --help`"),
            (
                ["predict", "a.onnx"],
                "Give one file of rows, or --image, --sound or --text and one or more",
            ),
            (["predict", "a.onnx", "--image"], "Give one file of rows"),
            (["predict", "a.onnx", "b.csv", "c.csv"], "Give one file of rows"),
            (
                ["vectors", "x", "nearst", "y"],
                "'nearst' is not one of them. Did you mean 'nearest'?",
            ),
            (["vectors", "x", "nearest"], "Missing argument 'WORDS...'"),
            (["retrain", "--seeds", "x", "y"], "'x' is not a valid integer"),
        ],
    )
    def test_is_one_line_and_code_2(self, words: list[str], told: str, capsys: Any) -> None:
        assert main(words) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1
        assert told in said

    @pytest.mark.parametrize("error", [BadData("Rows", 1, "Mend them"), BadRequest("No rows.")])
    def test_of_the_user_are_told(self, error: Exception, capsys: Any) -> None:
        assert fails(error) == 2
        assert capsys.readouterr().err == f"error: {error}\n"

    def test_a_fault_of_ours_keeps_its_traceback(self) -> None:
        with pytest.raises(ZeroDivisionError):
            fails(ZeroDivisionError())
        with pytest.raises(PermissionError):
            fails(PermissionError(errno.EACCES, "no"))
        with pytest.raises(ModuleNotFoundError):
            fails(ModuleNotFoundError("No module named 'mine'", name="mine"))


class TestEnds:
    def test_the_code_of_a_command_is_its_own(self) -> None:
        assert [ended(lambda code=code: code) for code in (None, 0, 1)] == [0, 0, 1]

    def test_no_room_on_the_disk(self, capsys: Any) -> None:
        too_large = OSError(errno.EFBIG, "File too large", "../a.csv", None, "data/sources/a.csv")
        assert fails(too_large) == 2
        assert "room on the disk at data/sources/a.csv" in capsys.readouterr().err
        assert fails(OSError(errno.ENOSPC, "No space left on device", "data/raw")) == 2
        assert "There must be room on the disk at data/raw" in capsys.readouterr().err

    def test_ctrl_c(self, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        def stopped(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("throughline.serving.commands.predict", stopped)
        assert main(["predict", "model.onnx", "rows.csv"]) == 130
        assert capsys.readouterr().err.startswith("stopped")

    def test_a_reader_that_goes_away(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-m", "throughline", "vectors", "--help"]
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        assert (done.returncode, done.stderr) == (141, b"")

    @pytest.mark.parametrize(("library", "extra"), [("pandas", "pipelines"), ("PIL", "pictures")])
    def test_a_library_that_an_extra_brings(
        self, library: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.setattr(ending, "find_spec", lambda _: None)
        assert fails(ModuleNotFoundError(f"No module named '{library}'", name=library)) == 2
        assert f"pip install 'throughline[{extra}]'" in capsys.readouterr().err

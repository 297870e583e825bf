"""Mistakes of surroundings and of the order of commands: each gets one line that says what to do.

Those of a pipeline file, its keys, values, data and files, are in tests/config/test_mistakes.py.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.config.test_mistakes import CHANGES, PYDANTIC
from tests.repositories import PARAMETERS
from throughline.cli import main

PIPELINE = """\
title: Will it rain?
task: binary
source: {file: rain.csv}
target: rain
columns: {x: {scale: standard}}
split: {test: 0.5}
network: []
training: {epochs: 1}
compare: [majority]
"""
# Names of errors, modules and functions, which nobody has written.
OURS = re.compile(r"Traceback|\b\w+(Error|Exception)\b|\bthroughline\.\w+|\bself\b|<.* object")
NO_PROJECT = "Go to the project's folder, or run `throughline init` here."
NOT_RELEASED = "Nothing is released yet."

# In a project with pipeline `rain`, which has never run: the words, and a part of what is said.
ORDERS = [
    (["validate", "rain"], "'data/raw/rain/rows.parquet' is needed and is made by stage 'ingest'."),
    (["prepare", "rain"], "'data/clean/rain/rows.parquet' is needed and is made by stage 'valid"),
    (["export", "rain"], "'data/prepared/rain/training' is needed and is made by stage 'prepare'."),
    (["evaluate", "rain"], "scores.json' is needed and is made by stage 'cross_validate'."),
    (["open", "rain"], "Run `throughline run rain` first."),
    (["try", "rain"], "models/rain/model.onnx. Received: none. Run `throughline run rain` first."),
    (["predict", "models/rain/model.onnx", "rain.csv"], "There is no model 'models/rain/model.o"),
    (["generate", "models/rain/model.onnx", "--start", "a"], "There is no model"),
    (["stream", "models/rain/model.onnx", "rain.csv"], "There is no model"),
    (["inspect", "models/rain/model.onnx"], "There is no model"),
    (["predict", "rain", "rain.csv"], "no pipeline of this name that has one here. Run the"),
    (["inspect", "models/rain/model.onnx", "--json"], "There is no model"),
    (["nearest", "models/rain/nearest", "--image", "a.png"], "must hold features.onnx."),
    (["parity", "rain"], "is needed and is made by stage"),
    (["decode", "rain"], "is needed and is made by stage 'prepare'."),
    (["costs", "rain"], "Stages of 'rain' must have run in this folder."),
    (["canary", "rain"], "is needed and is made by stage 'validate'."),
    (["drift", "rain", "rain.csv"], "is needed and is made by stage 'export'."),
    (["readmit", "rain"], "is needed and is made by stage 'ingest'."),
    (["vectors", "rain", "nearest", "a"], "is needed and is made by stage 'ingest'."),
    (["scoreboard"], "A scoreboard needs evaluated pipelines."),
    (["release", "show", "rain@v1"], NOT_RELEASED),
    (["release", "diff", "rain@v1", "rain@v2"], NOT_RELEASED),
    (["release", "rollback", "rain@v1"], NOT_RELEASED),
    (["lineage", "rain@v1"], NOT_RELEASED),
    (["reproduce", "rain@v1"], NOT_RELEASED),
    (["add", "rain.csv", "--as", "rain"], "pipelines/rain/pipeline.yaml exists. Choose another by"),
    (["init", "rain.csv"], "'rain.csv' must be a folder or a free name."),
]
# There as well: words that name something else than was meant.
NAMES = [
    *(
        ([*words, "rian", *more], "Did you mean 'rain'?")
        for words, more in (
            (["open"], []),
            (["try"], []),
            (["run"], []),
            (["check"], []),
            (["wire"], []),
            (["ingest"], []),
            (["costs"], []),
            (["canary"], []),
            (["readmit"], []),
            (["decode"], []),
            (["vectors"], ["nearest", "a"]),
            (["drift"], ["rain.csv"]),
            (["retrain"], []),
            (["why"], []),
        )
    ),
    (["check", "pipelines/rain/pipeline.yaml"], "called by its name. Received: 'pipelines/rain/pi"),
    (["run", "pipelines/rain/"], "Did you mean 'rain'?"),
    (["why", "trian"], "'trian' is no stage and no pipeline. Did you mean 'train'?"),
    (["why", "rain", "rain"], "One stage and one pipeline at most."),
    (["release", "rollback", "rain"], "A release is written NAME@VERSION, such as iris@v1."),
    (["add", "nothing.csv"], "'nothing.csv' must be a file, a folder or a set of scikit-learn."),
    (["add", "rain.csv", "--target", "rian", "--as", "a"], "Did you mean 'rain'?"),
    (["add", "rain.csv", "--as", "../a"], "A name must consist of letters"),
    (["add", "rain.csv", "--separator", ";;", "--as", "a"], "A separator is one character."),
    (["add", "https://example.org/rain.csv"], "write 'source: {url: ..., sha256: ...}'"),
    (["add", "rain.csv", "--decimal", ";"], "';' is not one of them. Valid names: ., ,."),
    (["predict", "rain.csv", "rain.csv"], "'rain.csv' must be an ONNX model: Load model"),
    (["predict", "rain.csv", "rain.csv", "--device", "gpuu"], "Did you mean 'gpu'?"),
    (["run", "--quite"], "No such option '--quite'. Did you mean '--quiet'?"),
    (["doctor", "--jsn"], "No such option '--jsn'. Did you mean '--json'?"),
]
# In an empty folder.
ELSEWHERE = [
    (["check"], NO_PROJECT),
    (["check", "rain"], NO_PROJECT),
    (["run"], NO_PROJECT),
    (["wire"], NO_PROJECT),
    (["add", "rain.csv"], NO_PROJECT),
    (["open", "rain"], NO_PROJECT),
    (["costs", "rain"], NO_PROJECT),
    (["ingest", "rain"], NO_PROJECT),
    (["status"], NO_PROJECT[:-1]),
    (["why"], NO_PROJECT[:-1]),
    (["release", "create", "rain"], "Releases need a git repository. Received: none here."),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One whose pipeline `rain` has never run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    file = tmp_path / "pipelines/rain/pipeline.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(PIPELINE)
    (tmp_path / "rain.csv").write_text("x,rain\n" + "1,0\n2,1\n" * 9)
    (tmp_path / "params.yaml").write_text(PARAMETERS)
    # Of which code is installed nothing here depends, and to read it takes seconds.
    monkeypatch.setattr("throughline.stages.run.refreshed", lambda root: root)
    monkeypatch.setattr("throughline.stages.wire.refreshed", lambda root: root)
    return tmp_path


def refused(capsys: Any, words: list[str]) -> str:
    """What a command says of a mistake, in one line without a word of ours."""
    capsys.readouterr()
    assert main(words) == 2
    said = str(capsys.readouterr().err)
    assert said.startswith("error: ") and said.count("\n") == 1, said
    assert not PYDANTIC.search(said) and not OURS.search(said), said
    return said


@pytest.mark.parametrize(("words", "told"), ORDERS, ids=[" ".join(each) for each, _ in ORDERS])
def test_what_must_come_first(words: list[str], told: str, project: Path, capsys: Any) -> None:
    assert told in refused(capsys, words)


@pytest.mark.parametrize(("words", "told"), NAMES, ids=[" ".join(each) for each, _ in NAMES])
def test_a_name_of_nothing(words: list[str], told: str, project: Path, capsys: Any) -> None:
    assert told in refused(capsys, words)


@pytest.mark.parametrize(("words", "told"), ELSEWHERE, ids=[" ".join(w) for w, _ in ELSEWHERE])
def test_a_folder_that_is_no_project(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told in refused(capsys, words)


def test_there_are_sixty() -> None:
    assert len(CHANGES) + len(ORDERS) + len(NAMES) + len(ELSEWHERE) >= 60


class TestSurroundings:
    def test_no_pipeline_yet(self, project: Path, capsys: Any) -> None:
        shutil.rmtree(project / "pipelines")
        assert "`throughline add DATA` makes one" in refused(capsys, ["run", "rain"])

    def test_a_file_where_a_folder_is_written(self, project: Path, capsys: Any) -> None:
        (project / ".dvc").mkdir()
        (project / "data").mkdir()
        (project / "data/raw").touch()
        for command in ("run", "ingest"):
            said = "'data/raw' must be a folder. Received: a file. Move it away."
            assert said in refused(capsys, [command, "rain"])

    def test_none_to_check(self, project: Path, capsys: Any) -> None:
        shutil.rmtree(project / "pipelines")
        assert main(["check"]) == 0
        assert "no pipeline yet; throughline add DATA makes one" in "".join(capsys.readouterr())

    def test_a_folder_that_takes_no_project(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/proc/x")

        monkeypatch.setattr(Path, "mkdir", refuse)
        assert "'/proc/x' must be" in refused(capsys, ["init", "new"])

    @pytest.mark.parametrize("words", [["run", "rain"], ["status"], ["why", "rain"]])
    def test_no_repository_of_dvc(self, words: list[str], project: Path, capsys: Any) -> None:
        assert "run `throughline init` here" in refused(capsys, words)

    @pytest.mark.parametrize("words", [["create", "rain"], ["list", "rain"]])
    def test_no_repository_of_git(self, words: list[str], project: Path, capsys: Any) -> None:
        said = refused(capsys, ["release", *words])
        assert "Releases need a git repository" in said and "`git init`" in said

    def test_no_git(self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        monkeypatch.setenv("PATH", str(project))
        told = refused(capsys, ["release", "create", "rain"])
        # Not that git must know who commits, which it would be asked for.
        assert told.startswith("error: Git must be installed for this.")

    @pytest.mark.parametrize(
        ("name", "content", "words", "told"),
        [
            ("params.yaml", "seed: [\n", ["check"], "params.yaml:2 is not valid YAML"),
            ("params.yaml", "seed: abc\n", ["check"], "seed should be a whole number from 0 on."),
            ("params.yaml", "backend: tensorflo\n", ["check"], "Did you mean 'tensorflow'?"),
            (
                "params.yaml",
                "device: gpuu\n",
                ["check"],
                "params.yaml:1:1: device should be",
            ),
            ("data/raw/rain/rows.parquet", "x", ["validate", "rain"], "must be sound Parquet."),
            ("params.yaml", "- 1\n", ["check"], "params.yaml must hold a mapping"),
            ("params.yaml", "limits: {byte: 1}\n", ["ingest", "rain"], "Did you mean 'bytes'?"),
            ("params.yaml", "sead: 1\n", ["train", "rain"], "params.yaml must set seed"),
            ("pipelines/rain/pipeline.yaml", "", ["check"], "must hold a mapping of sections"),
            ("pipelines/rain/pipeline.yaml", "a: [\n", ["run", "rain"], "is not valid YAML"),
            ("pipelines/a b/pipeline.yaml", PIPELINE, ["check"], "Received: 'a b'."),
            ("dvc.yaml", "stages: [", ["status"], "unable to read: 'dvc.yaml'"),
            (".dvc/config", "[core", ["status"], "config file error"),
            (".dvc/config", "[core", ["why"], "config file error"),
        ],
    )
    def test_a_file_that_cannot_be_read(
        self, name: str, content: str, words: list[str], told: str, project: Path, capsys: Any
    ) -> None:
        (project / ".dvc").mkdir()
        (project / ".dvc/config").write_text("[core]\n    no_scm = true\n")
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        assert told in refused(capsys, words)

    def test_a_file_that_is_no_text(self, project: Path, capsys: Any) -> None:
        (project / "pipelines/rain/pipeline.yaml").write_bytes(b"\xff\xfe")
        assert "must be UTF-8 text" in refused(capsys, ["check"])

    @pytest.mark.parametrize(
        ("taken", "words"),
        [
            ("reports", ["add", "rain.csv", "--as", "b"]),
            ("reports", ["try", "asked", "--no-open"]),
            ("data", ["ingest", "rain"]),
        ],
    )
    def test_a_file_where_a_folder_is_needed(
        self,
        taken: str,
        words: list[str],
        project: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Any,
    ) -> None:
        (project / taken).write_text("")
        monkeypatch.setattr("throughline.trial.trial.described", lambda _: {})
        monkeypatch.setattr("throughline.trial.trial._model", lambda _: b"")
        monkeypatch.setattr("throughline.trial.runtime.runtime", lambda _: None)
        monkeypatch.setattr("throughline.trial.trial_page.page", lambda *_: "")
        assert taken in refused(capsys, words)

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR])
    def test_a_folder_that_takes_nothing(
        self, number: int, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise OSError(number, os.strerror(number), "reports/b")

        monkeypatch.setattr("throughline.profile.profile.profile", refuse)
        said = refused(capsys, ["add", "rain.csv", "--as", "b"])
        assert "'reports/b' must be" in said and os.strerror(number) in said

    def test_a_source_that_may_not_be_read(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", "rain.csv")

        monkeypatch.setattr("throughline.sources.kinds.file.file_at_hand", refuse)
        assert "Permission denied: rain.csv" in refused(capsys, ["ingest", "rain"])

    def test_a_mirror_that_is_no_folder(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.setenv("THROUGHLINE_MIRROR", "/nothing/here")
        assert "Unset THROUGHLINE_MIRROR or mend it" in refused(capsys, ["ingest", "rain"])

    def test_a_gpu_that_is_not_there(self, project: Path, capsys: Any) -> None:
        (project / "model.onnx").write_bytes(b"")
        said = refused(capsys, ["predict", "model.onnx", "rain.csv", "--device", "gpu"])
        assert "gpu" in said

    def test_a_folder_to_write_into_that_is_not_there(self, project: Path, capsys: Any) -> None:
        (project / "model.onnx").write_bytes(b"")
        words = ["predict", "model.onnx", "rain.csv", "-o", "nowhere/answers.csv"]
        assert "There is no folder 'nowhere'" in refused(capsys, words)

    def test_a_python_that_is_not_known_to_work(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        from throughline.cli.surroundings import _python

        monkeypatch.setattr(sys, "version_info", (3, 14, 0))
        assert next(_python()).remedy == "Use Python 3.11 or 3.12"


def test_of_a_stage_that_a_library_fails_in_check_says_why(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """`dvc repro` runs no `check` before: a wrong setting ended in Keras' traceback."""

    def fails(*_: Any) -> None:
        raise ValueError("'float' object cannot be interpreted as an integer")

    monkeypatch.setattr("throughline.stages.run.run_stage", fails)
    with pytest.raises(ValueError, match="'float' object"):
        main(["train", "rain"])
    optimizer = "optimizer: {Adam: {gradient_accumulation_steps: 2.5}}"
    (project / "pipelines/rain/pipeline.yaml").write_text(
        PIPELINE.replace("{epochs: 1}", f"{{epochs: 1, {optimizer}}}")
    )
    assert "gradient_accumulation_steps" in refused(capsys, ["train", "rain"])

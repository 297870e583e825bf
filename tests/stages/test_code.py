"""Stages depend on the code that they can run, by digest: no more and no less."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.repositories import PARAMETERS
from throughline.errors import BadPipeline
from throughline.paths import read_json
from throughline.running.why import why
from throughline.stages.declared import EVERY_STAGE, stages_of
from throughline.stages.digests import code as module
from throughline.stages.digests import syntax
from throughline.stages.digests.code import FILE, Reader, closure_of, code, refreshed
from throughline.stages.digests.syntax import Source, parsed
from throughline.stages.wire import wire

ROOT = Path(__file__).parents[2]
MODULE = '''"""Rows."""
from mine.numbers import count


def rows(seed: int) -> dict[str, list[float]]:
    """Made rows."""
    # The simplest that can be told apart.
    x = [float(i % 7) for i in range(count())]
    return {"x": x, "y": [2 * value + seed for value in x]}
'''
PIPELINE = {
    "title": "A line",
    "task": "regression",
    "source": {"generator": "mine.data:rows", "arguments": {"seed": 1}},
    "target": "y",
    "columns": {"x": None},
    "split": {"test": 0.2, "guards": {"duplicates": "off", "target_in_disguise": "off"}},
    "network": [],
    "training": {"epochs": 2},
    "cross_validation": {"folds": 2},
}
# What starts a stage, before the stage's own code: it decides nothing of what the stage writes.
STARTS = (
    "throughline.__main__",
    "throughline.cli",
    "throughline.order",
    "throughline.processes",
    "throughline.stages.digests",
    "throughline.stages.costs",
    "throughline.stages.declared",
    "throughline.pipeline.local_files",
    "throughline.stages.run",
    "throughline.stages.wire",
    "throughline.terminal",
    "throughline.report",
)


# What tells a mistake of a request in one line; whatever the command.
ENDS = {
    "throughline.cache",
    "throughline.limits",
    "throughline.memory",
    "throughline.serving",
    "throughline.serving.deadline",
    "throughline.serving.errors",
}


def digest(text: str) -> str:
    return parsed(text.encode(), "module.py").digest


class TestDigest:
    @pytest.mark.parametrize(
        "other",
        [
            MODULE.replace('"""Made rows."""', '"""Rows that are made."""'),
            MODULE.replace("    # The simplest that can be told apart.\n", ""),
            MODULE.replace("[float(i % 7) for", "[\n        float(i % 7)  # a week\n        for"),
            MODULE.replace('"""Rows."""\n', ""),
        ],
        ids=["docstring", "comment", "layout", "no docstring"],
    )
    def test_words_about_the_code_do_not_count(self, other: str) -> None:
        assert other != MODULE
        assert digest(other) == digest(MODULE)

    @pytest.mark.parametrize(
        "other",
        [
            MODULE.replace("% 7", "% 8"),
            MODULE.replace("2 * value", "2.0 * value"),
            MODULE.replace('"y"', '"z"'),
            MODULE.replace("from mine", "from yours"),
        ],
    )
    def test_the_code_does(self, other: str) -> None:
        assert digest(other) != digest(MODULE)

    @pytest.mark.parametrize("version", ["3.12", "3.13"])
    def test_is_the_same_under_another_python(self, version: str) -> None:
        python = shutil.which(f"python{version}")
        if python is None or subprocess.run([python, "-c", ""], check=False).returncode:
            pytest.skip(f"there is no python{version} on this machine")
        files = sorted((ROOT / "throughline").rglob("*.py"))
        script = (
            "import sys; from pathlib import Path; import syntax\n"
            "for f in sys.argv[1:]: print(syntax.parsed(Path(f).read_bytes(), f).digest)\n"
        )
        done = subprocess.run(
            [python, "-c", script, *map(str, files)],
            # The module alone: the project need not be installed there.
            cwd=ROOT / "throughline/stages",
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == [parsed(f.read_bytes(), f.name).digest for f in files]


class TestClosure:
    def test_modules_that_are_imported_by_name_are_in_it(self) -> None:
        assert "throughline.sources.kinds.sql" in closure_of(ROOT, "stages.ingest")
        assert "throughline.sources.formats.wav" in closure_of(ROOT, "stages.ingest")
        assert "throughline.guards.disguise" in closure_of(ROOT, "stages.prepare")
        assert "throughline.export.converters.recurrent.layers" in closure_of(ROOT, "stages.export")

    def test_so_are_processes_and_data_files(self) -> None:
        found = closure_of(ROOT, "stages.cross_validate")
        assert "throughline.training.search.worker" in found
        assert "throughline/training/catalogue/layers.json" in found
        assert "throughline/validation/expectations.json" in closure_of(ROOT, "stages.validate")

    def test_what_a_stage_never_imports_is_not(self) -> None:
        assert not any(
            name.startswith("throughline.training") for name in closure_of(ROOT, "stages.ingest")
        )
        assert not any(
            name.startswith("throughline.evaluation") for name in closure_of(ROOT, "stages.train")
        )
        assert "throughline.serving.generate" not in closure_of(ROOT, "stages.evaluate")

    def test_all_names_of_the_parameters_are_there(self) -> None:
        assert set(code(ROOT, [])["stages"]) == {*EVERY_STAGE, "scoreboard"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command with this environment's programs, and return what it prints."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    def command(root: Path, *arguments: str) -> str:
        done = subprocess.run(arguments, cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return command


@pytest.fixture
def project(tmp_path: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a function of its own, in git and DVC, built as far as `ingest`."""
    root = tmp_path / "project"
    (root / "mine").mkdir(parents=True)
    (root / "mine/__init__.py").touch()
    (root / "mine/data.py").write_text(MODULE)
    (root / "mine/numbers.py").write_text("def count():\n    return 40\n")
    (root / "params.yaml").write_text(PARAMETERS)
    (root / "pipelines/line").mkdir(parents=True)
    (root / "pipelines/line/pipeline.yaml").write_text(yaml.safe_dump(PIPELINE, sort_keys=False))
    (root / ".gitignore").write_text("/data/\n/models/\n/reports/\n/.cache/\n__pycache__\n")
    monkeypatch.chdir(root)
    run(root, "git", "init", "-q")
    run(root, "git", "config", "user.email", "tester@localhost")
    run(root, "git", "config", "user.name", "Tester")
    run(root, "dvc", "init", "-q")
    wire(root, ["line"])
    run(root, "dvc", "repro", "-q", "pipelines/line/dvc.yaml:ingest")
    run(root, "git", "add", ".")
    run(root, "git", "commit", "-qm", "Built")
    return root


def test_what_another_version_computed_is_not_believed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memo of digests once outlived a change of how they are computed."""
    before = code(project, [])
    monkeypatch.setattr(syntax, "__file__", str(project / "mine/numbers.py"))
    monkeypatch.setattr(module, "_library", lambda: ROOT)
    monkeypatch.setattr(module, "parsed", lambda *_: Source("0" * 20, (), False))
    assert code(project, [])["stages"] != before["stages"]


def test_a_project_that_is_new_does_not_read_the_library_again(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = code(project, [])
    monkeypatch.setattr(module, "parsed", lambda *_: pytest.fail("it was parsed again"))
    assert code(tmp_path, [])["stages"] == before["stages"]


def test_a_cache_that_cannot_be_written_costs_nothing_else(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = code(project, [])
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert code(project, []) == before


def test_a_module_that_is_no_python_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("x = 1\ndef rows(:\n")
    with pytest.raises(BadPipeline, match=r"broken.py:2 must be Python"):
        code(tmp_path, [{"source": {"generator": "broken:rows"}}])


def reran(told: str) -> list[str]:
    return [line.split(":")[1][:-1] for line in told.splitlines() if "Running stage 'pipe" in line]


class TestWhatReruns:
    def test_a_comment_nothing_a_changed_line_its_stage(
        self, project: Path, run: Callable[..., str]
    ) -> None:
        repro = ("dvc", "repro", "pipelines/line/dvc.yaml:ingest")
        module = project / "mine/data.py"
        module.write_text(MODULE.replace("# The simplest", "# Of all the simplest"))
        assert reran(run(project, *repro)) == []
        assert run(project, "git", "status", "--short") == " M mine/data.py\n"
        (project / "mine/numbers.py").write_text("def count():\n    return 50\n")
        assert why(project, "ingest", "line") == (
            "line ingest would rerun:\n"
            "  code of mine.numbers changed\n"
            "After it, where its outputs differ: line validate, line prepare, line cross_validate, "
            "line train, line export, line evaluate."
        )
        assert reran(run(project, *repro)) == ["ingest"]
        assert len(read_json(project / "data/raw/line/provenance.json")) > 1

    def test_a_stale_file_is_never_used(self, project: Path, run: Callable[..., str]) -> None:
        before = (project / FILE).read_text()
        (project / FILE).write_text(before.replace('"ingest": "', '"ingest": "0'))
        assert refreshed(project).read_text() == before
        (project / FILE).unlink()
        assert reran(run(project, "dvc", "repro", "pipelines/line/dvc.yaml:ingest")) == []
        assert (project / FILE).read_text() == before
        (project / FILE).write_text("{")
        run(project, "throughline", "validate", "line")
        assert (project / FILE).read_text() == before


def test_each_stage_runs_what_its_closure_holds(project: Path, run: Callable[..., str]) -> None:
    """Every stage for real, in a process of its own that tells which modules it imported."""
    script = (
        "import sys; from throughline.cli import main; code = main(sys.argv[1:])\n"
        "print('\\n'.join(n for n in sys.modules if n.split('.')[0] in ('throughline', 'mine')))\n"
        "sys.exit(code)\n"
    )
    reader = Reader(project)
    for stage in [each.name for each in stages_of({})]:
        told = run(project, sys.executable, "-c", script, stage, "line").split()
        imported = {name for name in told if name.split(".")[0] in ("throughline", "mine")}
        held = set(reader.closure([f"throughline.stages.{stage}", "throughline.stages.given"]))
        if stage == "ingest":
            held |= closure_of(project, "own.mine-data")
        if stage == "evaluate":
            # The page of all pipelines, which is no output, is written once the stage has ended.
            held |= set(reader.closure(["throughline.project.index"]))
        assert f"throughline.stages.{stage}" in imported
        # `dvc.yaml` is written from all declarations; the functions beside them are not called.
        others = {f"throughline.stages.{name}" for name in EVERY_STAGE}
        unknown = imported - held - ENDS - others
        assert {name for name in unknown if not name.startswith(STARTS)} == set(), stage

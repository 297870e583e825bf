"""Code runs only where docs/security.md says so."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.security.projects import CODE, SHARED, Refused, written
from throughline.cli import main
from throughline.releasing.git import changed_files, git
from throughline.running import history

LIBRARY = Path(__file__).parents[2] / "throughline"
OWN = {
    "os": ("os:system", ""),
    "builtins": ("builtins:eval", ""),
    "a file beside data": ("data.mine:rows", "data/mine.py"),
    "a file beside a pipeline": ("pipelines.rain.mine:rows", "pipelines/rain/mine.py"),
    "a file beside data on a disk without capitals": ("Data.mine:rows", "Data/mine.py"),
    "a hidden file": (".cache.mine:rows", ".cache/mine.py"),
    "the library": ("throughline.cli:main", ""),
    "a path": ("../mine:rows", ""),
    "no function": ("mine", "mine.py"),
    "another's function": ("mine:system", "mine.py"),
    "a module named like Python's": ("json:rows", "json.py"),
}


class TestCode:
    @pytest.mark.parametrize("name", OWN)
    def test_generator(self, project: Path, refused: Refused, name: str) -> None:
        from throughline.errors import BadPipeline
        from throughline.pipeline.own_code import own_function

        address, file = OWN[name]
        if file:
            (project / file).parent.mkdir(parents=True, exist_ok=True)
            code = CODE.replace("open('MARKER', 'w')\n", "") if file == "mine.py" else CODE
            (project / file).write_text(code)
        with pytest.raises(BadPipeline):
            own_function(address, project, "source.generator")
        assert not (project / "MARKER").exists()

    @pytest.mark.parametrize("address", ["os:system", "builtins:exec", "data.mine:rows"])
    def test_ingest(self, project: Path, unfetched: Refused, address: str) -> None:
        (project / "data").mkdir()
        (project / "data" / "mine.py").write_text(CODE)
        unfetched("source.generator", generator=address, arguments={"command": "touch MARKER"})

    def test_a_link_to_a_module_elsewhere(self, project: Path) -> None:
        from throughline.pipeline.own_code import ForbiddenCode, own_function

        (project.parent / "elsewhere.py").write_text(CODE)
        (project / "mine.py").symlink_to(project.parent / "elsewhere.py")
        with pytest.raises(ForbiddenCode):
            own_function("mine:rows", project, "network")
        assert not (project / "MARKER").exists()

    @pytest.mark.parametrize("folders", [None, ["own/rows"]])
    def test_a_package_above_that_is_none_of_the_project_s(
        self, project: Path, folders: list[str] | None
    ) -> None:
        """A link into the data, or outside the folders that may hold code."""
        from throughline.pipeline.own_code import ForbiddenCode, own_function

        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "code": folders}))
        for folder in ("data", "own/rows"):
            (project / folder).mkdir(parents=True)
        (project / "data" / "mine.py").write_text(CODE)
        (project / "own" / "__init__.py").symlink_to(project / "data" / "mine.py")
        (project / "own" / "rows" / "made.py").write_text("def rows():\n    return {}\n")
        with pytest.raises(ForbiddenCode, match=r"mine\.py"):
            own_function("own.rows.made:rows", project, "network")
        assert not (project / "MARKER").exists()

    @pytest.mark.parametrize("folders", [[], ["own"]])
    def test_other_folders_than_those_of_params(self, project: Path, folders: list[str]) -> None:
        from throughline.pipeline.own_code import ForbiddenCode, own_function

        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "code": folders}))
        (project / "mine.py").write_text(CODE)
        with pytest.raises(ForbiddenCode, match=r"'code' of params\.yaml"):
            own_function("mine:rows", project, "network")
        assert not (project / "MARKER").exists()

    @pytest.mark.parametrize("folders", [["/etc"], ["../x"], "own", [1]])
    def test_folders_outside(self, project: Path, folders: Any) -> None:
        from throughline.errors import BadPipeline
        from throughline.pipeline.own_code import own_function

        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "code": folders}))
        (project / "mine.py").write_text(CODE)
        with pytest.raises(BadPipeline, match="list of folders inside"):
            own_function("mine:rows", project, "network")

    def test_no_code(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from throughline.pipeline.own_code import ForbiddenCode, own_function

        # Set by the command; taken back when the test ends.
        monkeypatch.setenv("THROUGHLINE_NO_CODE", "")
        (project / "own_rows.py").write_text(CODE)
        assert main(["--no-code", "check"]) == 0
        with pytest.raises(ForbiddenCode, match="--no-code"):
            own_function("own_rows:rows", project, "source.generator")
        assert not (project / "MARKER").exists()

    @pytest.mark.parametrize(
        "words",
        [
            "run", "flow", "retrain", "deploy up", "reproduce rain@v1", "run --strict",
            "release create rain", "release push rain@v1", "release pull",
            "release promote rain@v1 production", "release approve rain@v1 production",
            "release rollback rain@v1",
        ],
    )  # fmt: skip
    def test_no_code_runs_no_stages(
        self, words: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.setenv("THROUGHLINE_NO_CODE", "")
        stages = {"stages": {"harm": {"cmd": "touch MARKER", "always_changed": True}}}
        (project / "dvc.yaml").write_text(yaml.safe_dump(stages))
        assert main(["--no-code", *words.split()]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "' runs commands, flows or tasks of the project" in line or ".git/config" in line
        assert not (project / "MARKER").exists()

    def test_a_process_of_ours_imports_nothing_of_the_project(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Python would look for modules where it is started, before all others."""
        from throughline.export.proof.fresh_process import prove

        for name in ("numpy", "onnxruntime", "resource", "pathlib"):
            (project / f"{name}.py").write_text(CODE)
        (project / "requests").mkdir()
        prove(project / "requests")
        assert not (project / "MARKER").exists()

    def test_every_python_that_is_started_is_told_so(self) -> None:
        """`-P` stands before the rest, but where a release or Prefect runs the project's code."""
        own = {"reproduce.py", "archive.py", "deploy.py"}
        unsafe = []
        for path in LIBRARY.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text if "sys.executable" in text else "")):
                words = [ast.unparse(each) for each in getattr(node, "elts", [])]
                # A list of the interpreter alone is what a project's own command begins with.
                if words[:1] == ["sys.executable"] and words[1:] and words[1] != "'-P'":
                    unsafe.append(path.name)
        assert set(unsafe) <= own

    def test_git_runs_nothing_that_a_project_configures(self, project: Path) -> None:
        """Neither where a command looks, nor its hooks under --no-code."""
        git(project, "init", "--quiet")
        for name, program in (("core.fsmonitor", "touch MARKER"), ("log.showSignature", "true"),
                              ("gpg.program", str(project / "gpg"))):  # fmt: skip
            git(project, "config", name, program)
        (project / "gpg").write_text("#!/bin/sh\ntouch MARKER\n")
        (project / "gpg").chmod(0o755)
        for person in ("user.name", "user.email"):
            git(project, "config", person, "me")
        git(project, "add", "params.yaml")
        git(project, "commit", "--quiet", "--message", "All", "--", "params.yaml")
        tree = git(project, "write-tree")
        person = "a <a> 0 +0000"
        mark = "-----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----"
        head = f"tree {tree}\nauthor {person}\ncommitter {person}\ngpgsig {mark}"
        signed = f"{head}\n\nAll\n"
        (project / "signed").write_text(signed)
        commit = git(project, "hash-object", "-t", "commit", "-w", "--literally", "signed")
        git(project, "reset", "--quiet", "--soft", commit)
        assert changed_files(project, ".")
        assert git(project, "log", "-1", "--format=%H") == commit
        history._git(project, "log", "-n1", "--format=%H")
        assert not (project / "MARKER").exists()

    def test_hooks_of_git_under_no_code(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        git(project, "init", "--quiet")
        hook = project / ".git" / "hooks" / "post-checkout"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\ntouch MARKER\n")
        hook.chmod(0o755)
        for person in ("user.name", "user.email"):
            git(project, "config", person, "me")
        git(project, "add", "params.yaml")
        git(project, "commit", "--quiet", "--message", "All")
        monkeypatch.setenv("THROUGHLINE_NO_CODE", "1")
        git(project, "worktree", "add", "--quiet", "--detach", "other")
        assert not (project / "MARKER").exists()
        monkeypatch.delenv("THROUGHLINE_NO_CODE")
        git(project, "worktree", "add", "--quiet", "--detach", "another")
        assert (project / "another" / "MARKER").exists()

    def test_looking_runs_nothing(self, project: Path) -> None:
        (project / "own_rows.py").write_text(CODE)
        written(project, source={"generator": "own_rows:rows"}, network="own_rows:rows")
        assert main(["check", "rain"]) == 0
        assert not (project / "MARKER").exists()

"""`throughline init`: whole where nothing is, careful where something is."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from throughline.cli import main
from throughline.project import SHARED
from throughline.project.init import CHECKOUT, FILES, initialised, template
from throughline.stages.wire import CODE_ENTRY


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(params=["nothing", "git", "below git"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder that is none yet, that git keeps, that lies in one that git keeps."""
    if request.param == "nothing":
        return tmp_path / "new/shop"
    git(tmp_path, "init", "-q")
    return tmp_path if request.param == "git" else tmp_path / "systems/shop"


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    found = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in found
    }


class TestAProject:
    def test_is_whole_and_a_second_time_changes_nothing(self, folder: Path, capsys: Any) -> None:
        assert main(["init", str(folder)]) == 0
        before = contents(folder)
        told = capsys.readouterr().out
        for name in ("params.yaml", "prefect.yaml", "README.md", "pipelines/README.md"):
            assert f"wrote {name}\n" in told and name in before
        assert yaml.safe_load((folder / "dvc.yaml").read_text()) == {"stages": {"code": CODE_ENTRY}}
        assert main(["init", str(folder)]) == 0
        assert capsys.readouterr().out == f"{folder} is a project already; nothing to do\n"
        assert contents(folder) == before

    def test_is_a_repository_of_dvc(self, folder: Path) -> None:
        initialised(folder)
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "root"], cwd=folder, capture_output=True, text=True
        )
        assert done.stdout == ".\n", done.stderr
        config = (folder / ".dvc/config").read_text()
        assert "analytics = False" in config
        kept = (folder / ".git").exists() or (folder.name == "shop" and "systems" in folder.parts)
        assert ("no_scm" in config) != kept

    def test_has_what_stages_write_ignored_by_git(self, tmp_path: Path) -> None:
        git(tmp_path, "init", "-q")
        initialised(tmp_path / "shop")
        for name in ("data/raw/x", "models/x/model.onnx", "reports/x", ".cache/x"):
            (tmp_path / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "shop" / name).touch()
        loose = git(tmp_path, "ls-files", "--others", "--exclude-standard").splitlines()
        expected = {f"shop/{path}" for path in template()} | {"shop/dvc.yaml"}
        # DVC has added these to git itself.
        own = {"shop/.dvcignore"}
        assert set(loose) == expected - own

    def test_has_a_test_that_passes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        initialised(tmp_path / "shop")
        held = tmp_path / "shop/tests/test_pipelines.py"
        monkeypatch.chdir(tmp_path / "shop")
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(held)]
        done = subprocess.run(words, capture_output=True, text=True)
        assert "1 passed" in done.stdout, done.stdout + done.stderr
        (tmp_path / "shop/pipelines/bad").mkdir()
        (tmp_path / "shop/pipelines/bad/pipeline.yaml").write_text("title: Bad\n")
        assert main(["check"]) == 2

    def test_may_have_a_workflow_where_github_looks(self, folder: Path, tmp_path: Path) -> None:
        told = initialised(folder, ci=True)
        inside = (tmp_path / ".git").exists()
        file = (tmp_path if inside else folder) / ".github/workflows/throughline.yml"
        assert f"wrote {file}" in told
        job = yaml.safe_load(file.read_text())["jobs"]["pipelines"]
        place = folder.relative_to(tmp_path).as_posix() if inside else "."
        (plots,) = [step["with"] for step in job["steps"] if "artifact" in step.get("uses", "")]
        assert plots["path"] == (Path(place) / "plots").as_posix()
        (checkout,) = [step["with"] for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert checkout["fetch-depth"] == 0
        assert job["defaults"]["run"]["working-directory"] == place
        assert initialised(folder, ci=True) == [f"{folder} is a project already; nothing to do"]


class TestTheWorkflow:
    def test_gives_secrets_to_the_step_that_pulls_alone(self, tmp_path: Path) -> None:
        initialised(tmp_path, ci=True)
        workflow = yaml.safe_load((tmp_path / ".github/workflows/throughline.yml").read_text())
        job = workflow["jobs"]["pipelines"]
        steps = job.pop("steps")
        assert "secrets" not in json.dumps([workflow["env"], job])
        holding = [step for step in steps if "secrets" in json.dumps(step)]
        assert [step["name"] for step in holding] == ["Pull"]
        # What a pull request changes may run from `Check` on, and no sooner.
        assert re.findall(r"^(\w+) ", holding[0]["run"], re.MULTILINE) == ["test", "dvc", "dvc"]
        names = [step.get("name") for step in steps]
        assert names[names.index("Pull") - 1 :][:3] == ["Install", "Pull", "Check"]

    def test_gives_none_to_a_pull_request_from_a_fork(self, tmp_path: Path) -> None:
        initialised(tmp_path, ci=True)
        workflow = yaml.safe_load((tmp_path / ".github/workflows/throughline.yml").read_text())
        # `pull_request_target` would run with the secrets of the repository that is asked.
        assert set(workflow[True]) == {"push", "pull_request"}
        (pull,) = [s for s in workflow["jobs"]["pipelines"]["steps"] if s.get("name") == "Pull"]
        keys = {name: text for name, text in pull["env"].items() if "secrets" in text}
        assert set(keys) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
        for name, text in keys.items():
            for event, head, given in (
                ("push", None, "marked"),
                ("pull_request", "owner/shop", "marked"),
                ("pull_request", "stranger/shop", ""),
                # A fork that is gone.
                ("pull_request", None, ""),
            ):
                facts = {
                    "github.event_name": event,
                    "github.event.pull_request.head.repo.full_name": head,
                    "github.repository": "owner/shop",
                    f"secrets.{name}": "marked",
                }
                assert evaluated(text, facts) == given


def evaluated(expression: str, facts: Mapping[str, str | None]) -> object:
    """What GitHub makes of an expression of names, texts, `==`, `&&` and `||`."""
    inner = re.fullmatch(r"\$\{\{(.*)\}\}", expression)
    assert inner is not None
    words = " ".join(inner[1].replace("&&", " and ").replace("||", " or ").split())
    return _value(ast.parse(words, mode="eval").body, facts)


def _value(node: ast.expr, facts: Mapping[str, str | None]) -> object:
    if isinstance(node, ast.BoolOp):
        for each in node.values:
            found = _value(each, facts)
            if bool(found) == isinstance(node.op, ast.Or):
                break
        return found
    if isinstance(node, ast.Compare):
        return _value(node.left, facts) == _value(node.comparators[0], facts)
    return node.value if isinstance(node, ast.Constant) else facts[ast.unparse(node)]


class TestWhatIsThere:
    def test_stays_as_it_is(self, tmp_path: Path, capsys: Any) -> None:
        (tmp_path / "flows").mkdir()
        (tmp_path / "flows/pipeline.py").write_text("# mine\n")
        (tmp_path / "dvc.yaml").write_text("stages: {mine: {cmd: 'true'}}\n")
        (tmp_path / "params.yaml").write_bytes(template()[Path("params.yaml")])
        assert main(["init", str(tmp_path)]) == 0
        told = capsys.readouterr().out.splitlines()
        assert "left flows/pipeline.py as it is; a new project has another" in told
        assert "left dvc.yaml as it is; a new project has another" in told
        assert not any("params.yaml" in line for line in told)
        assert (tmp_path / "flows/pipeline.py").read_text() == "# mine\n"
        (added,) = [line for line in told if line.startswith("add to the stages of dvc.yaml")]
        assert yaml.safe_load(added.partition(": ")[2]) == {"code": CODE_ENTRY}

    def test_may_be_a_file_of_that_name(self, tmp_path: Path, capsys: Any) -> None:
        (tmp_path / "shop").touch()
        assert main(["init", str(tmp_path / "shop")]) == 2
        assert "must be a folder or a free name. Received: a file" in capsys.readouterr().err

    def test_may_be_a_folder_that_git_ignores(self, tmp_path: Path, capsys: Any) -> None:
        git(tmp_path, "init", "-q")
        (tmp_path / ".gitignore").write_text(".dvc\n")
        assert main(["init", str(tmp_path)]) == 2
        assert "ignored by your SCM tool" in capsys.readouterr().err


class TestTheFiles:
    def test_are_those_of_this_repository(self) -> None:
        found = template()
        for name in SHARED:
            assert (CHECKOUT / name).exists()
            assert any(path.parts[: len(Path(name).parts)] == Path(name).parts for path in found)
        flows = {path for path in found if path.parts[0] in ("flows", "tasks")}
        assert flows == {
            path.relative_to(CHECKOUT)
            for folder in ("flows", "tasks")
            for path in (CHECKOUT / folder).glob("*.py")
        }

    def test_schedule_nothing_by_themselves(self) -> None:
        for deployment in yaml.safe_load((FILES / "prefect.yaml").read_text())["deployments"]:
            file, _, flow = deployment["entrypoint"].partition(":")
            assert f"def {flow}(" in (CHECKOUT / file).read_text()
            assert not any(schedule["active"] for schedule in deployment["schedules"])

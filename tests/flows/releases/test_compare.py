"""`throughline compare`: what a pull request changes, for its reader and for a program."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo
from hypothesis import given
from hypothesis import strategies as st

from tests.flows import shop
from tests.flows.shop import commit, git, write
from throughline.cli import main
from throughline.project.init import initialised
from throughline.releasing.comparison import MOST_BYTES, Pair, Side, compared, markdown, plain_lines


def report(accuracy: float, holds: bool = True, **more: Any) -> dict[str, Any]:
    """What `evaluate` wrote, as far as it is compared."""
    figure = {"value": accuracy, "low": accuracy - 0.1, "high": accuracy + 0.1}
    gates = [{"gate": "accuracy >= 0.8", "holds": holds, "value": accuracy}]
    return {"branches": {"main": {"metrics": {"accuracy": figure, **more}}}, "gates": gates}


def pair(before: Side, here: Side, name: str = "tea") -> Pair:
    return Pair(name, before, here)


class TestMarkdown:
    def test_figures_gates_and_curves_of_both(self) -> None:
        loss = {"value": 0.5, "low": None, "high": None}
        before = Side(report(0.9, loss=loss), (0.5, 0.4, 0.3))
        here = Side(report(0.6, holds=False, loss={**loss, "value": 0.4}), (0.6, 0.2))
        text = markdown([pair(before, here)], "origin/main")
        assert text.startswith("## Pipelines against `origin/main`\n\n### tea\n")
        assert "| accuracy | 0.9 (0.8 to 1) | 0.6 (0.5 to 0.7) | worse |" in text
        assert "| loss | 0.5 | 0.4 | better |" in text
        assert "| accuracy \\>= 0.8 | holds, 0.9 | **broken**, 0.6 |" in text
        assert "**Gates broken:** tea: accuracy \\>= 0.8." in text
        chart = re.search(r"```mermaid\nxychart-beta\n(.*?)\n```", text, re.DOTALL)
        assert chart is not None
        assert "line [0.5, 0.4, 0.3]" in chart[1] and "line [0.6, 0.2, 0.2]" in chart[1]

    def test_what_did_not_change_is_a_line(self) -> None:
        side = Side(report(0.9))
        text = markdown([pair(side, side), pair(side, side, "mint")], "main")
        assert "As before: tea, mint." in text and "###" not in text and "All gates hold." in text

    def test_a_difference_within_the_intervals_is_said_to_be(self) -> None:
        text = markdown([pair(Side(report(0.9)), Side(report(0.85)))], "main")
        assert "| worse, within the intervals |" in text

    def test_a_new_one_and_one_that_did_not_run(self) -> None:
        text = markdown([pair(Side(), Side(report(0.9))), pair(Side(report(0.9)), Side())], "main")
        assert "nothing to compare with" in text and "| – | 0.9 (0.8 to 1) |" in text
        assert "its stages did not run" in text

    def test_a_long_one_stays_a_comment(self) -> None:
        curves = [Side(report(0.9), tuple(float(n) for n in range(200))) for _ in range(200)]
        text = markdown(
            [pair(Side(report(0.8)), side, f"p{n}") for n, side in enumerate(curves)], "m"
        )
        assert len(text.encode()) <= MOST_BYTES + 1
        assert "**p199**" in text and "All gates hold." in text

    @given(st.text(max_size=60))
    def test_no_name_is_more_than_text(self, name: str) -> None:
        figure = {"value": 1.0, "low": None, "high": None}
        here = Side({"branches": {"main": {"metrics": {name: figure}}}, "gates": []})
        (row,) = [line for line in markdown([pair(Side(), here)], "main").splitlines()
                  if line.endswith("| 1 |  |")]  # fmt: skip
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 5
        assert not re.search(r"(?<!\\)(?:\\\\)*[<`\[]", row)
        # GitHub would write to whoever is called so, with a backslash before it, too.
        assert not re.search(r"@\w|#\d", row)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose evaluation DVC keeps, on a branch that changed it."""
    root = tmp_path / "project"
    write(root / "pipelines/tea/pipeline.yaml", "title: Tea\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.email", "tester@localhost")
    git(root, "config", "user.name", "Tester")
    monkeypatch.chdir(root)
    with Repo.init(str(root)) as repo, repo.config.edit() as config:
        config["remote"]["store"] = {"url": str(root.parent / "store")}
        config["core"]["remote"] = "store"
    kept(root, 0.9)
    git(root, "checkout", "-qb", "change")
    kept(root, 0.75, holds=False)
    return root


def kept(root: Path, accuracy: float, holds: bool = True) -> None:
    """Have DVC keep a report, and git know it."""
    write(root / "reports/tea/evaluation/report.json", json.dumps(report(accuracy, holds)))
    with Repo(str(root)) as repo:
        repo.add([str(root / "reports/tea/evaluation")])
    commit(root, f"accuracy {accuracy}")


class TestRevision:
    def test_is_read_from_dvcs_cache(self, root: Path, capsys: Any) -> None:
        (found,) = compared(root, "main")
        assert found.before.figures["accuracy"]["value"] == 0.9
        assert found.here.figures["accuracy"]["value"] == 0.75
        assert [*plain_lines([found], "main")] == [
            "tea  accuracy 0.9 (0.8 to 1) → 0.75 (0.65 to 0.85) (worse, within the intervals)",
            "     gate broken: accuracy >= 0.8",
        ]
        assert main(["compare", "main"]) == 0
        assert main(["compare", "main", "--strict"]) == 1
        assert main(["compare", "nowhere"]) == 2
        assert "git fetch" in capsys.readouterr().err

    def test_is_read_from_the_remote_by_a_clone(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Repo(str(root)) as repo:
            repo.push(all_branches=True)
        git(root.parent, "clone", "-q", "-b", "change", str(root), "clone")
        clone = root.parent / "clone"
        monkeypatch.chdir(clone)
        assert not any((clone / "reports").rglob("*.json"))
        (found,) = compared(clone, "origin/main")
        assert found.before.figures["accuracy"]["value"] == 0.9
        assert found.here == Side()

    def test_what_no_store_has_is_told_and_not_taken_for_new(self, root: Path) -> None:
        shutil.rmtree(root / ".dvc/cache")
        found = compared(root, "main")
        assert found[0].before == Side(lost=True) and found[0].here.figures
        for text in (markdown(found, "main"), "\n".join(plain_lines(found, "main"))):
            assert "dvc push" in text and "New" not in text

    def test_what_a_revision_did_not_have_is_new(self, root: Path) -> None:
        git(root, "checkout", "-q", "--orphan", "empty")
        git(root, "rm", "-rq", "--cached", ".")
        git(root, "commit", "-q", "--allow-empty", "-m", "Nothing")
        (found,) = compared(root, "empty")
        assert found.before == Side() and found.here.figures


GH = """#!/bin/sh
echo "$@" >> "$GH_LOG"
for word in "$@"; do case $word in --edit-last) exit 1;; esac; done
cat comparison.md >> "$GH_LOG"
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestWorkflow:
    def test_its_steps_in_a_fresh_clone(
        self, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any
    ) -> None:
        """Every `run:` step as GitHub runs it, but for the installation; `gh` is a script."""
        initialised(built, ci=True)
        git(built, "add", "--force", "feed/shop.csv")
        run(built, "dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
        commit(built, "A workflow, a remote, the source")
        run(built, "dvc", "push", "-q")
        git(built, "checkout", "-qb", "change")
        file = built / "pipelines/shop/pipeline.yaml"
        content = yaml.safe_load(file.read_text())
        shop.write(file, yaml.safe_dump({**content, "gates": {"accuracy": ">= 0.999"}}))
        commit(built, "A gate that does not hold")

        git(tmp_path, "clone", "-q", "-b", "change", str(built), "clone")
        clone = tmp_path / "clone"
        monkeypatch.chdir(clone)
        tools, log = tmp_path / "tools", tmp_path / "gh.log"
        write(tools / "gh", GH)
        (tools / "gh").chmod(stat.S_IRWXU)
        job = yaml.safe_load((clone / ".github/workflows/throughline.yml").read_text())
        steps = {step["name"]: step for step in job["jobs"]["pipelines"]["steps"] if "run" in step}
        assert steps.pop("Install")["run"].startswith("pip install")
        codes = {}
        path = f"{tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        surroundings = {"PATH": path, "BASE": "main", "NUMBER": "7", "GH_LOG": str(log),
                        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}  # fmt: skip
        for name, step in steps.items():
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=clone,
                env={**os.environ, **surroundings},
                capture_output=True,
                text=True,
            )
            codes[name] = done.returncode
            if name == "Pull":
                # No step behind it has the keys.
                shutil.rmtree(tmp_path / "store")
            print(name, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
            if name == "Build":
                # All else is pulled.
                assert re.findall(r"Running stage '(?:.*:)?(\w+)'", done.stdout) == [
                    "code",
                    "evaluate",
                ] or re.findall(r"Running stage '(?:.*:)?(\w+)'", done.stdout) == ["evaluate"]
        assert codes == {"Pull": 0, "Check": 0, "Build": 0, "Compare": 0, "Comment": 0, "Gates": 1}
        said = log.read_text()
        assert "pr comment 7 --body-file comparison.md" in said
        assert "### shop" in said and "**Gates broken:** shop: accuracy" in said
        assert (tmp_path / "summary.md").read_text() in said
        assert list((clone / "plots").rglob("*.html"))

"""The flow and `dvc repro` are two ways to the same end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from throughline.cli import main
from throughline.errors import BadPipeline, MissingFile
from throughline.running.flow import execute
from throughline.running.graph_run import Run

pytestmark = pytest.mark.usefixtures("prefect_server")

STAGES = ["ingest", "prepare", "train"]


def verdicts(run: Run) -> dict[str, str]:
    """What became of each stage, by its label."""
    return {node.label: run.verdicts[node.address] for node in run.nodes}


def states(name: str) -> dict[str, str]:
    """The states of the task runs of the newest flow run, as Prefect's server knows them."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.client.schemas.sorting import FlowRunSort

    with get_client(sync_client=True) as client:
        newest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)[0]
        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[newest.id]))
        tasks = client.read_task_runs(flow_run_filter=chosen)
    return {task.name: task.state_name for task in tasks}


def locks(root: Path) -> dict[str, str]:
    """All `dvc.lock` files of a repository."""
    return {
        file.relative_to(root).as_posix(): file.read_text()
        for file in sorted(root.rglob("dvc.lock"))
    }


class TestTwoRunnersOneEnd:
    def test_flow_and_dvc_leave_the_same_locks_and_then_nothing_to_do(
        self,
        repository: Path,
        tmp_path: Path,
        run: Callable[..., str],
        capsys: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        other = tmp_path / "other"
        shutil.copytree(repository, other)
        run(other, "dvc", "repro", "-q")

        first = execute(repository, [], 2)
        assert set(verdicts(first).values()) == {"ran"}
        assert locks(repository) == locks(other)
        assert len(locks(repository)) == 3
        assert "up to date" in run(repository, "dvc", "status")
        assert "orchestration" in capsys.readouterr().out

        run(repository, "dvc", "repro", "-q")
        log = (repository / "runs.txt").read_text()
        assert len(log.splitlines()) == 7

        monkeypatch.chdir(other)
        again = execute(other, [], 2)
        assert set(verdicts(again).values()) == {"unchanged"}
        assert set(states("pipeline").values()) == {"Cached"}

    def test_a_changed_parameter_reruns_its_stage_and_what_follows(
        self, repository: Path, run: Callable[..., str]
    ) -> None:
        run(repository, "dvc", "repro", "-q")
        parameters = repository / "pipelines/one/pipeline.yaml"
        before = parameters.read_text()
        parameters.write_text(before.replace("scale: standard", "scale: robust"))
        changed = verdicts(execute(repository, ["one"], 1))
        assert changed == {"one ingest": "unchanged", "one prepare": "ran", "one train": "ran"}

        parameters.write_text(before)
        back = verdicts(execute(repository, ["one"], 1))
        assert back["one train"] == "restored"
        assert run(repository, "git", "status", "--short", "pipelines/one/pipeline.yaml") == ""
        assert "one" not in run(repository, "dvc", "status").replace("one or", "")


class TestFailure:
    def test_a_failing_stage_stops_what_needs_it_and_nothing_else(
        self, repository: Path, run: Callable[..., str], capsys: Any
    ) -> None:
        parameters = repository / "pipelines/one/pipeline.yaml"
        parameters.write_text(f"{parameters.read_text()}fail: prepare\n")
        found = execute(repository, [], 2)
        assert found.failed
        assert verdicts(found) == {
            "one ingest": "ran",
            "one prepare": "failed",
            "one train": "skipped",
            "two ingest": "ran",
            "two prepare": "ran",
            "two train": "ran",
            "scoreboard": "skipped",
        }
        printed = capsys.readouterr().out
        assert "failed: one prepare: exit code 1: prepare of one fails" in printed
        assert "prepare" not in (repository / "pipelines/one/dvc.lock").read_text()

        parameters.write_text(parameters.read_text().replace("fail: prepare\n", ""))
        mended = verdicts(execute(repository, [], 2))
        assert mended["one prepare"] == mended["scoreboard"] == "ran"
        assert mended["two train"] == "unchanged"

    def test_a_file_that_changes_during_a_stage_is_not_recorded(self, repository: Path) -> None:
        stage = repository / "code/stage.py"
        change = (
            "if stage == 'prepare':\n    pathlib.Path('code/notes.py').write_text('lines = 3')\n"
        )
        stage.write_text(stage.read_text() + change)
        found = execute(repository, ["one"], 1)
        assert verdicts(found)["one prepare"] == "failed"
        assert "must stay as it is while one prepare runs" in "".join(found.problems.values())
        assert "prepare" not in (repository / "pipelines/one/dvc.lock").read_text()


class TestMistakes:
    def test_an_unknown_pipeline_is_answered_with_the_nearest(self, repository: Path) -> None:
        with pytest.raises(MissingFile, match="Did you mean 'one'"):
            execute(repository, ["onne"], 1)

    def test_no_workers_at_all_are_refused(self, repository: Path) -> None:
        with pytest.raises(BadPipeline, match="1 or more"):
            execute(repository, [], 0)

    def test_the_command_line_answers_a_mistake_with_one_line(
        self, repository: Path, capsys: Any
    ) -> None:
        assert main(["flow", "onne"]) == 2
        assert capsys.readouterr().err.count("\n") == 1

"""What the stages declare fits together: what one takes, another passes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from throughline.paths import Workspace, read_json
from throughline.pipeline.pipeline import Pipeline
from throughline.stages.declared import EVERY_STAGE, declared
from throughline.stages.stage import SETTINGS, Entry, Stage

STAGES = [declared(name) for name in EVERY_STAGE]


def paths(stage: Stage) -> set[str]:
    return {entry.path for entry in (*stage.outputs, *stage.metrics)}


@pytest.mark.parametrize("stage", STAGES, ids=EVERY_STAGE)
class TestEachStage:
    def test_reads_sections_that_a_pipeline_has(self, stage: Stage) -> None:
        known = {*Pipeline.model_fields, "problem"}
        assert stage.sections <= known

    def test_takes_what_an_input_carries(self, stage: Stage) -> None:
        """Otherwise it would read a key whose change DVC does not notice."""
        inputs = {entry.path for entry in stage.inputs}
        carried = {
            section for other in STAGES if paths(other) & inputs for section in other.passes_on
        }
        assert set(stage.takes) <= carried

    def test_names_paths_of_a_workspace_that_an_earlier_stage_writes(self, stage: Stage) -> None:
        earlier = STAGES[: STAGES.index(stage)]
        written = set().union(*(paths(other) for other in earlier))
        assert {entry.path for entry in stage.inputs} <= written
        assert all(entry.of("shop").count("shop") == 1 for entry in stage.outputs)


def test_no_two_stages_write_one_file() -> None:
    written = [path for stage in STAGES for path in paths(stage)]
    assert len(written) == len(set(written))
    known = [path for path in written if "/" not in path]
    assert all(isinstance(getattr(Workspace, path), property) for path in known)


def test_what_is_passed_on_is_what_the_file_says(tmp_path: Path) -> None:
    variants = {"wide": {"network": [], "title": "Wide"}, "named": {"title": "Only a name"}}
    document = {"title": "t", "network": [{"Dense": {"units": 2}}], "variants": variants}
    declared("cross_validate").pass_on(document, tmp_path)
    assert read_json(tmp_path / SETTINGS) == {
        "sections": {"network": [{"Dense": {"units": 2}}]},
        "variants": {"wide": {"network": []}},
    }


class TestEntries:
    def test_may_be_a_path_that_only_the_stage_knows(self, tmp_path: Path) -> None:
        own = Entry("reports/{name}/rows.json")
        assert own.of("iris") == "reports/iris/rows.json"
        assert own.within(Workspace(tmp_path, "iris")) == tmp_path / "reports/iris/rows.json"
        assert Entry("metrics").of("iris") == "reports/iris/metrics.json"


def test_each_stage_has_a_task_of_its_name_and_others_have_one_for_all() -> None:
    from tasks import task_of

    assert [task_of(name).name for name in EVERY_STAGE] == list(EVERY_STAGE)
    others = ("scoreboard", "settings", "other", "a.b", "..")
    assert {task_of(name).name for name in others} == {"command"}
    assert task_of("").name == "up to date"

"""`why` names the file, the line or the parameter that makes a stage rerun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from throughline.errors import BadPipeline, MissingFile
from throughline.running.why import stale, why


@pytest.fixture
def built(repository: Path, run: Callable[..., str]) -> Path:
    """The repository with every stage up to date."""
    run(repository, "dvc", "repro", "-q")
    return repository


class TestWhy:
    def test_a_stage_without_a_past_has_not_run_yet(self, repository: Path) -> None:
        assert why(repository, "ingest", "one") == (
            "one ingest would rerun:\n"
            "  it has not run yet\n"
            "After it, where its outputs differ: one prepare, one train, scoreboard."
        )

    def test_an_unknown_pipeline_is_answered_with_the_nearest(self, repository: Path) -> None:
        with pytest.raises(MissingFile, match="Did you mean 'two'"):
            why(repository, "train", "twoo")

    def test_a_file_that_dvc_cannot_read_is_named(self, repository: Path) -> None:
        (repository / "pipelines/one/dvc.yaml").write_text("stages: [")
        with pytest.raises(BadPipeline, match="one/dvc"):
            why(repository)

    def test_a_file_that_dvc_tracks_is_no_stage(
        self, repository: Path, run: Callable[..., str]
    ) -> None:
        from dvc.repo import Repo

        from throughline.running.graph import selected

        (repository / "rows.csv").write_text("x\n1\n")
        run(repository, "dvc", "add", "-q", "rows.csv")
        stages = repository / "pipelines/one/dvc.yaml"
        content = yaml.safe_load(stages.read_text())
        ingest = content["stages"]["ingest"]
        inside = "rows.csv" if ingest.get("wdir") else "../../rows.csv"
        ingest["deps"] = [*ingest.get("deps", []), inside]
        stages.write_text(yaml.safe_dump(content))
        assert why(repository, "ingest", "one").startswith("one ingest would rerun:")
        assert next(iter(stale(repository)["one"])) == "ingest"
        with Repo(str(repository)) as repo, repo.lock:
            assert selected(repo, ["one"])[0].label == "one ingest"

    def test_a_pipeline_that_was_never_wired_is_named(self, built: Path) -> None:
        drafted = built / "pipelines/three/pipeline.yaml"
        drafted.parent.mkdir()
        drafted.write_text((built / "pipelines/one/pipeline.yaml").read_text())
        said = "three has no dvc.yaml, so nothing of it has run. Run `throughline run three`."
        assert why(built) == said

    def test_each_cause_is_named(self, built: Path) -> None:
        assert why(built) == "Nothing would rerun."

        parameters = built / "pipelines/one/pipeline.yaml"
        parameters.write_text(parameters.read_text().replace("epochs: 2", "epochs: 5"))
        text = why(built)
        assert "parameter train.epochs in pipelines/one/pipeline.yaml: 2 → 5" in text
        cause = "parameter train.epochs in pipelines/one/pipeline.yaml: 2 → 5"
        assert stale(built) == {"one": {"train": [cause]}}
        assert "two" not in text
        assert "one prepare" not in text
        assert "outputs differ: scoreboard." in text

        (built / "code/notes.py").write_text("lines = 2\n")
        (built / "code/more.py").write_text("more = 1\n")
        text = why(built, "prepare", "two")
        assert "code/notes.py:1: `lines = 1` → `lines = 2`" in text
        assert "code/more.py is new" in text
        assert "two ingest would rerun" in text
        assert "one" not in text.replace("one t", "")

        (built / "data/two/prepare.txt").unlink()
        text = why(built, "train", "two")
        assert "output data/two/prepare.txt is missing" in text
        assert "input data/two/prepare.txt is missing" in text

"""Names of commands, releases and flows that would run a command or write elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.names.hostile import (
    HOSTILE,
    PIPELINE,
    everything,
    refused,
)
from throughline.cli import main
from throughline.errors import BadPipeline, ThroughlineError
from throughline.names import BadName
from throughline.releasing import releases
from throughline.releasing.promotion import created
from throughline.releasing.retraining import Settings, retrained
from throughline.releasing.stages.moving import rolled_back
from throughline.running.graph import Node
from throughline.running.prefect.deploy import apply_to


class TestTheCommandLine:
    @pytest.mark.parametrize("name", ["e;touch MARKER", "../../outside"])
    def test_profile_writes_nothing(self, repository: Path, name: str) -> None:
        line = refused(repository, "throughline", "profile", "rows.csv", "--as", name)
        assert "The name of a pipeline must consist of letters A to Z" in line
        assert f"Received: '{name}'." in line

    @pytest.mark.parametrize(
        "arguments",
        [["train"], ["check"], ["wire"], ["why", "train"], ["scoreboard"], ["canary"], ["costs"],
         ["readmit"], ["vectors", None, "nearest", "a"], ["decode"], ["parity"],
         ["drift", None, "rows.csv"]],
        ids=lambda arguments: arguments[0],
    )  # fmt: skip
    def test_every_command_refuses(
        self,
        repository: Path,
        arguments: list[str | None],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(repository)
        before = everything(repository)
        given = arguments if None in arguments else [*arguments, None]
        assert main(["../../outside" if each is None else each for each in given]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert (
            told.err.startswith("error: The name of a pipeline must") and told.err.count("\n") == 1
        )
        assert everything(repository) == before

    def test_event_files_refuse(self, repository: Path) -> None:
        (repository / ".cache" / "tensorboard").mkdir(parents=True)
        line = refused(repository, "throughline.training.tensorboard", "../../pipelines")
        assert "Received: '../../pipelines'" in line
        assert (repository / "pipelines" / "rain").is_dir()

    @pytest.mark.parametrize("command", [["wire"], ["check"], ["scoreboard"]])
    def test_a_folder_below_pipelines_without_a_name(
        self, repository: Path, command: list[str]
    ) -> None:
        folder = repository / "pipelines" / "e;touch MARKER"
        folder.mkdir()
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(PIPELINE, sort_keys=False))
        line = refused(repository, "throughline", *command)
        assert "a folder below pipelines/ must" in line and "'e;touch MARKER'" in line

    def test_a_model_that_names_a_pipeline_elsewhere(self, repository: Path) -> None:
        import json

        from onnx import TensorProto, helper, save

        value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])
        answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
        graph = helper.make_graph(
            [helper.make_node("Identity", ["x"], ["y"])], "g", [value], [answer]
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        entry = {"inputs": [{"name": "x", "type": "number"}], "pipeline": "../../outside"}
        helper.set_model_props(model, {"throughline": json.dumps(entry)})
        save(model, repository / "bad.onnx")
        line = refused(repository, "throughline", "drift", "bad.onnx", "rows.csv")
        assert "The pipeline in 'bad.onnx' must" in line


class TestReleases:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_names(self, tmp_path: Path, name: str) -> None:
        for call in (
            lambda: releases.versions(tmp_path, name),
            lambda: releases.crown(tmp_path, name, "v1"),
            lambda: releases.write(tmp_path, {"pipeline": name, "version": "v1"}),
            lambda: created(tmp_path, name),
            lambda: rolled_back(tmp_path, f"{name}@v1"),
            lambda: retrained(tmp_path, name, Settings(), str),
        ):
            with pytest.raises(ThroughlineError) as refusal:
                call()
            assert str(refusal.value).isprintable()
        assert list(tmp_path.rglob("*")) == []

    @pytest.mark.parametrize(
        "version", ["", "1", "v0", "v1/../../x", "../x", "v1\n", "v1;x", "latest"]
    )
    def test_versions(self, tmp_path: Path, version: str) -> None:
        with pytest.raises(BadPipeline, match="NAME@VERSION"):
            releases.parsed(f"rain@{version}")
        with pytest.raises(BadPipeline, match="A version of rain is written"):
            releases.write(tmp_path, {"pipeline": "rain", "version": version})

    def test_a_record_of_another_release(self, tmp_path: Path) -> None:
        releases.write(tmp_path, {"pipeline": "rain", "version": "v1"})
        releases.crown(tmp_path, "rain", "v1")
        assert releases.read(tmp_path, "rain", "v1")["version"] == "v1"
        path = releases.record_of(tmp_path, "rain", "v1")
        path.write_text("pipeline: ../../outside\nversion: v1\n")
        with pytest.raises(BadPipeline, match=r"must be the record of rain@v1"):
            releases.read(tmp_path, "rain", "v1")

    def test_the_command(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        # What a file manager leaves is no pipeline.
        (tmp_path / "releases").mkdir()
        (tmp_path / "releases" / ".DS_Store").touch()
        assert main(["release", "list"]) == 0
        assert main(["release", "list", "../x"]) == main(["release", "create", "../x"]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 2
        assert all(line.startswith("error: The name of a pipeline must") for line in lines)


class TestFlows:
    @pytest.mark.parametrize(
        "parameters", [{"name": "../../outside"}, {"names": ["rain", "e;touch MARKER"]}]
    )
    def test_a_schedule_for_no_pipeline(
        self, tmp_path: Path, parameters: dict[str, object]
    ) -> None:
        deployment = {
            "name": "nightly",
            "entrypoint": "flows/retrain.py:retrain",
            "parameters": parameters,
        }
        (tmp_path / "prefect.yaml").write_text(
            yaml.safe_dump({"deployments": [deployment]}, sort_keys=False)
        )
        with pytest.raises(BadName, match=r"prefect\.yaml:4: the name of a pipeline must"):
            apply_to(tmp_path, "", Path("prefect.yaml"))

    def test_a_parameter_of_the_retraining(self) -> None:
        from prefect.exceptions import ParameterTypeError

        from flows.retrain import retrain as flow

        assert flow.validate_parameters({"name": "rain"})["name"] == "rain"
        with pytest.raises(ParameterTypeError, match="A name must consist of"):
            flow.validate_parameters({"name": "../../outside"})

    @pytest.mark.parametrize("file", ["dvc.yaml", "my work/dvc.yaml", "a/b/dvc.yaml"])
    def test_stages_of_no_pipeline_have_no_artifacts(self, tmp_path: Path, file: str) -> None:
        for stage in ("validate", "evaluate", "cross_validate"):
            assert not Node(file, stage, "true", ()).is_of_a_pipeline

    def test_the_flow_of_stages(self, tmp_path: Path) -> None:
        from throughline.running.graph_run import prepared
        from throughline.running.ledger import Ledger

        with pytest.raises(BadName):
            prepared(tmp_path, ["../../outside"], 1, Ledger())
        assert list(tmp_path.rglob("*")) == []

"""Names that would run a command or write elsewhere end in one line, and nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.repositories import PARAMETERS, write_pipeline
from throughline.cli import main
from throughline.errors import BadData, BadPipeline, ThroughlineError
from throughline.names import BadName
from throughline.paths import Workspace
from throughline.pipeline.loading import load
from throughline.releasing import releases
from throughline.releasing.moving import rolled_back
from throughline.releasing.outputs import files
from throughline.releasing.promotion import created
from throughline.releasing.retraining import Settings, retrained
from throughline.running.graph import Node
from throughline.running.prefect.deploy import apply_to
from throughline.sources.fetching.located import ending_of, name_of
from throughline.sources.kinds.archive import parsed
from throughline.stages.bottleneck import STAGE, bottleneck
from throughline.stages.given import stage_input
from throughline.stages.wire import stages, wire

PROJECT = Path(__file__).parents[2]
PIPELINE: dict[str, Any] = {
    "title": "Will it rain?",
    "task": "binary",
    "source": {"rows": {"x": [1, 2, 3, 4], "town": ["a", "b", "a", "b"], "rain": [0, 1, 0, 1]}},
    "target": "rain",
    "columns": {"x": {"scale": "standard"}, "town": {"encode": "one-hot"}},
    "network": [{"Dense": {"units": 4}}],
}
HOSTILE = ["e;touch MARKER", "../../outside", "-rf", "a\nb", "$(touch MARKER)", ".hidden", ""]
FILE = {"file": "words.txt", "sha256": "0" * 64}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one pipeline, two folders below the one that is looked through."""
    root = tmp_path / "home" / "repository"
    root.mkdir(parents=True)
    write_pipeline(root, "rain", PIPELINE)
    (root / "rows.csv").write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    return root


def everything(root: Path) -> set[Path]:
    """All that lies in the folder of the test."""
    return set(root.parents[1].rglob("*"))


def tasks(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )


def refused(root: Path, *arguments: str) -> str:
    """What a command says that must refuse; nothing may be there that was not before."""
    before = everything(root)
    done = tasks(root, *arguments)
    assert done.returncode == 2, done
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and done.stdout == ""
    assert everything(root) == before
    return lines[0]


def rewritten(root: Path, **sections: Any) -> Workspace:
    workspace = Workspace(root, "rain")
    workspace.pipeline_file.write_text(yaml.safe_dump(PIPELINE | sections, sort_keys=False))
    return workspace


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


class TestAPipelineFile:
    @pytest.mark.parametrize("name", HOSTILE)
    @pytest.mark.parametrize(
        ("place", "sections"),
        [
            ("variants", lambda name: {"variants": {name: {"network": []}}}),
            ("sweeps", lambda name: {"sweeps": {name: {"over": {"training.batch_size": [1, 2]}}}}),
            ("inputs", lambda name: {"inputs": {name: ["x", "town"]}}),
            (
                "source.files",
                lambda name: {"source": {**PIPELINE["source"], "files": {name: FILE}}},
            ),
            ("source.parts", lambda name: {"source": {"parts": {name: FILE}}}),
        ],
    )
    def test_a_key_that_becomes_a_path(
        self, repository: Path, place: str, sections: Any, name: str
    ) -> None:
        workspace = rewritten(repository, **sections(name))
        with pytest.raises(BadPipeline) as refusal:
            load(workspace)
        told = str(refusal.value)
        line = workspace.pipeline_file.read_text().splitlines()[int(told.split(":")[1]) - 1]
        # Where PyYAML breaks the line of a key, its first line is named.
        assert line.strip(" ?'\"").startswith(name.split("\n")[0])
        assert f": {place}." in told and "A name must consist of" in told
        assert told.isprintable() and told.count("Received: ") == 1 and repr(name)[1:-1] in told

    @pytest.mark.parametrize(
        ("place", "sections"),
        [
            (
                "source.images.column",
                {"source": {"folder": "a", "images": {"column": "../../outside"}}},
            ),
            (
                "variants.a.inputs",
                {"variants": {"a": {"inputs": {"../../outside": ["x", "town"]}}}},
            ),
            (
                "columns.x.image.pretrained.application",
                {"columns": {"x": {"image": {"pretrained": {"application": "../../outside"}}}}},
            ),
        ],
    )
    def test_other_words_that_become_paths(
        self, repository: Path, place: str, sections: Mapping[str, Any]
    ) -> None:
        with pytest.raises(BadPipeline, match="A name must consist of") as refusal:
            load(rewritten(repository, **sections))
        assert place in str(refusal.value) and "'../../outside'" in str(refusal.value)

    @pytest.mark.parametrize(
        ("inputs", "wrong"),
        [
            ({"target": ["x", "town"]}, "target"),
            ({"positions": ["x", "town"]}, "positions"),
            ({"a": ["x"], "a.vectors": ["town"]}, "a.vectors"),
        ],
    )
    def test_an_input_takes_no_other_array_s_file(
        self, repository: Path, inputs: dict[str, list[str]], wrong: str
    ) -> None:
        with pytest.raises(BadPipeline, match=f"inputs.{wrong}: '{wrong}.npy' is another array"):
            load(rewritten(repository, inputs=inputs))

    def test_check_says_it_and_ingest_copies_nothing(self, repository: Path) -> None:
        word = repository / "words.txt"
        word.write_text("a 1\n")
        source = {**PIPELINE["source"], "files": {"../../../../../outside": FILE}}
        rewritten(repository, source=source)
        for command in ("check", "ingest"):
            assert "source.files.../../" in refused(repository, "throughline", command, "rain")

    def test_a_column_without_pictures_has_no_pretrained_network(self, repository: Path) -> None:
        pretrained = {"file": "net.keras", "sha256": "0" * 64}
        columns = {"../../outside": {"image": {"pretrained": pretrained}}}
        workspace = rewritten(repository, columns=columns)
        images = workspace.raw / "rows.images"
        images.mkdir(parents=True)
        (workspace.raw / "rows.parquet").touch()
        np.save(images / "pixels.npy", np.zeros((1, 2, 2, 3), np.uint8))
        with pytest.raises(BadPipeline, match=r"needs a column of pictures. Received: pixels"):
            bottleneck(stage_input(workspace, STAGE), workspace)


class TestWhatIsWritten:
    def test_no_command_is_made_of_a_name_that_a_shell_would_read_as_more(self) -> None:
        for name in HOSTILE:
            with pytest.raises(BadName):
                stages(PIPELINE, name)
        assert stages(PIPELINE, "rain")["stages"]["train"]["cmd"] == "throughline train rain"

    def test_wire_refuses_names(self, repository: Path) -> None:
        for name in HOSTILE:
            with pytest.raises(BadName):
                wire(repository, [name])

    def test_a_variant_with_a_dot_is_no_path_of_keys(self) -> None:
        network = {"network": [{"Pretrained": {"application": "MobileNetV2"}}]}
        dotted = stages({**PIPELINE, "variants": {"v1.5": network}}, "rain")["stages"]
        plain = stages({**PIPELINE, "variants": {"v1": network}}, "rain")["stages"]
        key = "pipelines/rain/pipeline.yaml"
        assert dotted["bottleneck"]["params"][0] == {key: ["variants"]}
        assert plain["bottleneck"]["params"][0] == {key: ["variants.v1.network"]}

    def test_a_profile_of_columns_with_line_breaks_is_one_line_each(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.profile.profile import profile

        monkeypatch.chdir(tmp_path)
        hostile = "day\nnetwork: os:getcwd"
        days = [f"2020-{i % 12 + 1:02}-{i % 28 + 1:02}" for i in range(60)]
        rows = "".join(f"{i * i % 17 / 4},{day},{i % 2}\n" for i, day in enumerate(days))
        Path("rows.csv").write_text(f'size,"{hostile}","is\nit"\n{rows}')
        Path("params.yaml").write_text(PARAMETERS)
        workspace = Workspace(tmp_path, "lines")
        profile(Path("rows.csv"), "lines", None, workspace)
        content = yaml.safe_load(workspace.pipeline_file.read_text())
        assert content["target"] == "is\nit"
        assert content["network"] != "os:getcwd"
        assert load(workspace).main.target.columns == ["is\nit"]


class TestWhatOthersDeliver:
    def test_an_address_has_one_file_name(self) -> None:
        from throughline.pipeline.schema.source_files import SourceFile

        wanted = SourceFile(url="https://a.org/x/..%2F..%2Fetc%2Fb.tar.gz", sha256="0" * 64)
        assert name_of(wanted) == "b.tar.gz"
        assert ending_of("b.tar.gz") == ".tar.gz"
        assert ending_of("glove.6B.100d.txt") == ".100d.txt"
        assert ending_of("a.b;c.txt") == ".txt"
        assert ending_of("a\0.t\0xt") == ending_of("plain") == ""

    @pytest.mark.parametrize(
        "address", ["pypi:-r==x:a.csv", "npm:-x@1:a.csv", "deb:-o=1:a", "npm:--@1:a.csv"]
    )
    def test_a_package_is_no_option_of_its_client(self, address: str) -> None:
        with pytest.raises(BadData, match=r"source\.archive"):
            parsed(address)

    @pytest.mark.parametrize("path", ["../x", "/x", "rows.images/../../x", ""])
    def test_the_listing_of_a_folder_stays_inside(self, tmp_path: Path, path: str) -> None:
        import json

        (tmp_path / "ab").mkdir()
        (tmp_path / "ab" / "c.dir").write_text(json.dumps([{"md5": "0", "relpath": path}]))
        with pytest.raises(BadData, match="must name files inside it"):
            files(tmp_path, {"data/rain": "abc.dir"})

    def test_an_index_does_not_say_where_a_source_archive_goes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.sources.fetching.source_archive import download

        page, target = tmp_path / "index", tmp_path / "home" / "target"
        page.mkdir()
        target.mkdir(parents=True)
        # pip decodes the name once more after it has cut the path.
        (page / "..%2Foutside-1.0.tar.gz").write_bytes(b"archive")
        (page / "index.html").write_text(
            '<a href="..%252Foutside-1.0.tar.gz#egg=outside-1.0">outside</a>'
        )
        monkeypatch.setenv("PIP_FIND_LINKS", str(page / "index.html"))
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        download("outside", "1.0", target)
        assert [path.name for path in (tmp_path / "home").iterdir()] == ["target"]
        assert [path.name for path in target.iterdir()] == ["outside-1.0.tar.gz"]


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
        from throughline.running.ledger import Ledger
        from throughline.running.run import prepared

        with pytest.raises(BadName):
            prepared(tmp_path, ["../../outside"], 1, Ledger())
        assert list(tmp_path.rglob("*")) == []

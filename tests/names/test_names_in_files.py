"""Names in pipeline files and of what others deliver end in one line; nothing is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.names.hostile import (
    FILE,
    HOSTILE,
    PIPELINE,
    refused,
    rewritten,
)
from tests.repositories import PARAMETERS
from throughline.errors import BadData, BadPipeline
from throughline.names import BadName
from throughline.paths import Workspace
from throughline.pipeline.loading import load
from throughline.releasing.outputs import files
from throughline.sources.fetching.located import ending_of, name_of
from throughline.sources.kinds.archive import parsed
from throughline.stages.bottleneck import STAGE, bottleneck
from throughline.stages.given import stage_input
from throughline.stages.wire import stages, wire


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

    @pytest.mark.parametrize("address", ["pypi:a==1:b", "npm:a@1:b", "deb:a=1:b"])
    def test_a_client_reads_no_option_behind_its_own(
        self, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.sources.kinds import archive

        called: list[list[str]] = []
        monkeypatch.setattr(archive, "_client", lambda name: name)
        monkeypatch.setattr(archive, "_run", lambda command, folder: called.append(command))
        by = {"pypi": archive._by_pip, "npm": archive._by_npm, "deb": archive._by_apt}
        with pytest.raises(BadData, match="must deliver one file"):
            by[address.partition(":")[0]](parsed(address), tmp_path)
        ((*_, mark, wanted),) = called
        assert mark == "--" and wanted.startswith("a")

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

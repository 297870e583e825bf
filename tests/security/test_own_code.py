"""Code runs only where docs/security.md says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.security.projects import CODE, SHARED, Refused, written
from throughline.cli import main

OWN = {
    "os": ("os:system", ""),
    "builtins": ("builtins:eval", ""),
    "a file beside data": ("data.mine:rows", "data/mine.py"),
    "a file beside a pipeline": ("pipelines.rain.mine:rows", "pipelines/rain/mine.py"),
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

    def test_looking_runs_nothing(self, project: Path) -> None:
        (project / "own_rows.py").write_text(CODE)
        written(project, source={"generator": "own_rows:rows"}, network="own_rows:rows")
        assert main(["check", "rain"]) == 0
        assert not (project / "MARKER").exists()

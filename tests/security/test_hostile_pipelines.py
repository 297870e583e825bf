"""Pipeline files and limits that never end, call code or are none."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.security import hostile
from tests.security.projects import PIPELINE, SHARED, Refused
from throughline.cli import main
from throughline.errors import MOST_MISTAKES

YAML = {
    "aliases of aliases": (
        "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)),
        "aliases",
    ),
    "merges of merges": (
        "a0: &a0 {x: 1}\n"
        + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 40)),
        "aliases",
    ),
    "an alias of itself": ("title: &a [*a]\n", "holds itself"),
    "depth": ("title: " + "[" * 5_000, "nested"),
    "a call": ("title: !!python/object/apply:os.system ['touch MARKER']\n", "not valid YAML"),
    "a module": ("title: !!python/module:os\n", "not valid YAML"),
    "a name": ("title: !!python/name:os.system\n", "not valid YAML"),
    "a key twice": ("title: a\ntitle: b\n", "stands twice"),
    "5,000 digits": ("title: " + "9" * 5000 + "\n", "can be read"),
    # To the base 60: the work grows with the square of its length.
    "40,000 digits of minutes": ("title: " + "1:" * 40_000 + "1\n", "4,300 signs"),
    "month 13": ("title: 2020-13-45\n", "can be read"),
    "a list as a key": ("? [a, b]\n: 1\n", ""),
    "escapes": ("title: \x1b[2J\n", "not valid YAML"),
    "20 MB": ("# " + "x" * (20 << 20) + "\ntitle: a\n", "16,777,216 bytes"),
    "no mapping": ("- 1\n", "mapping"),
}  # fmt: skip


MANY: dict[str, dict[str, Any]] = {
    "keys": {f"k{i}": 1 for i in range(5000)},
    "columns": {"columns": {f"c{i}": {"scal": "standard"} for i in range(5000)}},
    "layers": {"network": [{"Dense": {"unit": 4}}] * 5000},
    "variants": {"variants": {f"v{i}": {"network": [{"Dens": {}}]} for i in range(60)}},
}


class TestPipelineFiles:
    @pytest.mark.parametrize("name", MANY)
    def test_of_many_mistakes_the_first_are_told(
        self, project: Path, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        (project / "pipelines" / "rain").mkdir(parents=True)
        content = yaml.safe_dump({**PIPELINE, **MANY[name]})
        (project / "pipelines" / "rain" / "pipeline.yaml").write_text(content)
        begun = time.process_time()
        assert main(["check", "rain"]) == 2
        assert time.process_time() - begun < 20
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == MOST_MISTAKES + 1 and "more mistakes" in lines[-1]

    @pytest.mark.parametrize("name", YAML)
    def test_attack(self, project: Path, refused: Refused, name: str) -> None:
        (project / "pipelines" / "rain").mkdir(parents=True)
        (project / "pipelines" / "rain" / "pipeline.yaml").write_text(YAML[name][0])
        refused("check", "rain", says=YAML[name][1])

    def test_variants_without_end(self, project: Path, refused: Refused) -> None:
        (project / "pipelines" / "rain").mkdir(parents=True)
        many = {f"v{i}": {"title": "x"} for i in range(2000)}
        content = yaml.safe_dump({**PIPELINE, "variants": many})
        (project / "pipelines" / "rain" / "pipeline.yaml").write_text(content)
        refused("check", "rain", says="at most 300 entries")

    def test_bytes_that_are_no_text(self, project: Path, refused: Refused) -> None:
        (project / "pipelines" / "rain").mkdir(parents=True)
        (project / "pipelines" / "rain" / "pipeline.yaml").write_bytes(b"title: \xff\n")
        refused("check", "rain", says="UTF-8")

    @pytest.mark.parametrize("limits", [{"byte": 1}, {"bytes": "much"}, {"bytes": -1}, [1]])
    def test_limits_that_are_none(self, project: Path, refused: Refused, limits: Any) -> None:
        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "limits": limits}))
        (project / "a.csv").write_bytes(hostile.ROWS)
        refused("profile", "a.csv", "--as", "x", says="'limits")

    @pytest.mark.parametrize(
        ("targets", "says"),
        [
            ({"../../x": {"task": "binary", "columns": ["x"]}}, "A name must consist of"),
            ({"e;touch MARKER": {"task": "binary"}}, "A name must consist of"),
            ({"\x1b[2J": {"task": "binary"}}, "A name must consist of"),
            ({"x" * 300: {"task": "binary"}}, "at most 64 char"),
            ({"rain": {"task": "several", "targets": {"a": {}}}}, "no such key"),
            ({"rain": {"task": "binary", "network": "os:system"}}, "no such key"),
            ({"rain": {"task": "binary", "metrics": ["../x"]}}, "Keras' metrics"),
            ({"rain": {"task": "binary", "weight": float("nan")}}, "greater than 0"),
            ([1, 2], "must be a mapping"),
        ],
    )
    def test_targets(
        self, project: Path, capsys: pytest.CaptureFixture[str], targets: Any, says: str
    ) -> None:
        if isinstance(targets, dict):
            targets |= {"wind": {"task": "regression"}}
        held = {"rows": {"x": [1, 2], "rain": [0, 1], "wind": [1, 2]}}
        document = {**PIPELINE, "task": "several", "targets": targets, "source": held}
        del document["target"]
        (project / "pipelines" / "rain").mkdir(parents=True)
        (project / "pipelines" / "rain" / "pipeline.yaml").write_text(yaml.safe_dump(document))
        assert main(["check", "rain"]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert any(says in line for line in lines), lines
        assert all(line.isprintable() and len(line) < 4100 for line in lines)
        assert not list(project.parents[1].rglob("MARKER"))

    @pytest.mark.parametrize("name", ["../../x", "e;touch MARKER", "a\nb", "-rf", "\x1b[2J"])
    def test_a_name(self, refused: Refused, name: str) -> None:
        refused("check", "--", name, says="The name of a pipeline")

"""Files of a stranger's project that are not what a command or stage wrote: one line each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.security.projects import Refused, files, laid
from throughline.cli import main

REPORT = "reports/rain/evaluation/report.json"
RECORD, CHAMPION = "releases/rain/v1.yaml", "releases/rain/champion.yaml"
COSTS = "reports/rain/costs/train.json"
CMD = "throughline train rain"
# Without a bound DVC is at work on it for minutes.
ALIASES = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [*a%d, *a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 26)
)
TEN = list("abcdefghij")
MANY = {"stages": {"train": {"cmd": "true", "matrix": dict.fromkeys(TEN, TEN)}}}
REFERRED = {
    "vars": [{"ten": TEN}],
    "stages": {"train": {"cmd": "true", "matrix": dict.fromkeys(TEN, "${ten}")}},
}
LONG = {"stages": {"train": {"do": {"cmd": "true"}, "foreach": list(range(10_001))}}}
READ_BY_DVC = {
    "parameters of aliases": ("params.yaml", ALIASES),
    "stages of aliases": ("dvc.yaml", b"stages: {}\nvars:\n- " + ALIASES.replace(b"\n", b"\n  ")),
    "a pipeline's stages of aliases": (
        "pipelines/rain/dvc.yaml",
        b"stages: {}\nvars:\n- " + ALIASES.replace(b"\n", b"\n  "),
    ),
    "a lock of aliases": ("pipelines/rain/dvc.lock", ALIASES),
    "a tracked file of aliases": ("sources/rows.csv.dvc", ALIASES),
    "parameters of another name": ("more.yaml", ALIASES),
    "deep stages": ("dvc.yaml", b"stages: " + b"[" * 5000),
    "10^10 stages": ("other/dvc.yaml", yaml.safe_dump(MANY).encode()),
    "10^10 stages of a list": ("other/dvc.yaml", yaml.safe_dump(REFERRED).encode()),
    "10,001 stages": ("other/dvc.yaml", yaml.safe_dump(LONG).encode()),
}
LOOKS = {
    "a report that is no JSON": (REPORT, b"{", "list"),
    "a deep report": (REPORT, b"[" * 100_000, "list"),
    "a report of bytes": (REPORT, b"\xff", "scoreboard"),
    "a report without branches": (REPORT, b'{"gates": []}', "list"),
    "a report that is a list": (REPORT, b"[1]", "scoreboard rain"),
    "a record of bytes": (RECORD, b"\xff", "release show rain@v1"),
    "a record that is no YAML": (RECORD, b"a: [", "release list"),
    "a record of aliases": (
        RECORD,
        b"a0: &a0 [x, x]\n"
        + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 40)),
        "release show rain@v1",
    ),
    "a record without a model": (RECORD, b"pipeline: rain\nversion: v1\n", "release list rain"),
    "a record without data": (RECORD, b"pipeline: rain\nversion: v1\n", "lineage rain@v1"),
    "releases that are a number": (CHAMPION, b"version: v1\ncrowned: 5\n", "release list"),
    "releases without a number": (CHAMPION, b"version: v1\ncrowned: ['']\n", "release list rain"),
    "releases that are an option": (
        CHAMPION,
        b"version: v1\ncrowned: ['--output=MARKER']\n",
        "lineage rain@v1",
    ),
    "costs without a stage": (COSTS, b"{}", "costs rain"),
    "costs of texts": (
        COSTS,
        b'{"stage": "train", "seconds": "x", "processor_seconds": 1, "peak_bytes": 1,'
        b' "whole_process": false, "cores": 1}',
        "costs rain",
    ),
    "columns that are a list": (
        "pipelines/rain/pipeline.yaml",
        b"source: {file: a.csv}\ntask: binary\nvariants: [1]\ncolumns: [2]\n",
        "wire rain",
    ),
}


class TestProjects:
    @pytest.mark.parametrize("name", LOOKS)
    def test_look(self, project: Path, refused: Refused, name: str) -> None:
        file, content, words = LOOKS[name]
        laid(project, {**files(), file: content})
        assert Path(file).parts[1] in refused(*words.split())

    @pytest.mark.parametrize("name", READ_BY_DVC)
    @pytest.mark.parametrize("command", ["status", "why", "why train rain"])
    def test_what_dvc_reads_ends(
        self, project: Path, refused: Refused, name: str, command: str
    ) -> None:
        file, content = READ_BY_DVC[name]
        out = {"path": "../../models/rain/network", "hash": "md5", "md5": "0" * 32, "size": 1}
        ran = {"cmd": CMD, "params": {"../../more.yaml": {"a0": 1}}, "outs": [out]}
        stage = {"cmd": CMD, "params": [{"../../more.yaml": ["a0"]}], "outs": [out["path"]]}
        wired = {
            "pipelines/rain/dvc.yaml": yaml.safe_dump({"stages": {"train": stage}}).encode(),
            "pipelines/rain/dvc.lock": yaml.safe_dump(
                {"schema": "2.0", "stages": {"train": ran}}
            ).encode(),
        }
        laid(project, {**files(), **wired, file: content})
        line = refused(*command.split())
        assert Path(file).name in line and ("at most" in line or "nested" in line)

    def test_what_a_run_lets_dvc_read_ends(self, project: Path) -> None:
        laid(project, {**files(), "other/dvc.yaml": yaml.safe_dump(MANY).encode()})
        words = [sys.executable, "-m", "throughline.running.repository", "repro"]
        done = subprocess.run(words, cwd=project, capture_output=True, text=True)
        assert done.returncode and "at most 10,000 stages" in done.stderr
        assert "Traceback" not in done.stderr

    def test_stages_of_bytes_are_written_anew(self, project: Path) -> None:
        laid(project, {**files(), "pipelines/rain/dvc.yaml": b"\xff"})
        assert main(["wire", "rain"]) == 0
        assert "stages:" in (project / "pipelines/rain/dvc.yaml").read_text()

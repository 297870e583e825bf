"""Files of a stranger's project that are not what a command or stage wrote: one line each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.projects import Refused, files, laid
from throughline.cli import main

REPORT = "reports/rain/evaluation/report.json"
RECORD, CHAMPION = "releases/rain/v1.yaml", "releases/rain/champion.yaml"
COSTS = "reports/rain/costs/train.json"
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

    def test_stages_of_bytes_are_written_anew(self, project: Path) -> None:
        laid(project, {**files(), "pipelines/rain/dvc.yaml": b"\xff"})
        assert main(["wire", "rain"]) == 0
        assert "stages:" in (project / "pipelines/rain/dvc.yaml").read_text()

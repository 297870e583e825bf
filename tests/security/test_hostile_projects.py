"""Files of a stranger's project that are not what a command or stage wrote: one line each."""

from __future__ import annotations

import json
import random
import stat
import subprocess
import sys
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzzing import inputs
from tests.security.projects import Refused, files, laid
from throughline.cli import main
from throughline.errors import ThroughlineError
from throughline.evaluation.scoreboard import scoreboard
from throughline.processes import NO_CODE
from throughline.running.prefect import alerts, deployments, schedules
from throughline.running.prefect.deploy import _check_parameters, _for_pool
from throughline.running.repository import NOTES

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
DEPLOYMENTS: dict[str, Any] = {
    "deployments": [
        {
            "name": "nightly",
            "entrypoint": "flows/pipeline.py:pipeline",
            "description": "All of them.",
            "tags": ["a"],
            "parameters": {"names": ["rain"], "name": "rain", "webhook": "$HOOK"},
            "work_pool": {"name": "local"},
            "schedules": [
                {"cron": "0 3 * * *", "timezone": "UTC", "active": True},
                {"interval": 43200},
                {"rrule": "FREQ=WEEKLY"},
            ],
            "paused": False,
        }
    ],
    "alerts": [{"to": "$HOOK", "format": "slack", "tell": ["failed"]}],
}
LOOKS: dict[str, tuple[str, bytes | None, str]] = {
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
    "a record without stages": (
        RECORD,
        b"pipeline: rain\nversion: v1\nmodel: {path: x}\n",
        "release pull rain",
    ),
    "costs without a stage": (COSTS, b"{}", "costs rain"),
    "costs of texts": (
        COSTS,
        b'{"stage": "train", "seconds": "x", "processor_seconds": 1, "peak_bytes": 1,'
        b' "whole_process": false, "cores": 1}',
        "costs rain",
    ),
    "deployments that are a number": ("prefect.yaml", b"deployments: 5\n", "deploy apply"),
    "deployments of texts": ("prefect.yaml", b"deployments: [x]\n", "deploy apply"),
    "a deployment without a name": ("prefect.yaml", b"deployments: [{}]\n", "deploy apply"),
    "schedules of texts": (
        "prefect.yaml",
        b"deployments: [{name: a, schedules: [daily]}]\n",
        "deploy apply",
    ),
    "parameters of another type": (
        "prefect.yaml",
        b"deployments: [{name: a, entrypoint: 'flows/pipeline.py:x', parameters: {names: 5}}]\n",
        "deploy apply",
    ),
    "deployments of aliases": ("prefect.yaml", ALIASES, "deploy apply"),
    "alerts of lists": ("prefect.yaml", b"alerts: [{to: $X, tell: [[1]]}]\n", "deploy apply"),
    "a report without a task": (REPORT, None, "scoreboard --write"),
    "columns that are a list": (
        "pipelines/rain/pipeline.yaml",
        b"source: {file: a.csv}\ntask: binary\nvariants: [1]\ncolumns: [2]\n",
        "wire rain",
    ),
}


# Parameters that DVC reads of other formats; each would take minutes, or end in a traceback.
PARAMETERS = {
    "deep.json": b"[" * 100_000,
    "long.json": b'{"a": ' + b"9" * 5000 + b"}",
    "deep.py": b"a = " + b"-" * 100_000 + b"1",
    "many.toml": b"".join(b"a.b%d.c = 1\n" % i for i in range(10_000)),
}


def _stage(needed: str, entry: dict[str, Any]) -> dict[str, bytes]:
    """A pipeline whose stage needs a file, and that ran once."""
    file = {"hash": "md5", "md5": "0" * 32, "size": 1}
    out = {"path": "../../models/rain/network", **file}
    stage = {"cmd": CMD, "outs": [out["path"]], **entry}
    ran: dict[str, Any] = {"cmd": CMD, "outs": [out]}
    if "params" in entry:
        ran["params"] = {f"../../{needed}": {"a": 1}}
    else:
        ran["deps"] = [{"path": entry["deps"][0], **file}]
    return {
        "pipelines/rain/dvc.yaml": yaml.safe_dump({"stages": {"train": stage}}).encode(),
        "pipelines/rain/dvc.lock": yaml.safe_dump(
            {"schema": "2.0", "stages": {"train": ran}}
        ).encode(),
    }


class TestProjects:
    @pytest.mark.parametrize("name", LOOKS)
    def test_look(self, project: Path, refused: Refused, name: str) -> None:
        file, content, words = LOOKS[name]
        laid(project, {**files(), **({file: content} if content is not None else {})})
        (project / "README.md").write_text("<!-- scoreboard -->\n<!-- /scoreboard -->\n")
        assert Path(file).parts[-2:][0] in refused(*words.split())

    @given(st.integers(0, 1 << 32))
    def test_no_shape_of_deployments_is_a_traceback(self, seed: int) -> None:
        """Whatever stands where, what is read of a file that was not refused has its types."""
        content = inputs.misshapen(deepcopy(DEPLOYMENTS), random.Random(seed))
        with TemporaryDirectory() as folder, suppress(ThroughlineError):
            path = Path(folder) / "prefect.yaml"
            path.write_text(yaml.safe_dump(content))
            file = deployments.read(path)
            _check_parameters(file)
            told = alerts.written(file)
            written = file.content.get("deployments") or []
            schedules.plan(written, [], folder, ())
            assert _for_pool(Path(folder), file, "pool", all_of_them=True).is_file()
            assert isinstance(told, list)

    @given(st.integers(0, 1 << 32))
    def test_no_shape_of_a_report_is_a_traceback(self, seed: int) -> None:
        report = json.loads(files()[REPORT])
        report["task"] = "binary"
        report["branches"]["main"]["rows"] = {"test": 9}
        report["branches"]["main"]["comparisons"][0]["metrics"] = {"accuracy": {"value": 0.5}}
        content = inputs.misshapen(report, random.Random(seed))
        with TemporaryDirectory() as folder, suppress(ThroughlineError):
            path = Path(folder) / REPORT
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(content))
            (Path(folder) / "README.md").write_text("<!-- scoreboard --><!-- /scoreboard -->")
            scoreboard(Path(folder), ["rain"], write=True)
            assert "| `rain`" in (Path(folder) / "README.md").read_text()

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

    @pytest.mark.parametrize("file", PARAMETERS)
    def test_parameters_of_any_format_end(self, project: Path, refused: Refused, file: str) -> None:
        laid(project, {**files(), **_stage(file, {"params": [{f"../../{file}": ["a"]}]})})
        (project / file).write_bytes(PARAMETERS[file])
        assert file in refused("why")

    def test_a_link_to_a_device_ends(self, project: Path, refused: Refused) -> None:
        laid(project, {**files(), **_stage("folder", {"deps": ["../../folder"]})})
        (project / "folder").mkdir()
        (project / "folder" / "rows.csv").symlink_to("/dev/zero")
        assert "rows.csv" in refused("why", says="must be a file or folder")

    def test_a_link_to_nothing_is_a_line(self, project: Path, refused: Refused) -> None:
        laid(project, {**files(), **_stage("folder", {"deps": ["../../folder"]})})
        (project / "folder").mkdir()
        (project / "folder" / "rows.csv").symlink_to("nowhere")
        refused("why", says="rows.csv")

    @pytest.mark.parametrize("place", ["http://127.0.0.1:9/rows.csv", "/etc/hostname"])
    def test_a_look_stays_in_the_project(
        self,
        project: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        place: str,
    ) -> None:
        """What lies elsewhere is neither asked for nor read."""
        monkeypatch.setenv(NO_CODE, "1")
        laid(project, {**files(), **_stage(place, {"deps": [place]})})
        assert main(["why"]) == 0
        assert f"input {place} is not looked at" in capsys.readouterr().out

    def test_notes_of_dvc_are_the_account_s_own(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """There are pickles among them; a project may not say where they lie, nor others see."""
        monkeypatch.delenv(NOTES, raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        elsewhere = project.parent / "elsewhere"
        config = f"[core]\n    site_cache_dir = {elsewhere}\n".encode()
        laid(project, {**files(), ".dvc/config": config})
        assert main(["why"]) == 0
        notes = tmp_path / "cache" / "throughline" / "dvc"
        assert any(notes.rglob("cache.db")) and not elsewhere.exists()
        assert stat.S_IMODE(notes.stat().st_mode) == 0o700
        # Set by the command, for whatever it begins.
        monkeypatch.setenv(NOTES, str(notes))

    def test_what_a_run_lets_dvc_read_ends(self, project: Path) -> None:
        laid(project, {**files(), "other/dvc.yaml": yaml.safe_dump(MANY).encode()})
        words = [sys.executable, "-m", "throughline.running.repository", "repro"]
        done = subprocess.run(words, cwd=project, capture_output=True, text=True)
        assert done.returncode and "at most 10,000 stages" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("content", [b"\xff", b"stages: " + b"[" * 300_000])
    def test_stages_of_any_bytes_are_written_anew(self, project: Path, content: bytes) -> None:
        """Of such depth libyaml itself crashes."""
        laid(project, {**files(), "pipelines/rain/dvc.yaml": content})
        assert main(["wire", "rain"]) == 0
        assert "stages:" in (project / "pipelines/rain/dvc.yaml").read_text()

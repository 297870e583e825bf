"""Attacks of strangers' files, pipelines, addresses, queries and models, each with its verdict.

`make attacks` prints the table. Every attack runs on this machine alone, its payload is a file
MARKER, and its verdict is: one line that says why, exit code 2, no marker, no file outside.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.security.projects import LIMITS, SHARED, Refused, ingested
from throughline.cli import main
from throughline.errors import ThroughlineError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "home" / "project"
    root.mkdir(parents=True)
    shared = {**SHARED, "limits": LIMITS}
    (root / "params.yaml").write_text(yaml.safe_dump(shared))
    monkeypatch.chdir(root)
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    return root


@pytest.fixture
def refused(project: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must refuse in one line, and returns that line."""

    def run(*words: str, says: str = "") -> str:
        outside = set(project.parents[1].iterdir()) | set(project.parent.iterdir())
        assert main(list(words)) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ") and lines[0].isprintable()
        assert len(lines[0]) < 4100
        assert says in lines[0]
        assert set(project.parents[1].iterdir()) | set(project.parent.iterdir()) == outside
        assert not list(project.rglob("MARKER"))
        return lines[0]

    return run


@pytest.fixture
def unfetched(project: Path) -> Callable[..., str]:
    """Runs `ingest` on a source that must be refused in one line, and returns that line."""

    def run(says: str = "", **source: Any) -> str:
        with pytest.raises(ThroughlineError) as caught:
            ingested(project, **source)
        line = str(caught.value)
        assert line.isprintable() and len(line) < 4100
        assert says in line
        assert not list(project.parents[1].rglob("MARKER"))
        assert not (project / "data" / "raw" / "rain").exists()
        return line

    return run

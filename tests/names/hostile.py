"""A repository of one pipeline, and names that are none; shared by the tests of names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from throughline.paths import Workspace

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

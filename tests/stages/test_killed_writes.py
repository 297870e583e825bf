"""kill -9 in the middle of a stage's write: nothing false is left, and a rerun succeeds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from throughline.paths import Workspace
from throughline.stages.declared import declared, stages_of

ROOT = Path(__file__).resolve().parents[2]
# These fit or load networks, which takes a minute for all kills.
SLOW = ("cross_validate", "train", "export", "evaluate")


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(s, marks=[pytest.mark.slow, pytest.mark.timeout(1200)]) if s in SLOW else s
        for s in [each.name for each in stages_of({})]
    ],
)
def test_a_stage_that_is_killed(built: Workspace, tmp_path: Path, stage: str) -> None:
    root = tmp_path / "copy"
    shutil.copytree(built.root, root)
    written = declared(stage)
    outputs = [entry.of("shop") for entry in (*written.outputs, *written.metrics)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.stages.killed_write", str(root), stage, *outputs],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "kills survived" in done.stdout

"""Stage `train`, killed and run again, writes the files it would have written."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.repositories import write_pipeline

SCRIPT = Path(__file__).with_name("killed_stage.py")
PROJECT = SCRIPT.parents[2]
PIPELINE: dict[str, Any] = {
    "title": "A line",
    "task": "regression",
    "source": {
        "rows": {"x": [float(i % 17) for i in range(60)], "y": [2.0 * i for i in range(60)]}
    },
    "target": "y",
    "columns": {"x": {"scale": "standard"}},
    "expectations": {"rules": [{"expect_table_row_count_to_equal": {"value": 60}}]},
    "split": {"test": 0.25},
    "network": [{"Dense": {"units": 4}}, {"Dropout": {"rate": 0.2}}],
    "training": {"optimizer": "adam", "epochs": 6, "batch_size": 8},
    "variants": {"wide": {"network": [{"Dense": {"units": 8}}]}},
}


def python(root: Path, *command: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env=environment, cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.slow
class TestKilledStage:
    def test_goes_on_and_ends_with_the_same_files(self, tmp_path: Path) -> None:
        workspace = write_pipeline(tmp_path, "line", PIPELINE)
        for stage in ("ingest", "validate", "prepare", "cross_validate", "train"):
            done = python(tmp_path, "-m", "tasks", stage, "line")
            assert done.returncode == 0, done.stderr[-2000:]
        whole = digests(workspace.networks)
        assert any(name.endswith("network.weights.h5") for name in whole)
        checkpoints = tmp_path / ".cache" / "checkpoints" / "line"
        assert not checkpoints.exists()
        shutil.rmtree(workspace.networks)

        # All six epochs of the pipeline itself and three of its variant.
        killed = python(tmp_path, SCRIPT, tmp_path, 9)
        assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
        assert not workspace.networks.exists()
        assert sorted(path.name for path in checkpoints.iterdir()) == ["main", "wide"]
        resumed = python(tmp_path, SCRIPT, tmp_path)
        assert resumed.returncode == 0, resumed.stderr[-2000:]
        assert resumed.stdout.split("\n")[:-1] == ["epoch 4", "epoch 5", "epoch 6"]
        assert digests(workspace.networks) == whole
        assert not checkpoints.exists()

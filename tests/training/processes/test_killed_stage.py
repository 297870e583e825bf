"""A stage that trains, killed and run again, writes the files it would have written."""

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
from throughline.paths import Workspace

SCRIPT = Path(__file__).with_name("killed_stage.py")
PROJECT = SCRIPT.parents[3]
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
    "cross_validation": {"folds": 3},
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


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The pipeline with its data prepared."""
    workspace = write_pipeline(tmp_path_factory.mktemp("line"), "line", PIPELINE)
    for stage in ("ingest", "validate", "prepare"):
        ran(workspace.root, "-m", "throughline", stage, "line")
    return workspace


def ran(root: Path, *command: object) -> str:
    done = python(root, *command)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def killed(root: Path, stage: str, saves: int) -> str:
    done = python(root, SCRIPT, root, stage, saves)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
class TestKilledStage:
    def test_train_goes_on_and_ends_with_the_same_files(self, line: Workspace) -> None:
        for stage in ("cross_validate", "train"):
            ran(line.root, "-m", "throughline", stage, "line")
        whole = digests(line.networks)
        assert any(name.endswith("network.weights.h5") for name in whole)
        checkpoints = line.root / ".cache" / "checkpoints" / "line"
        assert not checkpoints.exists()
        shutil.rmtree(line.networks)

        # All six epochs of the pipeline itself and three of its variant.
        killed(line.root, "train", 9)
        assert not line.networks.exists()
        assert sorted(path.name for path in checkpoints.iterdir()) == ["main", "wide"]
        epochs = ran(line.root, SCRIPT, line.root, "train").split("\n")[:-1]
        assert epochs == ["epoch 4", "epoch 5", "epoch 6"]
        assert digests(line.networks) == whole
        assert not checkpoints.exists()

    def test_folds_that_are_done_are_not_trained_again(self, line: Workspace) -> None:
        ran(line.root, "-m", "throughline", "cross_validate", "line")
        whole = digests(line.cross_validation)
        assert set(whole) == {"scores.json", "curves.csv"}
        checkpoints = line.root / ".cache" / "checkpoints" / "line" / "cross_validate"
        assert not checkpoints.exists()
        shutil.rmtree(line.cross_validation)

        # The three folds of the pipeline itself, then one of its variant and two epochs of another.
        first = killed(line.root, "cross_validate", 3 * 6 + 6 + 2)
        assert first.count("epoch") == 26
        assert not line.cross_validation.exists()
        assert len(list(checkpoints.glob("*.npz"))) == 5
        epochs = ran(line.root, SCRIPT, line.root, "cross_validate").split("\n")[:-1]
        every = [f"epoch {number}" for number in range(1, 7)]
        assert epochs == [*every[2:], *every]
        assert digests(line.cross_validation) == whole
        assert not checkpoints.exists()

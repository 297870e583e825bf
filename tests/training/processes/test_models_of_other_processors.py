"""`model.onnx`, from raw rows, has one sha256 whatever processor it was made on."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repositories import write_pipeline

EMULATOR = shutil.which("qemu-x86_64")
ROOT = Path(__file__).resolve().parents[3]
STAGES = ("ingest", "validate", "prepare", "cross_validate", "train", "export")
HOURS = [str(datetime(2020, 1, 1) + timedelta(hours=hour)) for hour in range(120)]


def of_this_repository(name: str, **changed: Any) -> dict[str, Any]:
    """A pipeline of this repository, with few epochs: an emulator is slow."""
    file = ROOT / "pipelines" / name / "pipeline.yaml"
    pipeline: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    pipeline["training"]["epochs"] = 5
    for section in ("claims", "variants", "sweeps", "gates", "compare", "export"):
        pipeline.pop(section, None)
    return pipeline | changed


PIPELINES = {
    "iris": of_this_repository("iris"),
    "moons": of_this_repository("moons"),
    "convolution": of_this_repository(
        "digits",
        cross_validation=None,
        network=[
            {"Reshape": {"target_shape": [8, 8, 1]}},
            {"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}},
            "MaxPooling2D",
            "Flatten",
        ],
    ),
    "lstm": {
        "title": "How much in the next hours?",
        "task": "forecast",
        "source": {"rows": {"when": HOURS, "load": [math.sin(hour / 4) for hour in range(120)]}},
        "target": "load",
        "columns": {"load": {"scale": "standard"}},
        "time": {"index": "when", "every": "1h", "lookback": 12},
        "split": {"kind": "temporal", "test": 0.3},
        "network": [{"LSTM": {"units": 8}}],
        "training": {"epochs": 5},
    },
}


def model(name: str, root: Path, *emulator: str) -> str:
    """The sha256 of the file that all stages up to `export` make of raw rows."""
    workspace = write_pipeline(root, name, PIPELINES[name])
    python = str(Path(sys.executable).resolve())
    path = [str(ROOT), *filter(None, sys.path)]
    for stage in STAGES:
        done = subprocess.run(
            [*emulator, python, "-m", "throughline", stage, name],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    return hashlib.sha256(workspace.model.read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(EMULATOR is None, reason="needs qemu-x86_64 (Debian: qemu-user)")
@pytest.mark.parametrize("emulated", ["Haswell", "EPYC"])
@pytest.mark.parametrize("name", PIPELINES)
def test_same_file_from_another_processor(name: str, emulated: str, tmp_path: Path) -> None:
    assert EMULATOR is not None
    here = model(name, tmp_path / "here")
    assert here == model(name, tmp_path / "there", EMULATOR, "-cpu", emulated)

"""A training that is killed goes on at its epoch and ends with the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("killed.py")
ROOT = SCRIPT.parents[2]


def train(folder: Path, last: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(SCRIPT), str(folder), str(last)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


class TestKill:
    def test_goes_on_where_it_was(self, tmp_path: Path) -> None:
        whole = train(tmp_path / "whole", 0)
        assert whole.returncode == 0, whole.stderr[-2000:]
        killed = train(tmp_path / "kept", 3)
        assert killed.returncode == -signal.SIGKILL and killed.stdout == ""
        assert len(list((tmp_path / "kept").glob("*.npz"))) == 2
        resumed = train(tmp_path / "kept", 0)
        assert resumed.stdout == whole.stdout
        # The first run is not trained again, and the second goes on after its checkpoint.
        assert "epoch 1 " not in resumed.stderr and "epoch 2 1\n" not in resumed.stderr
        assert not (tmp_path / "kept").exists()

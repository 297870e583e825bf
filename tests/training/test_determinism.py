"""Two fresh processes end with the same bits, in memory and on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("trained_by_itself.py")
ROOT = SCRIPT.parents[2]


def digests(backend: str, network: str, folder: Path) -> str:
    # Another hash seed in each process: nothing may hang on the order of a set.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(len(folder.name))}
    command = [sys.executable, str(SCRIPT), backend, network, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


class TestFreshProcesses:
    @pytest.mark.parametrize(
        ("backend", "network"),
        [
            ("tensorflow", "dense"),
            pytest.param("tensorflow", "conv", marks=pytest.mark.slow),
            pytest.param("tensorflow", "lstm", marks=pytest.mark.slow),
            pytest.param("jax", "dense", marks=pytest.mark.slow),
            pytest.param("jax", "conv", marks=pytest.mark.slow),
            pytest.param("jax", "lstm", marks=pytest.mark.slow),
        ],
    )
    def test_same_bits(self, backend: str, network: str, tmp_path: Path) -> None:
        if backend == "jax":
            pytest.importorskip("jax")
        first = digests(backend, network, tmp_path / "a")
        assert first == digests(backend, network, tmp_path / "other")
        assert first.count("\n") == 3

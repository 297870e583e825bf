"""Fresh processes end with the same bits, also when one of them is killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fresh_process.py")
ROOT = SCRIPT.parents[3]


def trained(hash_seed: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    # Another hash seed in each process: nothing may hang on the order of a set.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


class TestTwoProcesses:
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
    def test_same_bits_whole_and_after_a_kill(
        self, backend: str, network: str, tmp_path: Path
    ) -> None:
        if backend == "jax":
            pytest.importorskip("jax")
        kept = tmp_path / "kept"
        killed = trained(1, backend, network, tmp_path / "a", kept, 3)
        assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
        assert len(list(kept.glob("*.npz"))) == 2
        resumed = trained(2, backend, network, tmp_path / "b", kept)
        assert resumed.returncode == 0, resumed.stderr[-2000:]

        *first, last = resumed.stdout.splitlines()
        assert killed.stdout.splitlines() == first and len(first) == 3
        assert last.split()[-1] == first[-1].split()[-1]
        # The first run is not trained again, and the second goes on after its checkpoint.
        assert "epoch 11 " not in resumed.stderr and "epoch 12 1\n" not in resumed.stderr


class TestUnusedPartsOfKeras:
    def test_load_their_libraries_when_they_are_used(self) -> None:
        code = (
            "import sys\n"
            "from throughline.training.engine.devices import configure\n"
            "configure(device='cpu')\n"
            "print(sorted({'matplotlib', 'sklearn'} & set(sys.modules)))\n"
            "import keras\n"
            "from keras.wrappers import SKLearnClassifier\n"
            "from sklearn.base import BaseEstimator\n"
            "print(issubclass(SKLearnClassifier, BaseEstimator))\n"
            "print(keras.visualization.plot_image_gallery.__name__)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-3:] == ["[]", "True", "plot_image_gallery"]

"""locks/gpu.txt: TensorFlow and onnxruntime for one CUDA, with every library that is loaded."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

LOCK = Path(__file__).resolve().parents[2] / "locks/gpu.txt"
PROVIDER = "onnxruntime/capi/libonnxruntime_providers_cuda.so"
# A shared object's names of others end with a zero byte.
SONAME = re.compile(rb"\x00(lib(?:cu|nv)[a-zA-Z]+\.so\.\d+)(?=\x00)")
# Comes with the driver.
DRIVER = "libcuda.so.1"


def locked() -> dict[str, str]:
    """Packages of the lock and their versions."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))


def test_is_for_one_cuda():
    ends = {name.rpartition("-")[2] for name in locked() if name.startswith("nvidia-")}
    assert ends == {"cu12"}
    assert tuple(map(int, locked()["onnxruntime-gpu"].split(".")))[:2] <= (1, 26)
    assert "onnxruntime" not in locked()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_holds_every_library_that_onnxruntime_s_provider_loads(tmp_path):
    versions = locked()
    wanted = [
        f"{name}=={versions[name]}"
        for name in versions
        if name == "onnxruntime-gpu" or name.startswith("nvidia-")
    ]
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    done = subprocess.run([*download, str(tmp_path), *wanted], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the registry does not give them: {done.stderr.strip().splitlines()[-1]}")
    needed: set[str] = set()
    found: set[str] = set()
    for path in tmp_path.glob("*.whl"):
        with zipfile.ZipFile(path) as wheel:
            found |= {Path(name).name for name in wheel.namelist()}
            if PROVIDER in wheel.namelist():
                needed |= {name.decode() for name in SONAME.findall(wheel.read(PROVIDER))}
    assert "libcudart.so.12" in needed
    assert needed - {DRIVER} <= found

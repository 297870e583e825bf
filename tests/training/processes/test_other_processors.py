"""A training ends with the same bits in an emulated processor of another maker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fresh_process.py")
ROOT = SCRIPT.parents[3]
EMULATOR = shutil.which("qemu-x86_64")
# Its approximate reciprocals are those of neither Intel nor AMD, so both are held against it.
PROCESSORS = ("Haswell", "EPYC")


def trained(network: str, folder: Path, *emulator: str) -> list[str]:
    """The digests of a training: files, weights, curves, answers."""
    python = str(Path(sys.executable).resolve())
    arguments = ["tensorflow", network, str(folder), str(folder / "kept")]
    path = [str(ROOT), *filter(None, sys.path)]
    done = subprocess.run(
        [*emulator, python, str(SCRIPT), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(EMULATOR is None, reason="needs qemu-x86_64 (Debian: qemu-user)")
@pytest.mark.parametrize("emulated", PROCESSORS)
@pytest.mark.parametrize("network", ["dense", "conv", "lstm", "compiled"])
def test_same_bits_in_another_processor(network: str, emulated: str, tmp_path: Path) -> None:
    assert EMULATOR is not None
    here = trained(network, tmp_path / "here")
    there = trained(network, tmp_path / "there", EMULATOR, "-cpu", emulated)
    assert len(here) >= 3 and here == there


def test_what_xla_compiles_approximates_no_root(tmp_path: Path) -> None:
    """`rsqrtps` is another one on Intel's processors than on AMD's."""
    dump = f"--xla_dump_to={tmp_path / 'dump'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLA_FLAGS", dump)
        trained("compiled", tmp_path / "network")
    compiled = list((tmp_path / "dump").glob("*ir-with-opt.ll"))
    assert any("sqrt" in file.read_text() for file in compiled)
    assert not any(re.search(r"llvm.x86\S*(rsqrt|rcp)", file.read_text()) for file in compiled)


@pytest.mark.slow
@pytest.mark.skipif(EMULATOR is None, reason="needs qemu-x86_64 (Debian: qemu-user)")
def test_a_processor_without_avx2_is_told_in_one_line() -> None:
    assert EMULATOR is not None
    python = str(Path(sys.executable).resolve())
    done = subprocess.run(
        [EMULATOR, "-cpu", "SandyBridge", python, "-m", "throughline", "ingest", "iris"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ") and "without AVX2 and FMA" in last

"""Every process that computes is told the same instructions, before its libraries load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from throughline import processor
from throughline.cli import main
from throughline.errors import BadPipeline
from throughline.training.engine.devices import configure, configured

ROOT = Path(__file__).parents[3]
TOLD = {**processor.AT_START, **processor.ONEDNN, "XLA_FLAGS": " ".join(processor.XLA)}


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh process that nobody has told anything."""
    untold = {name: value for name, value in os.environ.items() if name not in TOLD}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**untold, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip


class TestTold:
    def test_openblas_and_numpy_obey(self) -> None:
        # Of a processor that has AVX-512, which this one need not have, SkylakeX's are the kernels.
        code = (
            "from throughline import processor; processor.fix();"
            "import numpy, scipy.linalg, threadpoolctl;"
            "from numpy._core._multiarray_umath import __cpu_features__ as features,"
            "__cpu_dispatch__ as dispatched;"
            "print({l['architecture'] for l in threadpoolctl.threadpool_info()},"
            "{l['num_threads'] for l in threadpoolctl.threadpool_info()},"
            "[n for n in dispatched if features[n]])"
        )
        done = python(code, OPENBLAS_CORETYPE="SkylakeX")
        assert done.stdout.strip() == "{'Haswell'} {1} ['X86_V3']", done.stderr

    def test_every_dispatched_kernel_of_numpy_is_named(self) -> None:
        from numpy._core._multiarray_umath import __cpu_dispatch__

        named = processor.AT_START["NPY_DISABLE_CPU_FEATURES"].split()
        assert sorted(named) == sorted(set(__cpu_dispatch__) - {"X86_V3"})

    def test_tensorflow_takes_its_own_kernels(self) -> None:
        """With AVX512-VNNI it would take oneDNN's sigmoid, which ends in other bits."""
        code = (
            "from throughline import processor; processor.fix();"
            "from tensorflow.python.util import _pywrap_util_port as port;"
            "print(port.IsMklEnabled())"
        )
        assert python(code, TF_ENABLE_ONEDNN_OPTS="1").stdout.split()[-1] == "False"

    def test_xla_keeps_other_flags_and_ours_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=AVX512 --xla_dump_to=/nowhere")
        processor.fix_training()
        processor.fix_training()
        assert os.environ["XLA_FLAGS"].split() == ["--xla_dump_to=/nowhere", *processor.XLA]

    def test_xla_knows_the_flags(self) -> None:
        """One that it does not know ends the process."""
        code = (
            "from throughline.training.engine.devices import configure; configure(device='cpu');"
            "import tensorflow as tf;"
            "print(float(tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(1.))))"
        )
        done = python(code)
        assert done.stdout.strip() == "2.0", done.stderr[-2000:]

    def test_a_worker_of_a_flow(self, tmp_path: Path) -> None:
        code = (
            "import os; from throughline.running import work;"
            f"work.begin({str(tmp_path)!r}, {str(tmp_path / 'logs')!r}, {{}});"
            "from throughline.processor import AT_START;"
            "os._exit(0 if AT_START.items() <= os.environ.items() else 1)"
        )
        assert python(code).returncode == 0

    @pytest.mark.parametrize("start", ["processor.fix()", "main(['check'])"])
    def test_numpy_that_loaded_before_is_one_line(self, start: str) -> None:
        code = (
            "import numpy; from throughline import processor; from throughline.cli import main\n"
            f"try: code = {start}\n"
            "except processor.LoadedTooEarly as error: raise SystemExit(f'error: {error}')\n"
            "raise SystemExit(code)"
        )
        done = python(code)
        assert done.returncode in (1, 2)
        (line,) = done.stderr.splitlines()
        assert "load numpy" in line and "OPENBLAS_CORETYPE='Haswell'" in line
        told = python(code, **processor.AT_START)
        assert "load numpy" not in told.stderr

    def test_a_dask_worker_that_nobody_told_refuses(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        pytest.importorskip("distributed")
        from throughline.running.cluster import _begin

        monkeypatch.delenv("OPENBLAS_CORETYPE")
        with pytest.raises(processor.LoadedTooEarly, match="Received: OPENBLAS_CORETYPE not set"):
            _begin(str(tmp_path), str(tmp_path / "logs")).setup(None)


class TestRefused:
    @pytest.fixture
    def old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(processor, "missing", lambda: ["AVX2", "FMA"])

    def test_a_stage_ends_with_one_line(
        self,
        old: None,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
        (tmp_path / "params.yaml").write_text("instructions: avx2\n")
        monkeypatch.chdir(tmp_path)
        assert main(["ingest", "iris"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ") and "without AVX2 and FMA" in line
        assert "instructions: native" in line

    def test_native_runs_anywhere(self, old: None) -> None:
        processor.check("native")
        for asked in ("avx2", None):
            with pytest.raises(processor.WrongProcessor):
                processor.check(asked)


class TestNative:
    def test_no_other_instructions_in_a_process_that_computes(self, keras: None) -> None:
        assert configured()["instructions"] == "avx2"
        with pytest.raises(BadPipeline, match=r"already computes with instructions: avx2.*new"):
            configure(device="cpu", instructions="native")
        with pytest.raises(BadPipeline, match=r"instructions should be one of avx2, native"):
            configure(device="cpu", instructions="avx")

    def test_leaves_the_choice_to_the_libraries(self) -> None:
        code = (
            "from throughline.training.engine.devices import configure;"
            "configure(device='cpu', instructions='native');"
            "import os, tensorflow as tf;"
            "print(os.environ.get('ONEDNN_MAX_CPU_ISA'), os.environ.get('XLA_FLAGS'),"
            "'constant_folding' in tf.config.optimizer.get_experimental_options(),"
            "tf.math.rsqrt.__module__)"
        )
        done = python(code)
        assert done.stdout.strip() == "None None False tensorflow.python.ops.math_ops", done.stderr

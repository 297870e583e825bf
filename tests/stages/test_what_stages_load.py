"""A stage reads its own sections and loads its own libraries."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from throughline.errors import ThroughlineError
from throughline.paths import Workspace


class TestAStageReadsItsOwnSections:
    def test_and_no_other(self, built: Workspace) -> None:
        from throughline.stages.given import stage_input
        from throughline.stages.prepare import STAGE

        given = stage_input(built, STAGE)
        assert given.main.target.columns == ["bought"]
        with pytest.raises(ThroughlineError, match="may read the sections that it declares"):
            given.main.training  # noqa: B018


HEAVY = {"great_expectations", "keras", "onnx", "onnxruntime", "pandas", "prefect"}
HEAVY |= {"scipy", "scipy.stats", "sklearn", "tensorflow", "tf2onnx"}


class TestWhatAStageLoads:
    @pytest.mark.parametrize(
        ("stage", "may"),
        [
            ("ingest", {"pandas"}),
            ("validate", {"great_expectations", "pandas", "scipy", "scipy.stats"}),
            ("prepare", {"onnx", "onnxruntime", "pandas"}),
            ("cross_validate", {"keras", "tensorflow", "onnx", "onnxruntime", "pandas", "scipy"}),
            ("train", {"keras", "tensorflow", "onnx", "onnxruntime", "pandas", "scipy"}),
            ("export", {"onnx", "onnxruntime", "pandas"}),
            # It compares with a model of scikit-learn; where nothing is compared,
            # tests/evaluation/test_evaluate_stage.py allows none of the three.
            ("evaluate", {"onnx", "onnxruntime", "pandas", "scipy", "scipy.stats", "sklearn"}),
        ],
    )
    def test_is_only_what_it_uses(
        self, built: Workspace, tmp_path: Path, stage: str, may: set[str]
    ) -> None:
        root = tmp_path / "copy"
        shutil.copytree(built.root, root)
        script = (
            "import sys\n"
            "from pathlib import Path\n"
            "from throughline.stages.run import run_stage\n"
            f"run_stage({stage!r}, 'shop', Path({str(root)!r}))\n"
            f"print(*sorted({HEAVY!r} & set(sys.modules)))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert set(done.stdout.splitlines()[-1].split()) <= may

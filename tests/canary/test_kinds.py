"""The canary on one pipeline of each kind: a table, texts, a series, pictures."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from throughline.canary.canary import canary
from throughline.errors import RefusedByGate
from throughline.paths import Workspace
from throughline.stages.run import run_stage
from throughline.stages.wire import wire

ROOT = Path(__file__).resolve().parents[2]


def brought(root: Path, name: str) -> Workspace:
    """A pipeline whose file is written, with its rows ingested and validated."""
    shutil.copy(ROOT / "params.yaml", root)
    wire(root, [name])
    for stage in ("ingest", "validate"):
        run_stage(stage, name, root)
    return Workspace(root, name)


def from_catalogue(root: Path, name: str) -> Workspace:
    """A pipeline of the catalogue, with its real rows."""
    workspace = Workspace(root, name)
    workspace.pipeline_file.parent.mkdir(parents=True)

    def path(project: Path) -> Path:
        return Workspace(project, name).pipeline_file

    file = next(f for f in (path(ROOT), path(ROOT / "textbooks")) if f.exists())
    shutil.copy(file, workspace.pipeline_file)
    document = yaml.safe_load(workspace.pipeline_file.read_text(encoding="utf-8"))
    if "url" in document["source"] and not os.environ.get("THROUGHLINE_MIRROR"):
        pytest.skip(f"{name} comes from the network, and THROUGHLINE_MIRROR is not set")
    return brought(root, name)


def photos(root: Path) -> Workspace:
    """Forty small pictures of two classes."""
    from PIL import Image

    generator = np.random.default_rng(0)
    for number in range(40):
        folder = root / "photos" / ("dark", "light")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 128, (12, 16, 3)) + 127 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    document: dict[str, Any] = {
        "title": "Dark or light?",
        "task": "binary",
        "source": {"folder": "photos", "images": {"size": [8, 8]}},
        "target": "class",
        "columns": {"pixels": {"image": {"size": [8, 8], "scale": {"divide": 255}}}},
        "split": {"test": 0.25, "stratify": "class"},
        "network": ["Flatten"],
        "cross_validation": {"folds": 3},
    }
    workspace = Workspace(root, "photos")
    workspace.pipeline_file.parent.mkdir(parents=True)
    workspace.pipeline_file.write_text(yaml.safe_dump(document, sort_keys=False))
    return brought(root, "photos")


class TestEveryKind:
    @pytest.mark.parametrize(
        ("name", "corrupted", "folds"), [("iris", 30, 10), ("spam", 1394, 5), ("passengers", 60, 0)]
    )
    def test_nothing_of_the_training_side_moves(
        self, tmp_path: Path, name: str, corrupted: int, folds: int
    ) -> None:
        proof = canary(name, from_catalogue(tmp_path, name))
        assert (proof.corrupted_rows, proof.folds) == (corrupted, folds)
        assert proof.files >= 5

    def test_nothing_moves_with_pictures(self, tmp_path: Path) -> None:
        proof = canary("photos", photos(tmp_path))
        assert (proof.corrupted_rows, proof.folds) == (10, 3)
        assert proof.files >= 5

    def test_folds_of_a_series(self, tmp_path: Path) -> None:
        workspace = from_catalogue(tmp_path, "passengers")
        text = workspace.pipeline_file.read_text(encoding="utf-8")
        shorter = text.replace("lookback: 12, horizon: {sequence: 12}", "lookback: 6, horizon: 1")
        assert shorter != text
        workspace.pipeline_file.write_text(f"{shorter}cross_validation: {{folds: 2}}\n")
        wire(tmp_path, ["passengers"])
        assert canary("passengers", workspace).folds == 2


class TestItSings:
    """Faults put in on purpose."""

    def test_where_a_series_is_scaled_by_all_rows(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.samples.windows import splits_in_time as module
        from throughline.samples.windows.preparing import series as preparing

        workspace = from_catalogue(tmp_path, "passengers")

        def everything(series: Any, split: Any, zone: Any) -> Any:
            assigned = module.parts(series, split, zone)
            late = assigned == "test"
            assigned[np.flatnonzero(late)[:24]] = "training"
            return assigned

        monkeypatch.setattr(preparing, "parts", everything)
        with pytest.raises(RefusedByGate, match="moved: "):
            canary("passengers", workspace)

    def test_where_a_picture_of_the_test_part_trains(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.samples.splits import parts as module

        workspace = photos(tmp_path)
        honest = module.parts
        calls: list[int] = []

        def leaking(rows: Any, split: Any) -> Any:
            assigned = honest(rows, split)
            calls.append(1)
            if len(calls) > 1:
                assigned[np.flatnonzero(assigned == "test")[0]] = "training"
            return assigned

        monkeypatch.setattr(module, "parts", leaking)
        with pytest.raises(RefusedByGate, match=r"pixels"):
            canary("photos", workspace)

"""A project with one pipeline that has never run."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.config.test_errors import RIGHT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "shop"
    (root / "pipelines/rain").mkdir(parents=True)
    (root / "params.yaml").write_text("seed: 0\n")
    (root / "pipelines/rain/pipeline.yaml").write_text(yaml.safe_dump(RIGHT))
    monkeypatch.chdir(root)
    return root

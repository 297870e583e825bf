"""Running `validate` on rows, without a pipeline file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from throughline.paths import Workspace
from throughline.pipeline.schema.expectations import Expectations
from throughline.sources.table import write_rows
from throughline.stages.given import StageInput
from throughline.stages.validate import validate

Validate = Callable[..., Workspace]


@pytest.fixture
def judged(tmp_path: Path) -> Validate:
    """A function from rows and section `expectations` to the workspace that `validate` filled."""

    def run(rows: pd.DataFrame, **expectations: Any) -> Workspace:
        workspace = Workspace(tmp_path, "trial")
        workspace.raw.mkdir(parents=True, exist_ok=True)
        write_rows(rows, workspace.raw / "rows.parquet")
        view = SimpleNamespace(expectations=Expectations(**expectations))
        validate(StageInput("trial", {"main": view}, {"main": "main"}, {}, {}), workspace)
        return workspace

    return run

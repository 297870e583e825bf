"""Running `validate` on rows, without a pipeline file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tasks.config.expectations import Expectations
from tasks.config.loading import StageInput
from tasks.sources.table import write_rows
from tasks.validate import validate
from tasks.workspace import Workspace

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

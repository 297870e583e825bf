"""The repository in which hostile names are tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.names.hostile import (
    PIPELINE,
)
from tests.repositories import write_pipeline


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one pipeline, two folders below the one that is looked through."""
    root = tmp_path / "home" / "repository"
    root.mkdir(parents=True)
    write_pipeline(root, "rain", PIPELINE)
    (root / "rows.csv").write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    return root

"""Fixtures of the evaluation tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_pipeline import BINARY, Tiny, binary, points


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """An empty pipeline."""
    return Tiny(tmp_path)


@pytest.fixture
def sides(tiny: Tiny) -> Tiny:
    """A binary pipeline with a good model: 300 training rows, 200 test rows."""
    tiny.write(BINARY, points(300, 1), points(200, 2), [0, 1])
    binary(tiny.workspace.model, ["x", "y"], np.array([[3.0], [3.0]]), np.array([0.1]))
    return tiny

"""Settings of the export tests: the same examples in every run."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "export",
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("export")


@pytest.fixture(scope="session", autouse=True)
def _set_up(keras: None) -> None:
    """Every test here compares with Keras."""

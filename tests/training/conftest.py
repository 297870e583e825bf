"""The tests of training run on Keras as the stages set it up."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _set_up(keras: None) -> None:
    """Before any test here builds a network."""

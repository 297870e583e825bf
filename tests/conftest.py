"""What all tests share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def keras() -> None:
    """Keras as the stages set it up; TensorFlow takes its threads once a process, at the start."""
    from tasks.training.devices import configure

    configure(device="cpu", threads=1)

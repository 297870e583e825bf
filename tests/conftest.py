"""What all tests share."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, settings

from throughline import processor

processor.fix()
# The first draw of a process reads all modules of the project for constants, seconds on a machine
# that is busy; how long an example takes says nothing about what it holds.
settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")


@pytest.fixture(scope="session")
def keras() -> None:
    """Keras as the stages set it up; TensorFlow takes its threads once a process, at the start."""
    from throughline.training.engine.devices import configure

    configure(device="cpu", threads=1)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before any fixture: where a test has imported TensorFlow, absl holds pytest's own stderr.

    Prefect sets logging up anew, which closes every handler; absl's would close pytest's file, and
    with it the capturing of all tests that follow in this process.
    """
    logging = sys.modules.get("absl.logging")
    if logging is not None:
        logging.get_absl_handler().python_handler.stream = sys.__stderr__

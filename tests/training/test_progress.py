"""The progress bar: on a terminal only, and right about what is left."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from throughline.training.engine.runs import Run
from throughline.training.progress import Bar, progress

ONE, OTHER = (Run({}, np.zeros(1), np.zeros(1, int), None, seed) for seed in (1, 2))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestProgress:
    def test_a_log_file_gets_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        with progress("folds", 2, 10) as watcher:
            assert watcher is None

    def test_an_early_stop_shortens_what_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stderr", Terminal())
        with progress("folds", 2, 10) as watcher:
            assert isinstance(watcher, Bar)
            watcher(ONE, 3, {"loss": 0.5, "mae": 1.0}, False)
            watcher(ONE, 7, {"loss": 0.25, "mae": 1.0}, True)
            assert (watcher.bar.n, watcher.bar.total) == (7, 17)
            watcher(OTHER, 10, {"loss": 0.125, "mae": 1.0}, True)
            assert watcher.bar.n == watcher.bar.total == 17
            watcher.bar.refresh()
            written = sys.stderr.getvalue()  # type: ignore[attr-defined]
            assert "loss=0.125" in written and "17/17" in written and "mae" not in written

"""Every pipeline file of the project is right; nothing runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from throughline.cli import main


def test_every_pipeline_file_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    assert main(["check"]) == 0

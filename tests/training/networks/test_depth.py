"""How many calls lie between the stage that cross-validates and the compiled training."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.repositories import rows_in_memory
from throughline.pipeline.pipeline import Pipeline
from throughline.stages import cross_validate as stage
from throughline.stages.given import StageInput
from throughline.training.engine.backends import TensorflowBackend
from throughline.training.search.side_by_side import SideBySide

MOST_CALLS = 8
X = np.random.default_rng(0).normal(size=20)
ROWS = pd.DataFrame({"x": X, "y": 2 * X + 1})
DOCUMENT: dict[str, Any] = {
    "title": "A line", "task": "regression", "source": {"rows": {"x": [1.0], "y": [1.0]}},
    "target": "y", "columns": {"x": {}}, "training": {"epochs": 1, "xla": False},
}  # fmt: skip


def calls_until(frame: FrameType | None, function: str) -> list[str]:
    """The functions from the caller of a frame up to one that is named, the nearest first."""
    found = []
    while frame is not None and frame.f_code.co_name != function:
        found.append(frame.f_code.co_name)
        frame = frame.f_back
    assert frame is not None
    return found


@pytest.mark.parametrize(("runs", "calls"), [("in-turn", 2), ("together", 1)])
def test_few_calls_lead_to_a_training(
    runs: str, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    compiled = TensorflowBackend.compile

    def watched(backend: Any, function: Callable[..., Any], xla: bool) -> Callable[..., Any]:
        program = compiled(backend, function, xla)

        def called(*arguments: Any) -> Any:
            if function.__name__ in ("_run", "_run_together"):
                seen.append(calls_until(sys._getframe(1), "_branches"))
            return program(*arguments)

        return called

    monkeypatch.setattr(TensorflowBackend, "compile", watched)
    protocol = {"folds": 2, "runs": runs}
    # Programs are kept by their networks, and each of these is watched from its compilation on.
    network = [{"Dense": {"units": calls + 1}}]
    document = {**DOCUMENT, "cross_validation": protocol, "network": network}
    pipeline = Pipeline.model_validate(document)
    data = rows_in_memory(ROWS, pipeline)
    given = StageInput("line", {"main": pipeline}, {"main": "main"}, {}, DOCUMENT)
    with SideBySide() as trainings:
        stage._branches(given, {"main": data}, 0, trainings)
    assert len(seen) == calls
    # `cross_validate` calls `_branches`, and the last of these calls the program.
    assert all(1 + len(calls) + 1 <= MOST_CALLS for calls in seen), seen[0]

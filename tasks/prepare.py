"""Stage `prepare`: clean rows become parts, a fitted graph and arrays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.workspace import Workspace, needed, replaced, write_json

if TYPE_CHECKING:
    import pandas as pd

    from tasks.config.loading import StageInput
    from tasks.preprocessing.fit import Preprocessing
    from tasks.preprocessing.plan import Plan
    from tasks.preprocessing.target import FittedTarget


def prepare(stage_input: StageInput, workspace: Workspace) -> None:
    """Split the clean rows, fit preprocessing on the training part, and store its arrays.

    Raises:
        BadData: a part without rows, a column that cannot be treated as asked, a leak that the
            guards refuse.
    """
    import pandas as pd

    rows = pd.read_parquet(needed(workspace.clean / "rows.parquet", "validate"))
    owners = [name for name, owner in stage_input.prepared_by.items() if name == owner]
    with replaced(workspace.training_data) as training, replaced(workspace.test_data) as test:
        for branch in owners:
            (training / branch).mkdir(parents=True)
            (test / branch).mkdir(parents=True)
            _prepare_branch(rows, stage_input.branches[branch], training / branch, test / branch)
        aside = workspace.clean / "set_aside.parquet"
        if aside.exists():
            # Held out like test rows: `evaluate` says what they would change.
            shutil.copyfile(aside, test / "main" / aside.name)


def _prepare_branch(rows: pd.DataFrame, view: Any, training: Path, test: Path) -> None:
    from tasks.guards.examine import after_drops, enforce, examine
    from tasks.preprocessing.fit import fit
    from tasks.preprocessing.plan import plan
    from tasks.preprocessing.run import run
    from tasks.preprocessing.target import fit_target
    from tasks.splits.parts import parts

    target_columns = view.target.columns
    planned = plan(rows, view.columns, view.inputs, target_columns)
    assigned = parts(rows, view.split)
    training_rows = rows[assigned == "training"].reset_index(drop=True)
    target = fit_target(training_rows, view.target, view.task)
    findings = examine(rows, assigned, list(planned.raw), view.target, view.task, view.split)
    enforce(findings)
    assigned, kept = after_drops(assigned, list(planned.raw), findings)
    dropped = [name for name in planned.raw if name not in kept]
    planned = plan(rows, view.columns, view.inputs, target_columns, dropped)
    test_rows = rows[assigned == "test"].reset_index(drop=True)
    fitted = fit(training_rows, planned)
    arrays = run(fitted.graph, training_rows, fitted.inputs, fitted.types)

    training_rows.to_parquet(training / "rows.parquet")
    test_rows.to_parquet(test / "rows.parquet")
    (training / "preprocess.onnx").write_bytes(_bytes(fitted))
    for name, array in arrays.items():
        np.save(training / f"{name}.npy", array)
    np.save(training / "target.npy", target.array(training_rows))
    summary = _summary(fitted, target, training_rows, planned)
    write_json(training / "prepared.json", summary | {"dropped": dropped})
    write_json(
        test / "guards.json",
        {
            "rows": {part: int((assigned == part).sum()) for part in ("training", "test", "gap")},
            "findings": [finding.as_json() for finding in findings],
        },
    )


def _bytes(fitted: Preprocessing) -> bytes:
    from onnx import checker

    checker.check_model(fitted.graph)
    return bytes(fitted.graph.SerializeToString(deterministic=True))


def _summary(
    fitted: Preprocessing, target: FittedTarget, rows: pd.DataFrame, planned: Plan
) -> dict[str, Any]:
    """What the later stages and the model's metadata say of the training rows."""
    from tasks.preprocessing.contract import contract

    return {
        "inputs": contract(rows, planned),
        "features": dict(fitted.features),
        "types": dict(fitted.types),
        "target": target.as_json(),
        "rows": len(rows),
    }

"""`throughline readmit`: quarantined rows are mended by hand and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from throughline.errors import BadData, listed
from throughline.paths import Workspace, needed, replaced
from throughline.pipeline.loading import load
from throughline.stages.wire import wire
from throughline.tokens.token_rows import as_texts, read_windows
from throughline.validation.repairs import repaired, write_repairs
from throughline.validation.row_verdicts import judge

if TYPE_CHECKING:
    from pathlib import Path


def readmit(root: Path, name: str) -> str:
    """Write the quarantined rows out to be mended, or check the mended ones.

    Args:
        root: the repository.
        name: the pipeline.

    Returns:
        What was done and what to do next.

    Raises:
        BadData: a mended row still breaks a rule; names the row and the rule.
    """
    import pandas as pd

    workspace = Workspace(root, name)
    frame = as_texts(read_windows(needed(workspace.raw / "rows.parquet", "ingest")))
    if not workspace.repairs.exists():
        quarantine = pd.read_parquet(needed(workspace.clean / "quarantine.parquet", "validate"))
        rows = sorted(set(quarantine["row"].tolist()))
        if not rows:
            return f"{name}: no row is in quarantine"
        with replaced(workspace.repairs) as draft:
            write_repairs(frame, rows, draft)
        return f"{name}: mend the {len(rows)} rows in {workspace.repairs}, then run this again"
    numbers = pd.read_csv(workspace.repairs)["row"].tolist()
    judgement = judge(repaired(frame, workspace.repairs), load(workspace).main.expectations)
    broken = {
        row: verdict.rule
        for verdict in judgement.failed
        if verdict.judges_rows
        for row in verdict.rows
        if row in numbers
    }
    if broken:
        row, rule = next(iter(broken.items()))
        raise BadData(
            f"{workspace.repairs}: every mended row must keep the rules",
            f"row {row} breaks {rule}; rows {listed(broken)}",
            "Mend it, or take it out of the file",
        )
    wire(root, [name])
    return f"{name}: {len(numbers)} rows are readmitted by the next `dvc repro`"
